"""Each attack on custody, on relations of firms, on condition leaves what defines its pattern."""

from itertools import pairwise
from typing import Any

import polars as pl
import pytest

from data.simulator.attacks import ATTACKS, condition, custody, network
from data.simulator.network import Network
from data.simulator.sales import list_price
from data.simulator.stage import day_of
from data.simulator.working_time import DAY_US, HOUR_US
from tests.simulator.conftest import (
    Played,
    Stager,
    act,
    assert_nothing_else_changes,
    assert_truth_is_whole,
)

MINE = {a.code: a for module in (custody, network, condition) for a in module.ATTACKS}
ENDS = ("dispensing", "retail_selling")
SKILLS = (0.0, 1.0)
both_skills = pytest.mark.parametrize("skill", SKILLS)


@pytest.fixture
def play(net: Network, stager: Stager) -> Any:
    """Plays an attack on a product that suits it."""

    def played(code: str, skill: float, size: float = 1.0, units: int = 150) -> Played:
        return act(MINE[code], stager(product=suited(net, code), units=units), size, skill)

    return played


def suited(net: Network, code: str) -> int:
    suits = MINE[code].suits
    options = [p.no for p in net.products if suits is None or suits(p, net)]
    return options[1]


def rows(played: Played, key: str, *steps: str) -> list[dict[str, Any]]:
    """What happened to a pack by itself, in order."""
    own = played.of(key).sort("at_us", "event_no").to_dicts()
    return [row for row in own if not steps or row["step"] in steps]


def evidence(played: Played) -> pl.DataFrame:
    return played.events.filter(pl.col("event_no").is_in(played.truth.evidence))


def roles(played: Played, sites: Any) -> set[str]:
    return {played.stage.net.sites[int(s)].role for s in sites}


def firm(played: Played, site: int) -> int:
    return played.stage.net.sites[site].partner.no


def number(played: Played, key: str) -> int:
    """Number of a genuine pack."""
    packs = played.scene.packs()
    return packs[played.scene.keys_of(packs).index(key)]


def span_us(played: Played) -> int:
    """From the first event that gives a scheme away to the last."""
    times: list[int] = evidence(played)["at_us"].to_list()
    return max(times) - min(times)


def holders(played: Played, key: str) -> list[int]:
    """Firms that received a pack, by staged events and its honest journey, in order."""
    scene = played.scene
    pack = number(played, key)
    cut_us = int(played.stage.cut_us[pack])
    honest = [(g.receive_us, g.buyer) for g in scene.journey(pack) if g.ship_us < cut_us]
    staged = [(r["at_us"], r["owner_to"]) for r in rows(played, key, "receiving")]
    times = sorted({*honest, *staged})
    sites = [scene.product.maker, *[site for _at, site in times]]
    return [b for a, b in pairwise([-1, *sites]) if a != b]


@pytest.mark.parametrize("code", sorted(MINE))
@both_skills
def test_the_truth_is_whole_and_nothing_else_changes(
    code: str, skill: float, net: Network, stager: Stager, play: Any
) -> None:
    played = play(code, skill)
    if code == "P21":  # counted, not scanned: no serials to name
        assert played.truth.evidence
        assert played.staged["event_no"].is_unique().all()
    else:
        assert_truth_is_whole(played)
    product = suited(net, code)
    assert_nothing_else_changes(
        MINE[code], lambda numbers=(3, 11, 17, 20): stager(numbers, product=product), skill
    )


@pytest.mark.parametrize("code", sorted(MINE))
def test_care_costs_the_culprit_packs_and_time(code: str, play: Any) -> None:
    clumsy, careful = (play(code, skill) for skill in SKILLS)
    if code not in ("P21", "P23", "P24"):
        assert len(careful.truth.units) < len(clumsy.truth.units)
    if code in ("P17", "P20", "P26", "P27", "P31", "P34", "P35", "P40"):
        assert span_us(careful) > 2 * span_us(clumsy)


