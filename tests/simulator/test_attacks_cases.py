"""Each combined scheme is played by one cast over its lots, and shows what its case is about."""

from typing import Any

import polars as pl
import pytest

from data.cases.library import load
from data.simulator.attacks.cases import CASES, Case
from data.simulator.network import Network
from data.simulator.profiles import Wishes, world_of
from data.simulator.sales import list_price
from data.simulator.working_time import DAY_US, HOUR_US
from tests.simulator.conftest import Played, Stager, act, all_told, of_lot

LIBRARY = {case.case_id: case for case in load() if case.kind == "public"}
ENDS = ("dispensing", "retail_selling")
NUMBERS = (3, 11, 17, 20, 23)
each_case = pytest.mark.parametrize("case_id", sorted(CASES))


def suited(net: Network, case: Case) -> int:
    return [p.no for p in net.products if case.suits is None or case.suits(p, net)][-1]


@pytest.fixture
def play(net: Network, stager: Stager) -> Any:
    """Plays a case on a product that suits it, with one lot more beside."""

    def played(case_id: str, skill: float = 0.5, size: float = 1.0, row: int = 0) -> Played:
        case = CASES[case_id]
        numbers = (25, *NUMBERS)[1 - row :][: case.lots + 1]
        return act(case, stager(numbers, product=suited(net, case)), size, skill, row=row)

    return played


def of(played: Played, code: str) -> pl.DataFrame:
    """Events that bear the evidence of one code."""
    numbers = [n for truth in played.stage.truths if truth.code == code for n in truth.evidence]
    return played.events.filter(pl.col("event_no").is_in(numbers))


def units(played: Played) -> set[str]:
    return {key for truth in played.stage.truths for key in truth.units}


def firms(played: Played) -> set[int]:
    return {site for truth in played.stage.truths for site in truth.sites}


@each_case
def test_a_case_shows_its_codes_by_one_cast_on_every_lot(case_id: str, play: Any) -> None:
    played, case = play(case_id), CASES[case_id]
    truths = played.stage.truths
    assert {truth.code for truth in truths} == set(case.codes)
    assert {truth.lot_no for truth in truths} == set(NUMBERS[: case.lots])
    assert len({truth.sites for truth in truths}) == 1
    # Fakes among diverted packs are another matter, and stand under the lot that they claim.
    labels = {truth.label for truth in truths}
    assert len(labels) == (2 if case_id == "avastin-us-2012" else 1)
    told = set(played.events["event_no"].to_list())
    for truth in truths:
        assert truth.evidence or truth.scanned_us is not None
        assert set(truth.evidence) <= told
        assert (truth.scanned_us or 0) <= played.stage.until_us
    assert played.staged["event_no"].is_unique().all()
    # Of the codes that the library names at most two are not staged.
    missing = {signal.code for signal in LIBRARY[case_id].signals} - set(case.codes)
    assert len(missing) <= 2


@each_case
def test_a_case_changes_nothing_else_and_is_the_same_each_time(
    case_id: str, net: Network, stager: Stager, play: Any
) -> None:
    case = CASES[case_id]
    product = suited(net, case)
    stage = stager(NUMBERS[: case.lots + 1], product=product)
    before = all_told(stage, stage.scene("P00", 0))
    after, again, moved = play(case_id), play(case_id), play(case_id, row=1)
    beside = NUMBERS[case.lots]
    assert of_lot(after.honest, beside).equals(of_lot(before.honest, beside))
    assert of_lot(before.honest, beside).height > 0
    assert again.staged.equals(after.staged)
    assert again.stage.truths == after.stage.truths
    # Whatever other lots are in the chunk, the case is the same.
    assert moved.staged.equals(after.staged)
    assert moved.stage.lists == after.stage.lists


@pytest.mark.parametrize("case_id", ["hiv-gilead-2020-21", "hiv-shell-wholesalers-2019-21"])
def test_bought_back_packs_pass_firms_that_give_them_an_origin(case_id: str, play: Any) -> None:
    played = play(case_id)
    maker = played.scene.product.maker
    claimed = of(played, "P40")
    assert set(claimed["owner_from"]) == {maker}
    assert set(claimed["step"]) == {"receiving"}
    for key in units(played):
        life = played.of(key).sort("at_us")
        steps = life["step"].to_list()
        first_end = next(n for n, step in enumerate(steps) if step in ENDS)
        assert "shipping" in steps[first_end:]
    country = {site.gln: site.country for site in played.stage.net.sites}
    for row in played.stage.lists.shipments:
        net, product = played.stage.net, played.scene.product.no
        usual = list_price(net, product, country[row["from_gln"]])
        assert float(row["unit_price"]) < 0.75 * usual
    tiers = {played.stage.net.sites[s].tier for s in firms(played)}
    assert {"shell", "flash"} <= tiers


