"""Each attack on what a pack is leaves the traces by which its pattern is defined."""

from itertools import pairwise

import polars as pl
import pytest

from data.simulator.attacks import ATTACKS, identity
from data.simulator.places import distances_km
from data.simulator.stage import day_of
from data.simulator.working_time import DAY_US, HOUR_US, MINUTE_US
from tests.simulator.conftest import (
    Played,
    Stager,
    act,
    assert_nothing_else_changes,
    assert_truth_is_whole,
)

CODES = [attack.code for attack in identity.ATTACKS]
ENDS = ("dispensing", "retail_selling")
SKILLS = (0.0, 1.0)
both_skills = pytest.mark.parametrize("skill", SKILLS)


def seen(played: Played, key: str) -> pl.DataFrame:
    """When and where a pack was received, handed out, put aside, or scanned."""
    steps = ("receiving", "holding", *ENDS)
    events = played.of(key).filter(pl.col("step").is_in(steps)).select("at_us", "site")
    serial = key.rsplit("/21/", 1)[1]
    scans = played.scans.filter(pl.col("serial") == serial).select("at_us", "site")
    return pl.concat([events, scans]).unique().sort("at_us")


def refused(played: Played, *answers: str) -> pl.DataFrame:
    return played.scans.filter(pl.col("answer_code").is_in(answers))


def sale_days(played: Played) -> list[float]:
    """Days from the first delivery to each."""
    at = played.steps("receiving").filter(pl.col("event_no").is_in(played.truth.evidence))["at_us"]
    first: list[float] = ((at.sort() - at.min()) / DAY_US).to_list()
    return first


@pytest.mark.parametrize("code", CODES)
@both_skills
def test_the_truth_is_whole_and_nothing_else_changes(
    code: str, skill: float, stager: Stager
) -> None:
    assert_truth_is_whole(act(ATTACKS[code], stager(), 1.0, skill))
    assert_nothing_else_changes(ATTACKS[code], stager, skill)


@both_skills
def test_p01_a_serial_is_at_two_places_and_only_the_clumsy_make_it_fly(
    skill: float, stager: Stager
) -> None:
    played = act(ATTACKS["P01"], stager(product=2), 1.0, skill)
    km, city = distances_km(), played.stage.net.city_no
    speeds = []
    for key in played.truth.units:
        rows = seen(played, key).rows()
        speeds.append(
            max(
                int(km[city[a[1]], city[b[1]]]) / max((b[0] - a[0]) / HOUR_US, 0.1)
                for a, b in pairwise(rows)
            )
        )
    if skill == 0:
        assert max(speeds) > 120
    assert all(speed > 0 for speed in speeds)  # all were at another place at least


@both_skills
def test_p02_one_serial_is_at_many_unrelated_shops(skill: float, stager: Stager) -> None:
    played = act(ATTACKS["P02"], stager(), 1.0, skill)
    net = played.stage.net
    (key,) = played.truth.units
    owners = {net.sites[s].partner.no for s in seen(played, key)["site"]}
    assert len(owners) >= 3
    assert played.of(key).filter(pl.col("step").is_in(ENDS))["site"].n_unique() >= 2
    days = sale_days(played)
    gaps = [b - a for a, b in pairwise(days)]
    assert max(days) < 30 if skill == 0 else min(gaps) > 20


@both_skills
def test_p03_codes_end_twice(skill: float, stager: Stager) -> None:
    played = act(ATTACKS["P03"], stager(), 1.0, skill)
    ends = [
        played.of(key).filter(pl.col("step").is_in(ENDS)).sort("at_us")
        for key in played.truth.units
    ]
    twice = [e for e in ends if len(e) == 2]
    assert twice
    assert all(e["site"].n_unique() == 2 for e in twice)
    if skill == 1:
        assert all(e["at_us"][1] - e["at_us"][0] > 15 * HOUR_US for e in twice)
    else:  # a copy that came first makes the original fail
        originals = refused(played, "A7").filter(~pl.col("site").is_in(played.truth.sites))
        assert len(originals)


@both_skills
def test_p04_serials_were_never_printed_but_the_careful_know_their_form(
    skill: float, stager: Stager
) -> None:
    for product in (0, 2, 4, 6, 8):  # makers of several schemes
        played = act(ATTACKS["P04"], stager(product=product), 1.0, skill)
        scheme = played.scene.product.scheme
        serials = [key.rsplit("/21/", 1)[1] for key in played.truth.units]
        assert not set(played.truth.units) & set(played.stage.things.keys.to_list())
        fits = [
            len(s) == scheme.width
            and s.startswith(scheme.prefix)
            and set(s[len(scheme.prefix) :]) <= set(scheme.alphabet)
            for s in serials
        ]
        assert all(fits) if skill == 1 else not any(fits)
        asked = refused(played, "A3")
        assert set(asked["serial"]) <= set(serials)