@both_skills
def test_p17_shops_receive_what_nobody_sent(skill: float, play: Any) -> None:
    played = play("P17", skill)
    for key in played.truth.units:
        got = rows(played, key, "receiving")[-1]
        sent = [r for r in rows(played, key, "shipping") if r["place_to"] == got["site"]]
        assert not sent
        assert roles(played, [got["site"]]) == {"pharmacy"}
        assert (got["owner_from"] is None) == (skill == 0)


@both_skills
def test_p18_packs_leave_and_are_never_seen_again(skill: float, play: Any) -> None:
    played = play("P18", skill)
    left = evidence(played)
    assert set(left["step"]) == {"shipping"}
    for key in played.truth.units:
        last_us = int(left["at_us"].max())  # type: ignore[arg-type]
        assert not [r for r in rows(played, key) if r["at_us"] > last_us]
    # Only where receipts are told does it show that none came.
    assert dict(played.truth.unanswered) == {
        row["event_no"]: row["place_to"] for row in left.to_dicts()
    }
    # Nothing of it is in a list: the victim does not know.
    assert not played.stage.lists.theft_notices
    if skill == 1:  # the rest of the order travels under the same paper
        for row in left.to_dicts():
            twins = played.honest.filter(pl.col("document") == row["document"])
            assert len(row["epcs"]) == 1
            assert set(twins["step"]) <= {"shipping", "receiving"}


@both_skills
def test_p19_a_firm_sends_packs_that_another_still_has(skill: float, play: Any) -> None:
    played = play("P19", skill)
    scene = played.scene
    (seller,) = played.truth.sites
    for key in played.truth.units:
        sent = [r for r in rows(played, key, "shipping") if r["site"] == seller]
        pack = number(played, key)
        shop, end_us = scene.end(pack)
        assert sent
        assert scene.journey(pack)[-1].receive_us < sent[0]["at_us"] < end_us
        assert shop not in (seller, sent[0]["owner_to"])


@both_skills
def test_p20_a_trader_gives_away_more_than_it_has(skill: float, play: Any) -> None:
    played = play("P20", skill)
    (trader,) = played.truth.sites
    moves = played.events.filter(pl.col("step").is_in(("shipping", "receiving")))
    moves = moves.filter(pl.col("site") == trader).sort("at_us")
    sign = {"shipping": -1, "receiving": 1}
    balance, least = 0, 0
    for row in moves.to_dicts():
        balance += sign[row["step"]] * len(row["epcs"])
        least = min(least, balance)
    assert least < 0
    assert balance < 0 or skill == 1


@both_skills
def test_p21_hospitals_get_more_packs_of_the_lot_by_count(skill: float, play: Any) -> None:
    played = play("P21", skill)
    got = evidence(played).filter(pl.col("step") == "receiving")
    counted = got["classes"].explode().struct.unnest()
    assert set(counted["key"]) == {f"01/{played.scene.product.gtin}/10/{played.scene.lot}"}
    assert roles(played, got["site"]) == {"hospital"}
    # All packs that were made are still there: these come on top.
    assert not (played.stage.cut_us < played.stage.until_us).any()
    most = counted["quantity"].max()
    assert most <= (played.scene.product.per_case if skill == 0 else 5)  # type: ignore[operator]


@both_skills
def test_p22_somebody_else_signs_for_the_goods(skill: float, play: Any) -> None:
    played = play("P22", skill)
    (taker,) = played.truth.sites
    for key in played.truth.units:
        got = next(r for r in rows(played, key, "receiving") if r["site"] == taker)
        sent = [r for r in rows(played, key, "shipping") if r["document"] == got["document"]]
        assert [r["owner_to"] != taker != r["place_to"] for r in sent] == [True]
        # The receipt alone accuses nobody: what it contradicts must be known.
        assert (got["event_no"], sent[0]["event_no"]) in played.truth.against
    assert played.stage.net.sites[taker].tier == ("shell" if skill == 0 else "secondary")