def test_a_chain_of_shells_hands_on_within_hours_and_ends_where_it_began(play: Any) -> None:
    played = play("hiv-shell-wholesalers-2019-21")
    (sites,) = {truth.sites for truth in played.stage.truths}
    assert len(sites) == 4
    stays = []
    for key in sorted(units(played))[:20]:
        life = played.of(key).sort("at_us")
        for firm in sites[1:-1]:
            came = life.filter((pl.col("step") == "receiving") & (pl.col("site") == firm))
            left = life.filter((pl.col("step") == "shipping") & (pl.col("site") == firm))
            if len(came) and len(left):
                stays.append((left["at_us"][0] - came["at_us"][0]) / HOUR_US)
    assert stays
    assert sum(stay <= 24 for stay in stays) > len(stays) / 2
    back = of(played, "P30")
    for row in back.to_dicts():
        ends = played.of(row["epcs"][0]).filter(pl.col("step").is_in(ENDS)).sort("at_us")
        assert ends["site"][0] == row["site"]  # handed out there before


def test_a_laundering_wholesaler_trades_mostly_genuine_packs(play: Any) -> None:
    played = play("hiv-safechain-2020-21")
    (sites,) = {truth.sites for truth in played.stage.truths}
    wholesaler = sites[-1]
    assert played.stage.net.sites[wholesaler].tier == "secondary"
    bad = units(played)
    sent = played.events.filter((pl.col("step") == "shipping") & (pl.col("site") == wholesaler))
    keys = [key for row in sent["epcs"] for key in row]
    assert 0 < sum(key in bad for key in keys) < len(keys) / 2
    evidence = {n for truth in played.stage.truths for n in truth.evidence}
    lawful = sent.filter(~pl.col("epcs").list.eval(pl.element().is_in(list(bad))).list.any())
    assert len(lawful)
    assert not evidence & set(lawful["event_no"])
    burst = [t.scanned_us for t in played.stage.truths if t.code == "P38"]
    refused = played.scans.filter(pl.col("answer_code") == "A7")["at_us"].sort()
    assert all(us is not None and us > int(refused.min()) for us in burst)


def test_codes_are_claimed_twice_and_thrice(play: Any) -> None:
    played = play("china-returned-drugs-2024")
    counts = [
        played.of(key).filter(pl.col("step").is_in(ENDS))["site"].n_unique()
        for key in units(played)
    ]
    assert set(counts) == {2, 3}
    assert played.stage.lists.verifications == []


def test_one_serial_stands_on_all_cartons_with_another_lots_number(play: Any) -> None:
    played = play("ozempic-us-2023-nar0074")
    (key,) = units(played)
    assert played.of(key).filter(pl.col("step").is_in(ENDS))["site"].n_unique() >= 5
    lots = played.stage.life.lots
    other = lots.number[int(lots.made_us[:2].argmin())]
    assert set(played.scans.filter(pl.col("answer_code") == "A68")["lot"]) == {other}
    classes = of(played, "P21")["classes"].explode().struct.field("key")
    assert {name.rsplit("/", 1)[1] for name in classes} == {other}


def test_stolen_goods_are_on_a_list_before_they_surface(play: Any) -> None:
    for case_id in ("levemir-us-2009", "advair-us-2009"):
        played = play(case_id)
        notices = played.stage.lists.theft_notices
        assert notices
        first = min(row["reported_at"] for row in notices)
        sold = played.steps(*ENDS).sort("at_us")
        stolen_us = int(played.staged["at_us"].min())
        assert (int(sold["at_us"][0]) - stolen_us) / DAY_US > 35
        assert first < str(pl.Series([sold["at_us"][0]]).cast(pl.Datetime("us"))[0])
    # Whole lots: no pack of them went any other way.
    lots = set(NUMBERS[: CASES["advair-us-2009"].lots])
    left = played.honest.filter((pl.col("event_no") // (1 << 22)).is_in(lots))
    assert not len(left.filter(pl.col("step").is_in(("retail_selling", "dispensing"))))


def test_hospital_goods_travel_up_the_chain_and_back_to_a_former_owner(play: Any) -> None:
    played = play("herceptin-it-2014")
    sites = played.stage.net.sites
    assert {sites[int(s)].role for s in of(played, "P32")["site"]} <= {"hospital", "pharmacy"}
    assert {sites[int(s)].tier for s in of(played, "P30")["site"]} == {"primary"}
    assert {row["serial"] for row in played.stage.lists.theft_notices}
    assert set(played.scans["answer_code"]) >= {"A52", "A24"}


@pytest.mark.parametrize(
    "case_id", ["lunapharm-de-2018", "avastin-us-2012", "ozempic-de-2023", "hiv-africa-2002"]
)
def test_packs_end_in_a_country_they_were_not_made_for(case_id: str, play: Any) -> None:
    played = play(case_id)
    sites = played.stage.net.sites
    ends = of(played, "P34").filter(pl.col("step").is_in(ENDS))
    assert len(ends)
    there = {sites[int(s)].country for s in ends["site"]}
    assert there.isdisjoint(played.scene.product.markets)


def test_a_case_is_found_by_a_word_of_its_id() -> None:
    assert set(CASES) <= set(LIBRARY)
    world = world_of("demo", Wishes(case="gilead"))
    assert world.cases == ("hiv-gilead-2020-21",)
    assert not world.attacks
