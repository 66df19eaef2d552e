"""Each attack on what a pack has lived through leaves the traces that define its pattern."""

from datetime import UTC, datetime

import polars as pl
import pytest

from data.simulator.attacks import ATTACKS, lifecycle
from data.simulator.attacks.craft import midnight_us
from data.simulator.working_time import DAY_US, HOUR_US, to_us
from tests.simulator.conftest import (
    Played,
    Stager,
    act,
    assert_nothing_else_changes,
    assert_truth_is_whole,
)

CODES = [attack.code for attack in lifecycle.ATTACKS]
ENDS = ("dispensing", "retail_selling")
SKILLS = (0.0, 0.5, 1.0)
every_skill = pytest.mark.parametrize("skill", SKILLS)


def life_of(played: Played, key: str) -> list[dict[str, object]]:
    """What happened to a pack by itself, in order."""
    return played.of(key).sort("at_us", "event_no").to_dicts()


def steps_of(played: Played, key: str) -> list[str]:
    return [str(event["step"]) for event in life_of(played, key)]


def moved_after(played: Played, at_us: int) -> pl.DataFrame:
    """Shipments and supplies to patients later than a time."""
    return played.events.filter(
        pl.col("step").is_in(("shipping", *ENDS)) & (pl.col("at_us") > at_us)
    )


def in_case(played: Played, frame: pl.DataFrame) -> set[str]:
    """Packs that some events name, in containers or not."""
    inside = {
        row["parent"]: row["children"]
        for row in played.events.filter(pl.col("step") == "packing").to_dicts()
    }
    found: set[str] = set()
    waiting = frame["epcs"].explode().drop_nulls().to_list()
    while waiting:
        thing = waiting.pop()
        if thing in inside:
            waiting += inside[thing]
        else:
            found.add(thing)
    return found


@pytest.mark.parametrize("code", CODES)
@every_skill
def test_the_truth_is_whole_and_nothing_else_changes(
    code: str, skill: float, stager: Stager
) -> None:
    assert_truth_is_whole(act(ATTACKS[code], stager(), 1.0, skill))
    assert_nothing_else_changes(ATTACKS[code], stager, skill)


@every_skill
def test_p11_destroyed_packs_trade_again(skill: float, stager: Stager) -> None:
    played = act(ATTACKS["P11"], stager(), 1.0, skill)
    for key in played.truth.units:
        steps = steps_of(played, key)
        burnt = steps.index("destroying")
        assert "receiving" in steps[burnt:]
        assert not set(ENDS) & set(steps[:burnt])
    assert set(played.scans.filter(pl.col("answer_code") != "ACTIVE")["answer_code"]) <= {"A24"}


@every_skill
def test_p12_packs_handed_out_are_received_by_another_shop(skill: float, stager: Stager) -> None:
    played = act(ATTACKS["P12"], stager(), 1.0, skill)
    for key in played.truth.units:
        life = life_of(played, key)
        sold = next(n for n, event in enumerate(life) if event["step"] in ENDS)
        again = [event for event in life[sold + 1 :] if event["step"] == "receiving"]
        assert again
        assert all(event["site"] != life[sold]["site"] for event in again)


@every_skill
def test_p13_packs_are_sold_before_they_are_made_or_are_made_twice(
    skill: float, stager: Stager
) -> None:
    played = act(ATTACKS["P13"], stager(), 1.0, skill)
    for key in played.truth.units:
        steps = steps_of(played, key)
        if skill < 1 / 2:
            assert steps[0] == "receiving"
        else:
            assert steps.count("commissioning") == 2
    early = played.scans.filter(pl.col("at_us") < played.scene.made_us)
    assert set(early["answer_code"]) <= {"A3"}


@every_skill
def test_p13_of_a_pack_and_its_copy_only_the_first_is_confirmed(
    skill: float, stager: Stager
) -> None:
    confirmed = pl.col("answer_code") == "ACTIVE"
    later = 0
    for number in range(3, 15):
        played = act(ATTACKS["P13"], stager((number,)), 1.0, skill)
        serials = [key.rsplit("/21/", 1)[1] for key in played.truth.units]
        scans = played.scans.filter(pl.col("serial").is_in(serials))
        assert scans.filter(confirmed)["serial"].is_unique().all()
        later += len(scans.filter(pl.col("answer_code") == "A7"))
    assert (later > 0) == (skill >= 1 / 2)