@both_skills
def test_p23_packs_are_away_while_their_case_is_closed(skill: float, play: Any) -> None:
    played = play("P23", skill)
    scene = played.scene
    for key in played.truth.units:
        pack = number(played, key)
        case = scene.case_key(pack)
        opened = played.honest.filter(
            (pl.col("parent") == case) & (pl.col("step") == "unpacking")
        ).row(0, named=True)
        assert rows(played, key, "receiving")[0]["at_us"] < opened["at_us"]
        travelled = played.honest.filter(
            (pl.col("step") == "shipping") & pl.col("epcs").list.contains(case)
        )
        pallets = played.honest.filter(pl.col("children").list.contains(case))
        assert len(travelled) or len(pallets)
    cases = [scene.case_key(number(played, key)) for key in played.truth.units]
    assert (max(cases.count(case) for case in cases) == 1) == (skill == 1)


@both_skills
def test_p24_packs_are_in_two_closed_boxes(skill: float, play: Any) -> None:
    played = play("P24", skill)
    for key in played.truth.units:
        boxes = played.events.filter(
            (pl.col("event_type") == "AggregationEvent") & pl.col("children").list.contains(key)
        ).sort("at_us", "event_no")
        first, second = boxes.filter(pl.col("step") == "packing").head(2).to_dicts()
        assert first["parent"] != second["parent"]
        opened = boxes.filter(
            (pl.col("parent") == first["parent"]) & (pl.col("step") == "unpacking")
        )
        assert (opened["at_us"] > second["at_us"]).all()
        assert firm(played, first["site"]) != firm(played, second["site"])


@both_skills
def test_p25_more_comes_out_than_went_in(skill: float, play: Any) -> None:
    played = play("P25", skill)
    (act_,) = evidence(played).to_dicts()
    assert act_["event_type"] == "TransformationEvent"
    excess = len(act_["outputs"]) - len(act_["epcs"])
    assert excess == len(played.truth.units) > 0
    assert excess == len(act_["epcs"]) if skill == 0 else excess < 0.2 * len(act_["epcs"])
    assert set(played.truth.units) <= set(act_["outputs"])
    assert (act_["lot"], act_["expiry"]) == (played.scene.lot, played.scene.expiry)
    assert roles(played, [act_["site"]]) == {"parallel_trader"}


@both_skills
def test_p26_the_trader_has_no_licence_at_the_time(skill: float, play: Any) -> None:
    played = play("P26", skill)
    (trader,) = played.truth.sites
    first_us = int(evidence(played)["at_us"].min())  # type: ignore[arg-type]
    listed = [row for row in played.stage.net.licences if row.site == trader]
    changed = played.stage.lists.licences.get(trader, {})
    if skill == 0:
        assert not listed
    else:
        assert listed[0].valid_from.isoformat() < changed["valid_to"]
        assert changed["valid_to"] < day_of(first_us).isoformat()


@both_skills
def test_p27_nothing_on_record_brought_the_lot_to_the_trader(skill: float, play: Any) -> None:
    played = play("P27", skill)
    (trader,) = played.truth.sites
    sent = played.events.filter(pl.col("step") == "shipping")
    assert trader not in sent["owner_to"].to_list()
    assert trader in sent["owner_from"].to_list()
    named = evidence(played).filter((pl.col("step") == "receiving") & (pl.col("site") == trader))
    assert named.is_empty() == (skill == 0)
    # Who is named as supplier never had the lot.
    assert not set(named["owner_from"]) & set(sent["owner_from"])


@both_skills
def test_p28_shops_that_know_the_lot_get_it_from_a_new_firm(skill: float, play: Any) -> None:
    played = play("P28", skill)
    (trader,) = played.truth.sites
    assert played.scene.product.is_high_risk
    assert played.stage.net.sites[trader].tier == "flash"
    got = played.events.filter(pl.col("step") == "receiving")
    legs = played.stage.life.legs
    usual = set(legs.owner_to[(legs.lot == 0) & (legs.owner_from != trader)].tolist())
    buyers = evidence(played).filter(pl.col("step") == "receiving")["site"]
    assert set(buyers) <= usual
    lawful = got.filter(pl.col("owner_to") == trader)
    assert lawful.is_empty() == (skill == 0)