@pytest.mark.parametrize("skill", [0.0, 0.5, 1.0])
def test_p05_serials_break_the_makers_scheme_by_form_or_by_odds(
    skill: float, stager: Stager
) -> None:
    for product in (0, 2, 4, 6, 8):
        played = act(ATTACKS["P05"], stager(product=product), 1.0, skill)
        scheme = played.scene.product.scheme
        serials = sorted(key.rsplit("/21/", 1)[1] for key in played.truth.units)
        bodies = [s.removeprefix(scheme.prefix) for s in serials]
        is_in_form = [
            len(s) == scheme.width and set(b) <= set(scheme.alphabet)
            for s, b in zip(serials, bodies, strict=True)
        ]
        if skill < 1:
            assert not any(is_in_form)
            continue
        assert all(is_in_form)
        if scheme.kind == "sequential":
            own = int(played.scene.serial(played.scene.packs()[-1]).removeprefix(scheme.prefix))
            assert all(int(b) > 1.5 * own for b in bodies)
        else:  # counted up: all but the last sign or two are the same
            assert len({b[:-2] for b in bodies}) <= 2


@both_skills
def test_p06_somebody_asks_for_many_unknown_serials(skill: float, stager: Stager) -> None:
    played = act(ATTACKS["P06"], stager(), 1.0, skill)
    asked = refused(played, "A3").filter(pl.col("site").is_in(played.truth.sites))
    assert asked["serial"].n_unique() == len(played.truth.units) >= 10
    hours = (asked["at_us"].max() - asked["at_us"].min()) / HOUR_US  # type: ignore[operator]
    assert hours < 24 if skill == 0 else hours > 100
    assert asked["site"].n_unique() == (1 if skill == 0 else 4)
    assert played.staged.is_empty()


@both_skills
def test_p07_scans_show_another_lot_than_the_serial_has(skill: float, stager: Stager) -> None:
    played = act(ATTACKS["P07"], stager(), 1.0, skill)
    asked = refused(played, "A68")
    assert len(asked)
    own, sister, _other = played.stage.life.lots.number
    shown = set(asked["lot"])
    assert shown == {sister} if skill == 1 else not shown & {own, sister}
    assert set(played.truth.units) <= set(played.scene.keys_of(played.scene.packs()))


@both_skills
def test_p08_scans_show_a_later_date(skill: float, stager: Stager) -> None:
    played = act(ATTACKS["P08"], stager(), 1.0, skill)
    asked = refused(played, "A52")
    own = played.scene.expiry.strftime("%y%m%d")
    assert len(asked)
    assert all(date > own for date in asked["expiry"])
    # No pack is at two places: these are genuine packs.
    for key in played.truth.units:
        assert len(played.of(key).filter(pl.col("step").is_in((*ENDS, "holding")))) <= 1


@both_skills
def test_p09_the_lot_is_in_no_list_and_its_truth_stands_under_its_own_number(
    skill: float, stager: Stager
) -> None:
    played = act(ATTACKS["P09"], stager(), 1.0, skill)
    lot = played.truth.lot
    assert lot not in played.stage.life.lots.number
    assert set(refused(played, "A2")["lot"]) == {lot}
    classes = played.staged["classes"].explode().struct.field("key").drop_nulls().unique().to_list()
    assert classes == ([] if skill == 0 else [f"01/{played.scene.product.gtin}/10/{lot}"])
    assert {row["lot"] for row in played.stage.lists.shipments} <= {lot}
    own = played.scene.lot
    shape = [(len(t), [c.isdigit() for c in t]) for t in (lot, own)]
    assert (shape[0] == shape[1]) == (skill == 1)


@both_skills
def test_p10_the_lot_is_dated_beyond_its_shelf_life(skill: float, stager: Stager) -> None:
    played = act(ATTACKS["P10"], stager(), 1.0, skill)
    scene = played.scene
    excess = (scene.expiry - day_of(scene.made_us)).days - scene.product.shelf_life_days
    assert excess > 31
    assert excess < 80 or skill == 0
    (evidence,) = played.truth.evidence
    told = played.honest.filter(pl.col("event_no") == evidence)
    assert told["step"].to_list() == ["commissioning"]
    assert told["expiry"].to_list() == [scene.expiry]


@both_skills
def test_p38_scans_fail_at_goods_in_and_the_packs_are_blocked(skill: float, stager: Stager) -> None:
    played = act(ATTACKS["P38"], stager(), 1.0, skill)
    failed = played.scans.filter(pl.col("answer_code") != "ACTIVE")
    assert len(failed) == len(played.truth.units)
    assert played.steps(*ENDS).is_empty()
    a_shop = failed.group_by("site").agg(
        pl.len(), span=pl.col("at_us").max() - pl.col("at_us").min()
    )
    if skill == 0:
        assert len(failed) >= 10
        assert len(a_shop) >= 2
        assert a_shop["span"].max() < 60 * MINUTE_US  # type: ignore[operator]
    else:
        assert a_shop["len"].max() == 1


def test_the_whole_typology_has_schemes_and_sizes_scale(stager: Stager) -> None:
    assert [f"P{n:02d}" for n in range(1, 11)] + ["P38"] == CODES
    for code in ("P02", "P03", "P04", "P07", "P38"):
        small, large = (act(ATTACKS[code], stager(units=300), s, 0.0) for s in (1.0, 2.0))
        assert len(large.truth.evidence) > len(small.truth.evidence)