@every_skill
def test_p14_packs_move_after_their_lot_has_expired_and_honest_ones_do_not(
    skill: float, stager: Stager
) -> None:
    played = act(ATTACKS["P14"], stager(), 1.0, skill)
    over_us = midnight_us(played.scene.expiry)
    mine = moved_after(played, over_us)
    honest = mine.filter(pl.col("event_no").is_in(played.honest["event_no"]))
    lots = [e for e in honest["epcs"].explode().drop_nulls() if e in _keys(played)]
    assert not lots
    late = in_case(played, mine) & set(played.truth.units)
    assert late
    refused = played.scans.filter(pl.col("answer_code") == "A52")
    assert refused.is_empty() == (skill < 2 / 3)
    stated = played.honest.filter(pl.col("expiry").is_not_null())["expiry"].to_list()
    assert played.scene.expiry in stated


def _keys(played: Played) -> set[str]:
    return set(played.scene.keys_of(played.scene.packs()))


@every_skill
def test_p15_recalled_packs_move_and_honest_parties_stop(skill: float, stager: Stager) -> None:
    played = act(ATTACKS["P15"], stager(), 1.0, skill)
    (recall,) = played.stage.lists.recalls
    assert (recall["gtin"], recall["lot"]) == (played.scene.product.gtin, played.scene.lot)
    from_us = to_us(datetime.strptime(recall["from"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC))
    late = moved_after(played, from_us + DAY_US)
    staged = late.filter(pl.col("event_no").is_in(played.staged["event_no"]))
    honest = late.filter(pl.col("event_no").is_in(played.honest["event_no"]))
    assert in_case(played, staged) & set(played.truth.units)
    assert not in_case(played, honest) & _keys(played)


@every_skill
def test_p16_what_a_notice_names_turns_up_elsewhere(skill: float, stager: Stager) -> None:
    ways = set()
    for number in range(3, 15):
        played = act(ATTACKS["P16"], stager((number,)), 1.0, skill)
        notices = played.stage.lists.theft_notices
        units = set(played.truth.units)
        at_us = to_us(
            datetime.strptime(notices[0]["reported_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        )
        if "serial" in notices[0]:
            ways.add("serial")
            assert {row["serial"] for row in notices} == {k.rsplit("/21/", 1)[1] for k in units}
        elif "sscc" in notices[0]:
            ways.add("sscc")
            packed = played.steps("packing").filter(
                pl.col("parent").str.slice(3).is_in([row["sscc"] for row in notices])
            )
            assert set(packed["children"].explode()) == units
        else:
            ways.add("lot")
            assert len(notices) == 1
        again = played.steps("receiving").filter(pl.col("at_us") > at_us)
        assert in_case(played, again) & units
        # The consignment left, and never arrived.
        assert in_case(played, played.steps("shipping")) >= units
        goal = played.steps("shipping").sort("at_us")["place_to"][0]
        assert goal not in played.truth.sites
        assert (
            not in_case(
                played,
                played.events.filter((pl.col("step") == "receiving") & (pl.col("site") == goal)),
            )
            & units
        )
    assert ways == {"serial", "sscc", "lot"}


@every_skill
def test_p39_goods_are_returned_to_a_wholesaler_who_never_had_them(
    skill: float, stager: Stager
) -> None:
    played = act(ATTACKS["P39"], stager(), 1.0, skill)
    net = played.stage.net
    stage, scene = played.stage, played.scene
    pack_of = dict(zip(scene.keys_of(scene.packs()), scene.packs(), strict=True))
    back = played.steps("shipping").filter(pl.col("disposition") == "returned").to_dicts()
    paper = {row["document_kind"] for row in back}
    assert paper == ({None} if skill < 1 / 3 else {"rma"})
    found = set()
    for row in back:
        for key in set(row["epcs"]) & set(played.truth.units):
            owners = {leg.seller for leg in scene.journey(pack_of[key])}
            partners = {net.sites[s].partner.no for s in owners}
            assert net.sites[row["owner_to"]].partner.no not in partners
            found.add(key)
    assert found == set(played.truth.units)
    # The wholesaler sells them on.
    assert any(row["owner_from"] in {b["owner_to"] for b in back} for row in stage.rows)


@pytest.mark.parametrize("code", CODES)
def test_the_careful_sell_fewer_over_longer(code: str, stager: Stager) -> None:
    def sales(skill: float) -> pl.DataFrame:
        played = act(ATTACKS[code], stager(units=300), 1.0, skill)
        return played.steps("receiving", *ENDS).filter(
            pl.col("event_no").is_in(played.truth.evidence)
        )

    clumsy, careful = sales(0.0), sales(1.0)
    assert 0 < len(careful) < len(clumsy)
    gap_h = careful["at_us"].unique().sort().diff().max()
    assert isinstance(gap_h, int)
    assert gap_h > 24 * HOUR_US


def test_the_whole_typology_has_schemes() -> None:
    assert [f"P{n}" for n in range(11, 17)] + ["P39"] == CODES