@both_skills
def test_p29_packs_change_hands_too_often(skill: float, play: Any) -> None:
    played = play("P29", skill)
    for key in played.truth.units:
        firms = holders(played, key)
        assert len(firms) - 1 == (7 if skill == 0 else 5)
    countries = {played.stage.net.sites[s].country for s in played.truth.sites}
    if skill == 1:
        assert countries <= set(played.scene.product.markets)
    else:
        assert len(countries) > 1


@both_skills
def test_p30_packs_come_back_to_their_seller_and_nobody_says_return(
    skill: float, play: Any
) -> None:
    played = play("P30", skill)
    seller, *firms = played.truth.sites
    for key in played.truth.units:
        held = holders(played, key)
        first = held.index(seller)
        assert held[first : first + 4] == [seller, *firms, seller]
    assert "returned" not in played.staged["disposition"].to_list()
    assert "rma" not in played.staged["document_kind"].to_list()


@both_skills
def test_p31_a_fresh_firm_sells_a_dear_product_to_many(skill: float, play: Any) -> None:
    played = play("P31", skill)
    assert len(played.stage.truths) == MINE["P31"].lots
    firms = {s for truth in played.stage.truths for s in truth.sites}
    assert {played.stage.net.sites[s].tier for s in firms} == {"flash"}
    assert len(firms) == (1 if skill == 0 else 2)
    sold = played.steps("shipping").filter(pl.col("owner_from").is_in(firms))
    assert sold["owner_to"].n_unique() >= (6 if skill == 0 else 4)
    assert played.scene.product.is_high_risk
    # Lawful trade beside it is no evidence.
    lawful = played.steps("receiving").filter(pl.col("site").is_in(firms))
    assert 0 < len(lawful) < (10 if skill == 0 else 30)
    told = {n for truth in played.stage.truths for n in truth.evidence}
    assert not told & set(lawful["event_no"])


@both_skills
def test_p32_a_dispenser_sells_to_a_wholesaler_that_never_supplied_it(
    skill: float, play: Any
) -> None:
    played = play("P32", skill)
    scene = played.scene
    *dispensers, taker = played.truth.sites
    assert roles(played, dispensers) <= {"pharmacy", "hospital"}
    assert roles(played, [taker]) == {"wholesaler"}
    for key in played.truth.units:
        assert taker in holders(played, key)
        sent = [r for r in rows(played, key, "shipping") if r["owner_to"] == taker]
        assert [r["owner_from"] in dispensers for r in sent] == [True]
        assert sent[0]["disposition"] == "in_transit"
        assert taker not in {leg.seller for leg in scene.journey(number(played, key))}


@both_skills
def test_p33_goods_stay_hours_at_a_shell_between_one_supplier_and_one_buyer(
    skill: float, play: Any
) -> None:
    played = play("P33", skill)
    assert len(played.stage.truths) == MINE["P33"].lots
    supplier, shell = played.truth.sites
    assert {t.sites for t in played.stage.truths} == {(supplier, shell)}
    at_shell = played.staged.filter(pl.col("event_no").is_in(played.truth.evidence))
    at_shell = at_shell.filter(pl.col("site") == shell).sort("at_us")
    came, left = (at_shell.filter(pl.col("step") == s) for s in ("receiving", "shipping"))
    assert len(came) == len(left) >= (5 if skill == 0 else 2)
    assert set(came["owner_from"]) == {supplier}
    assert left["owner_to"].n_unique() == 1
    stay_h = ((left["at_us"] - came["at_us"]) / HOUR_US).sort()
    assert stay_h.median() <= 24 if skill == 0 else stay_h.max() < 120
    assert (came["at_us"] // DAY_US).n_unique() >= (3 if skill == 0 else 2)


@both_skills
def test_p34_packs_are_sold_in_a_country_they_were_not_made_for(skill: float, play: Any) -> None:
    played = play("P34", skill)
    sites, markets = played.stage.net.sites, played.scene.product.markets
    ends = played.steps(*ENDS)
    assert {sites[int(s)].country for s in ends["site"]}.isdisjoint(markets)
    named = {key for row in ends["epcs"] for key in row}
    assert set(played.truth.units) >= named
    booked = played.stage.lists.shipments
    if skill == 0:
        assert not booked
        return
    # Every sale is booked under its own order, at the price of the place.
    assert len(booked) == len(played.steps("shipping"))
    assert len({row["order_id"] for row in booked}) == len(booked)
    by_gln = {site.gln: site for site in sites}
    for row in booked:
        country = by_gln[row["from_gln"]].country
        usual = list_price(played.stage.net, played.scene.product.no, country)
        assert 0.85 < float(row["unit_price"]) / usual < 1.05
    assert {sites[s].tier for s in played.truth.sites} == {"secondary"}


def test_p40_papers_tell_an_origin_that_never_was(play: Any) -> None:
    played = play("P40", 0.0)
    (trader,) = played.truth.sites
    claimed = evidence(played)
    maker = played.scene.product.maker
    assert set(claimed["owner_from"]) == {maker}
    sent = played.events.filter((pl.col("step") == "shipping") & (pl.col("owner_from") == maker))
    assert trader not in sent["owner_to"].to_list()

    played = play("P40", 0.5)
    sent = evidence(played)
    assert sent["document"].n_unique() == 1
    assert sent["owner_to"].n_unique() >= 3

    played = play("P40", 1.0)
    (trader,) = played.truth.sites
    assert played.stage.net.sites[trader].tier == "secondary"
    assert trader not in played.events.filter(pl.col("step") == "receiving")["site"].to_list()
    assert len(played.stage.lists.shipments) == len(played.truth.evidence)
    assert played.steps("shipping")["document"].is_unique().all()


@both_skills
def test_p35_the_price_is_too_good(skill: float, play: Any) -> None:
    played = play("P35", skill)
    scene = played.scene
    site = played.stage.net.sites[played.truth.sites[0]]
    usual = list_price(played.stage.net, scene.product.no, site.country)
    shares = [float(row["unit_price"]) / usual for row in played.stage.lists.shipments]
    assert len(shares) >= 3
    low, high = (0.38, 0.47) if skill == 0 else (0.70, 0.78)
    assert all(low < share < high for share in shares)


@both_skills
def test_p36_orders_arrive_weeks_late(skill: float, play: Any) -> None:
    played = play("P36", skill)
    late = evidence(played)
    assert set(late["step"]) == {"receiving"}
    for row in late.to_dicts():
        sent = rows(played, row["epcs"][0], "shipping")[-1]
        assert sent["document"] == row["document"]
        days = (row["at_us"] - sent["at_us"]) / DAY_US
        assert 30 < days < 60 if skill == 0 else 5 < days < 16


@both_skills
def test_p37_the_logger_is_warm_or_silent(skill: float, play: Any) -> None:
    played = play("P37", skill)
    assert played.scene.product.is_cold
    for row in evidence(played).to_dicts():
        log = row["temperatures"]
        assert row["step"] == "sensor_reporting"
        assert len(log) >= 6
        gaps_h = [(b["observed_us"] - a["observed_us"]) / HOUR_US for a, b in pairwise(log)]
        warm = [r for r in log if r["value"] > 8.5]
        assert (len(warm) >= 12) == (skill == 0)
        assert max(gaps_h) > 2 if skill == 1 else max(gaps_h) < 1


def test_sizes_scale(play: Any) -> None:
    for code in sorted(MINE):
        if code in ("P18", "P24"):  # whole lorries and cases
            continue
        small, large = (play(code, 0.0, size, 600) for size in (0.5, 2.0))
        assert len(large.staged) > len(small.staged), code


def test_all_patterns_have_an_attack() -> None:
    assert sorted(ATTACKS) == [f"P{n:02d}" for n in range(1, 41)]
