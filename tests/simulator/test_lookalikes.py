"""Honest mishaps leave the traces that their codes speak of, and break no other law of trade."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date

import numpy as np
import polars as pl
import pytest

from data.simulator.life import live
from data.simulator.lookalikes import LOOK_ALIKES
from data.simulator.lots import SCHEME_LOTS, plan_lots
from data.simulator.network import Network
from data.simulator.places import distances_km
from data.simulator.stage import Stage, Truth
from data.simulator.telling import EVENT_BITS, name_things
from data.simulator.verifying import honest_scans
from data.simulator.working_time import DAY_US, HOUR_US, MINUTE_US, Clocks
from tests.simulator.conftest import Played, Stager, all_told, of_lot

CODES = tuple(LOOK_ALIKES)
PACKS, CONSIGNMENTS, LOTS, SCANS = 60.0, 40.0, 200.0, 200.0  # times what really happens
RATES = {
    **dict.fromkeys(("B01", "B02", "B03", "B04", "B05", "B07", "B27", "B28"), SCANS),
    **dict.fromkeys(("B16", "B17", "B18", "B21"), LOTS),
    **dict.fromkeys(("B08", "B13"), PACKS),
    **dict.fromkeys(("B12", "B14", "B15", "B19", "B22", "B23", "B25", "B26"), CONSIGNMENTS),
    **{"B12": 5.0, "B14": 10.0, "B20": 50.0, "B23": 10.0, "B24": 1.0, "B00": 40.0},
}
ENDS = ("dispensing", "retail_selling")
ODD = pl.col("answer_code") != "ACTIVE"


def played(code: str, stage: Stage, rate: float | None = None) -> Played:
    """A look-alike all over a stage, far oftener than in life."""
    LOOK_ALIKES[code].play(stage, RATES[code] if rate is None else rate)
    return all_told(stage, stage.scene(code, 0))


def much(stager: Stager, code: str, rate: float | None = None) -> Played:
    return played(code, stager(units=400), rate)


def of_kind(one: Played, note: str) -> list[Truth]:
    """What happened of one kind; there is some."""
    found = [t for t in one.stage.truths if note in t.note]
    assert found
    return found


def life_of(one: Played, key: str) -> list[dict[str, object]]:
    return one.of(key).sort("at_us", "event_no").to_dicts()


def steps_of(one: Played, key: str) -> list[str]:
    return [str(event["step"]) for event in life_of(one, key)]


def refused(one: Played, truth: Truth) -> pl.DataFrame:
    """Scans that failed, of the packs of a mishap."""
    serials = [key.rsplit("/21/", 1)[1] for key in truth.units]
    return one.scans.filter(pl.col("serial").is_in(serials) & ODD)


def serial_of(key: str) -> str:
    return key.rsplit("/21/", 1)[1]


# ---- all of them


def test_every_kind_that_feeds_do_not_make_is_there() -> None:
    made_by_feeds = {"B06", "B09", "B10", "B11"}
    assert {f"B{n:02d}" for n in range(29)} - made_by_feeds == set(CODES)
    assert all(code == one.code for code, one in LOOK_ALIKES.items())


@pytest.mark.parametrize("code", CODES)
def test_it_is_honest_told_and_the_same_whatever_lots_are_beside_it(
    code: str, stager: Stager
) -> None:
    one = much(stager, code, 200.0 if code == "B24" else None)
    truths = one.stage.truths
    assert truths
    assert {t.code for t in truths} == {code}
    assert {t.label for t in truths} == {"honest"}
    assert len({(t.scheme, t.gtin, t.lot) for t in truths}) == len(truths)
    told = set(one.events["event_no"].to_list())
    assert all(set(t.evidence) <= told for t in truths)
    assert one.staged["event_no"].is_unique().all()
    assert not set(one.staged["event_no"]) & set(one.honest["event_no"])

    again = stager((25, 3, 11, 17), units=400)
    moved = played(code, again, 200.0 if code == "B24" else None)
    mine = moved.staged.filter(pl.col("event_no") // (1 << EVENT_BITS) != 25)
    assert mine.equals(one.staged)
    assert [t for t in again.truths if t.lot_no != 25] == truths
    for number in (3, 11, 17):
        assert of_lot(moved.honest, number).equals(of_lot(one.honest, number))


def test_at_rate_zero_nothing_happens(stager: Stager) -> None:
    untouched = all_told(stage := stager(), stage.scene("B00", 0))
    for code in CODES:
        after = played(code, stager(), 0.0)
        assert after.honest.equals(untouched.honest)
        assert after.staged.is_empty()
        assert after.scans.equals(untouched.scans)
        assert not after.stage.truths


def test_lots_of_schemes_keep_their_lists_and_dates(stager: Stager) -> None:
    lot_wide = ("B16", "B17", "B18", "B21")
    stage = stager((SCHEME_LOTS, SCHEME_LOTS + 1))
    for code in lot_wide:
        LOOK_ALIKES[code].play(stage, LOTS)
    assert not stage.truths
    assert not stage.lists.lot_master


# ---- the laws of trade, and who breaks which

BREAKS = {
    "B07": {"ended elsewhere"},  # it has ended already
    "B08 loan": {"received unsent"},
    "B12 case": {"from a closed case"},
    "B12 booked": {
        "from a closed case",
        "ended elsewhere",
        "sent by another",
        "packed elsewhere",
        "handled elsewhere",
    },
    "B13": {"handled elsewhere"},
    "B14 returned though booked out": {"sent by another"},
    "B15 overage": {"received unsent"},
    "B15 wrong address": {"received unsent"},
}


class Replay:
    """A slow replay of every event: where each thing is, and in what."""

    def __init__(self) -> None:
        self.at: dict[str, object] = {}
        self.inside: dict[str, str] = {}
        self.holds: dict[str, set[str]] = {}
        self.broken: dict[str, set[str]] = defaultdict(set)

    def content(self, thing: str) -> Iterator[str]:
        yield thing
        for child in self.holds.get(thing, ()):
            yield from self.content(child)

    def check(self, is_kept: bool, law: str, thing: str) -> None:
        if not is_kept:
            for one in self.content(thing):
                self.broken[one].add(law)

    def put(self, thing: str, place: object) -> None:
        for one in self.content(thing):
            self.at[one] = place

    def tell(self, event: dict[str, object]) -> None:  # noqa: PLR0912 - one branch a step
        here, step = event["site"], event["step"]
        things = event["epcs"] or []
        children = event["children"] or []
        parent = event["parent"]
        assert isinstance(things, list)
        assert isinstance(children, list)
        if step == "commissioning" or event["event_type"] == "TransformationEvent":
            made = event["outputs"] if event["outputs"] else things
            if event["outputs"]:
                for thing in things:
                    self.check(self.at.get(thing) == here, "used up elsewhere", thing)
            assert isinstance(made, list)
            self.at |= dict.fromkeys(made, here)
        elif step == "packing":
            assert isinstance(parent, str)
            self.at[parent] = here
            for child in children:
                self.check(self.at[child] == here, "packed elsewhere", child)
                self.check(child not in self.inside, "from a closed case", child)
                self.holds.get(self.inside.get(child, ""), set()).discard(child)
                self.inside[child] = parent
            self.holds[parent] = set(children)
        elif step == "unpacking":
            assert isinstance(parent, str)
            self.check(self.holds.get(parent) == set(children), "other content", parent)
            self.check(self.at[parent] == here, "packed elsewhere", parent)
            for child in self.holds.pop(parent, set()):
                del self.inside[child]
                self.at[child] = here
        elif step in ("shipping", "receiving", "void_shipping"):
            for thing in things:
                if step == "shipping":
                    self.check(self.at.get(thing) == here, "sent by another", thing)
                    self.check(thing not in self.inside, "from a closed case", thing)
                elif step == "receiving":
                    self.check(self.at.get(thing) == ("road", here), "received unsent", thing)
                self.put(thing, ("road", event["place_to"]) if step == "shipping" else here)
        else:
            is_end = step in (*ENDS, "destroying")
            for thing in things:
                law = "ended elsewhere" if is_end else "handled elsewhere"
                self.check(self.at.get(thing) == here, law, thing)
                if is_end:
                    self.check(thing not in self.inside, "from a closed case", thing)
                is_gone = is_end and event["disposition"] != "partially_dispensed"
                self.put(thing, "gone" if is_gone else here)


def test_each_kind_breaks_its_own_laws_and_untouched_packs_none(
    net: Network, clocks: Clocks
) -> None:
    lots = plan_lots(net, np.arange(40), of_all=40, units=400)
    life = live(net, clocks, lots)
    stage = Stage(net, clocks, life, name_things(net, life), 1_780_000_000_000_000)
    for look_alike in LOOK_ALIKES.values():
        look_alike.play(stage, 3.0)
    one = all_told(stage, stage.scene("B00", 0))
    first = {"commissioning": 0, "receiving": 0, "unpacking": 0, "shipping": 2}
    replay = Replay()
    order = pl.col("step").replace_strict(first, default=1, return_dtype=pl.Int32)
    for event in one.events.sort("at_us", order, "event_no").iter_rows(named=True):
        replay.tell(event)
    may: dict[str, set[str]] = defaultdict(set)
    for truth in stage.truths:
        for kind, laws in BREAKS.items():
            if f"{truth.code} {truth.note}".startswith(kind):
                for key in truth.units:
                    may[key] |= laws
    units = {key for truth in stage.truths for key in truth.units}
    broken = {key: laws for key, laws in replay.broken.items() if key.startswith("01/")}
    assert not {key: laws for key, laws in broken.items() if laws - may[key]}
    assert units > set(broken)
    # Every kind that may break laws does.
    seen = {
        kind
        for truth in stage.truths
        for kind in BREAKS
        if f"{truth.code} {truth.note}".startswith(kind) and set(truth.units) & set(broken)
    }
    assert seen == set(BREAKS)


def test_rates_are_those_of_real_trade(net: Network, clocks: Clocks) -> None:
    lots = plan_lots(net, np.arange(40), of_all=40, units=1_000)
    life = live(net, clocks, lots)
    stage = Stage(net, clocks, life, name_things(net, life), 1_780_000_000_000_000)
    for look_alike in LOOK_ALIKES.values():
        look_alike.play(stage, 1.0)
    scans = honest_scans(net, life, stage.things, stage.cut_us, stage.until_us)
    alerts = [
        row
        for row in stage.lists.verifications
        if row["answer_code"] not in ("ACTIVE", "NO_ANSWER")
        and net.sites[row["site"]].role not in ("maker", "wholesaler")
    ]
    # Europe had alerts on 0.05 to 0.5 % of scans; what wrong lists add comes in bursts.
    assert 0.0005 < len(alerts) / len(scans) < 0.01
    legs = life.legs
    unit_events = 4 * len(life) + 2 * int((legs.hi - legs.lo).sum())
    assert len(stage.truths) > 1_000 * unit_events / 1e6
    assert len({key for t in stage.truths for key in t.units}) > 5_000 * unit_events / 1e6


# ---- at the scanner


@pytest.mark.parametrize("code", ["B01", "B02", "B03", "B04", "B05", "B28"])
def test_a_misread_pack_is_read_rightly_soon_after(code: str, stager: Stager) -> None:
    one = much(stager, code)
    for truth in one.stage.truths:
        bad = refused(one, truth)
        right = one.scans.filter(
            (pl.col("serial") == serial_of(truth.units[0]))
            & ~ODD
            & (pl.col("site") == truth.sites[0])
        )
        # Other packs may have been misread alike.
        before_us = right["at_us"].item() - pl.col("at_us")
        bad = bad.filter((before_us > 0) & (before_us < 10 * MINUTE_US))
        assert len(bad)
        assert set(bad["answer_code"]) <= {"A2", "A3", "A68"}


def _pairs(one: Played) -> Iterator[tuple[str, str, dict[str, object]]]:
    """The true serial, the serial as read, and the scan."""
    for truth in one.stage.truths:
        for scan in refused(one, truth).to_dicts():
            yield serial_of(truth.units[0]), str(scan["serial"]), scan


def test_b01_case_is_swapped(stager: Stager) -> None:
    pairs = list(_pairs(much(stager, "B01")))
    assert any(read != right for right, read, _scan in pairs)
    assert all(read == right.swapcase() for right, read, _scan in pairs)


def test_b02_letters_change_places(stager: Stager) -> None:
    pairs = list(_pairs(much(stager, "B02")))
    moved = str.maketrans("YZ", "ZY")
    assert pairs
    assert all(read == right.translate(moved) for right, read, _scan in pairs)


def test_b03_serial_and_lot_run_together(stager: Stager) -> None:
    one = much(stager, "B03")
    lots = set(one.stage.life.lots.number)
    for right, read, scan in _pairs(one):
        assert any(f"{right}10{lot}".startswith(read) for lot in lots)
        assert len(read) > len(right) + 1
        assert scan["lot"] == ""


def test_b04_typing_differs_by_a_sign_or_cuts(stager: Stager) -> None:
    one = much(stager, "B04")
    for right, read, scan in _pairs(one):
        assert scan["entry_mode"] == "manual"
        if scan["answer_code"] == "A2":
            assert any(lot.startswith(str(scan["lot"])) for lot in one.stage.life.lots.number)
        elif len(read) == len(right):
            assert sum(a != b for a, b in zip(read, right, strict=True)) == 1
        else:
            assert len(read) == len(right) - 1


def test_b05_the_product_number_stands_for_the_serial(stager: Stager) -> None:
    for _right, read, scan in _pairs(much(stager, "B05")):
        assert f"0{read}" == scan["gtin"]


def test_b28_reads_of_one_pack_differ(stager: Stager) -> None:
    one = much(stager, "B28")
    for truth in one.stage.truths:
        reads = refused(one, truth)
        assert reads.select("serial", "lot").n_unique() >= min(2, len(reads))
        assert len(reads) >= 1


def test_b07_the_same_till_books_a_pack_twice_within_minutes(stager: Stager) -> None:
    one = much(stager, "B07")
    for truth in one.stage.truths:
        ends = [e for e in life_of(one, truth.units[0]) if e["step"] in ENDS]
        first, second = ends
        assert first["site"] == second["site"]
        assert 0 < int(str(second["at_us"])) - int(str(first["at_us"])) < 10 * MINUTE_US
        assert refused(one, truth)["answer_code"].to_list() == ["A7"]


def test_b20_scans_of_a_place_and_day_get_no_answer(stager: Stager) -> None:
    one = much(stager, "B20")
    of_kind(one, "national")
    for truth in of_kind(one, "pharmacy"):
        scans = one.scans.filter(pl.col("serial") == serial_of(truth.units[0])).sort("at_us")
        assert scans["answer_code"][0] == "NO_ANSWER"
        assert set(scans["answer_code"]) <= {"NO_ANSWER", "ACTIVE", "A7"}
        assert scans["site"].n_unique() == 1


def test_b21_it_is_the_maker_who_asks(stager: Stager) -> None:
    one = much(stager, "B21")
    asked = one.scans.filter(pl.col("site").is_in([p.maker for p in one.stage.net.products]))
    assert len(asked) >= 20 * len(one.stage.truths)
    for truth in one.stage.truths:
        serials = {serial_of(key) for key in truth.units}
        own = asked.filter(pl.col("serial").is_in(serials) & (pl.col("lot") == truth.lot))
        assert own["answer_code"].n_unique() == 1


def test_b27_the_product_is_on_no_list_but_the_exemptions(stager: Stager) -> None:
    one = much(stager, "B27")
    listed = {p.gtin for p in one.stage.net.products}
    exempt = {row["gtin"] for row in one.stage.lists.exemptions}
    for truth in one.stage.truths:
        assert truth.gtin not in listed
        assert truth.gtin in exempt
        assert refused(one, truth)["gtin"].to_list() == [truth.gtin]


# ---- dispensers


def test_b08_a_loan_goes_to_a_neighbour_and_parts_stay(stager: Stager) -> None:
    one = much(stager, "B08")
    city = one.stage.net.city_no
    for truth in of_kind(one, "loan"):
        first, second = (e for e in life_of(one, truth.units[0]) if e["step"] in ENDS)
        a, b = int(str(first["site"])), int(str(second["site"]))
        assert a != b
        assert distances_km()[city[a], city[b]] <= 20
        assert int(str(second["at_us"])) - int(str(first["at_us"])) < 4 * DAY_US
    for truth in of_kind(one, "parts"):
        ends = [e for e in life_of(one, truth.units[0]) if e["step"] in ENDS]
        assert len(ends) >= 2
        assert {e["disposition"] for e in ends} == {"partially_dispensed"}
        assert len({e["site"] for e in ends}) == 1


def test_b13_a_sale_is_undone_in_time_or_too_late_or_by_a_sister(stager: Stager) -> None:
    one = much(stager, "B13", 100.0)
    partner = [s.partner.no for s in one.stage.net.sites]
    for note in ("in time", "late", "another place"):
        for truth in of_kind(one, note):
            life = life_of(one, truth.units[0])
            sold = next(e for e in life if e["step"] in ENDS)
            back = next(e for e in life if e["step"] == "stocking")
            days = (int(str(back["at_us"])) - int(str(sold["at_us"]))) / DAY_US
            answers = one.scans.filter(
                (pl.col("serial") == serial_of(truth.units[0])) & (pl.col("at_us") > sold["at_us"])
            )["answer_code"].to_list()
            assert answers == (["ACTIVE"] if note == "in time" else ["A24"])
            assert (days > 10) == (note == "late")
            assert (back["site"] == sold["site"]) == (note != "another place")
            assert partner[int(str(back["site"]))] == partner[int(str(sold["site"]))]


# ---- returns, boxes, containers


def test_b14_packs_go_back_to_who_sold_them(stager: Stager) -> None:
    one = much(stager, "B14", 30.0)
    pack_of = _packs(one)
    for note in ("sold again", "and destroyed", "though booked out"):
        for truth in of_kind(one, note):
            for key in truth.units:
                legs = one.stage.life.legs
                row = int(one.stage.life.last_leg[pack_of[key]])
                life = life_of(one, key)
                back = next(e for e in life if e["disposition"] == "returned")
                assert back["document_kind"] == "rma"
                assert back["owner_to"] == legs.owner_from[row]
                assert back["owner_from"] == legs.owner_to[row]
                steps = [e["step"] for e in life]
                assert ("destroying" in steps) == (note != "sold again")
                if note == "sold again":
                    assert {"shipping", "receiving"} <= set(steps[steps.index("inspecting") :])
                if note == "though booked out":
                    assert any(e["step"] in ENDS for e in life[: life.index(back)])


def _packs(one: Played) -> dict[str, int]:
    keys = one.stage.things.keys.head(one.stage.things.cases).to_list()
    return {key: number for number, key in enumerate(keys)}


def test_b15_every_error_is_put_right(stager: Stager) -> None:
    one = much(stager, "B15")
    for truth in of_kind(one, "shortage"):
        for key in truth.units:
            steps = [s for s in steps_of(one, key) if "ship" in s or s == "receiving"]
            assert steps[-4:] == ["shipping", "void_shipping", "shipping", "receiving"]
    pack_of = _packs(one)
    for truth in [*of_kind(one, "overage"), *of_kind(one, "wrong address")]:
        for key in truth.units:
            right, _end_us = one.scene.end(pack_of[key])
            got = [e["site"] for e in life_of(one, key) if e["step"] == "receiving"]
            assert got[-1] == right
            assert any(site != right for site in got[-3:-1])
    for truth in of_kind(one, "split"):
        own = one.of(truth.units[0]).filter(pl.col("step").is_in(["shipping", "receiving"]))
        last = own.sort("at_us").tail(2)
        rest = one.events.filter(
            (pl.col("document") == last["document"][0])
            & (pl.col("step") == "receiving")
            & (pl.col("owner_from") == last["owner_from"][0])
        )
        assert rest["at_us"].n_unique() == 2


def test_b12_nobody_tells_the_opening_or_the_receipt(stager: Stager) -> None:
    one = much(stager, "B12")
    for truth in of_kind(one, "case opened"):
        case = one.events.filter(pl.col("children").list.contains(truth.units[0]))["parent"][0]
        told = one.events.filter(pl.col("parent") == case)["step"].to_list()
        assert told == ["packing"]
    for truth in of_kind(one, "booked in"):
        inside = one.events.filter(
            pl.col("children").list.contains(truth.units[0]) & (pl.col("step") == "packing")
        )["parent"].to_list()
        keys = [truth.units[0], *inside]
        got = one.events.filter(
            (pl.col("step") == "receiving") & (pl.col("site") == truth.sites[0])
        )["epcs"].explode()
        assert not set(keys) & set(got.to_list())


def test_b23_title_and_goods_part(stager: Stager) -> None:
    one = much(stager, "B23", 15.0)
    for truth in of_kind(one, "drop"):
        own = one.staged.filter(
            pl.col("epcs").list.contains(truth.units[0]) & (pl.col("step") == "shipping")
        )
        assert (own["owner_from"] != own["place_from"]).all()
        assert (own["owner_to"] == own["place_to"]).all()


def test_b24_recalled_expired_and_unsold_packs_are_destroyed(stager: Stager) -> None:
    one = played("B24", stager(tuple(range(12)), units=200), 40.0)
    (recall, *_) = one.stage.lists.recalls
    assert recall["gtin"] == one.scene.product.gtin
    net = one.stage.net
    for note in ("recall", "expired", "waste"):
        done = 0
        for truth in of_kind(one, note):
            for key in truth.units[:40]:
                life = life_of(one, key)
                goods = [e for e in life if e["disposition"] in ("recalled", "expired", "damaged")]
                sent = [e for e in goods if e["step"] == "shipping"]
                roles = [net.sites[int(str(e["owner_to"]))].role for e in sent]
                assert roles == ["reverse_distributor", "destruction"][: len(roles)]
                done += steps_of(one, key)[-1] == "destroying"
                assert not any(e["step"] in ENDS for e in life)
        assert done


def test_b24_after_a_recall_or_the_last_day_nobody_hands_packs_out(stager: Stager) -> None:
    one = much(stager, "B24", 200.0)
    gone = {key for t in one.stage.truths if "waste" not in t.note for key in t.units}
    late = one.events.filter(pl.col("step").is_in(ENDS))["epcs"].explode()
    assert gone
    assert not gone & set(late.to_list())


def test_b26_readings_rise_for_minutes_or_after_receipt(stager: Stager) -> None:
    one = played("B26", stager(tuple(range(12)), units=400), 10.0)
    limit = 8.5
    doors, offices = of_kind(one, "door"), of_kind(one, "read after")
    for truth in doors:
        (event,) = one.staged.filter(pl.col("event_no").is_in(truth.evidence)).to_dicts()
        warm = [r["observed_us"] for r in event["temperatures"] if r["value"] > limit]
        assert warm
        assert max(warm) - min(warm) < 15 * MINUTE_US
    for truth in offices:
        (event,) = one.staged.filter(pl.col("event_no").is_in(truth.evidence)).to_dicts()
        received = one.honest.filter(
            (pl.col("site") == event["site"]) & (pl.col("step") == "receiving")
        )["at_us"].to_list()
        warm = [r["observed_us"] for r in event["temperatures"] if r["value"] > limit]
        assert warm
        assert any(0 < min(warm) - at_us < 2 * HOUR_US for at_us in received)


# ---- lists


def test_b16_list_and_pack_agree_on_the_month_alone(stager: Stager) -> None:
    one = much(stager, "B16")
    for row, number in enumerate(one.stage.life.lots.number):
        gtin = one.scene.product.gtin
        listed = date.fromisoformat(one.stage.lists.lot_master[gtin, number]["expiry"])
        printed = one.stage.life.lots.expiry[row]
        assert listed != printed
        assert (listed.year, listed.month) == (printed.year, printed.month)
    assert set(one.scans.filter(ODD)["answer_code"]) == {"A52"}
    assert one.scans.filter(ODD)["expiry"].str.ends_with("00").all()


def test_b17_packs_are_sold_after_the_printed_date_and_the_list_allows_it(stager: Stager) -> None:
    one = much(stager, "B17")
    truths = of_kind(one, "extended")
    for truth in truths:
        row = one.stage.life.lots.number.index(truth.lot)
        printed = one.stage.life.lots.expiry[row]
        listed = one.stage.lists.lot_master[truth.gtin, truth.lot]["expiry"]
        assert date.fromisoformat(listed) > printed
        end_us = one.stage.life.end_us[one.stage.scene("B17", row).packs()]
        over_us = (printed - date(1970, 1, 1)).days * DAY_US + DAY_US
        late = end_us[(end_us > over_us) & (end_us < one.stage.until_us)]
        assert len(late)
    assert set(one.scans.filter(ODD)["answer_code"]) == {"ExpirationExtended"}


def test_b18_a_cell_or_row_of_the_list_is_wrong(stager: Stager) -> None:
    stage = stager(tuple(range(20)), units=60)
    one = played("B18", stage, 40.0)
    changed = [set(cells) for cells in stage.lists.lot_master.values()]
    assert {frozenset(c) for c in changed} == {
        frozenset({name}) for name in ("lot", "quantity", "markets", "expiry")
    }
    assert set(one.scans.filter(ODD)["answer_code"]) == {"A2", "A52"}


def test_b22_newcomers_stale_licences_and_wide_thefts(stager: Stager) -> None:
    one = much(stager, "B22", 300.0)
    net, stage = one.stage.net, one.stage
    for truth in of_kind(one, "newcomer"):
        assert net.sites[truth.sites[0]].tier == "newcomer"
        assert {b for _a, b in truth.edges[1:]} <= set(net.of("pharmacy"))
    for truth in of_kind(one, "renewed"):
        ended = date.fromisoformat(stage.lists.licences[truth.sites[0]]["valid_to"])
        assert ended <= net.first_day
    for truth in of_kind(one, "moved"):
        assert stage.lists.licences[truth.sites[0]] == {"licence_no": None}
    of_kind(one, "stolen")
    serials = {row["serial"] for row in stage.lists.theft_notices if "serial" in row}
    stolen = [f"01/{one.scene.product.gtin}/21/{serial}" for serial in serials]
    assert any("serial" not in row for row in stage.lists.theft_notices)
    for key in stolen:
        assert steps_of(one, key)[-1] == "shipping"
    assert not set(stolen) & {key for t in stage.truths for key in t.units}
    assert not {s.no for s in net.sites if s.tier in ("shell", "flash")} & set(stage.lists.licences)


# ---- markets


def test_b19_as_many_packs_come_out_as_go_in_and_are_sold_where_they_are_dear(
    stager: Stager,
) -> None:
    one = played("B19", stager(tuple(range(12)), units=400), 40.0)
    net = one.stage.net
    pairs = defaultdict(list)
    for truth in of_kind(one, "repacked"):
        pairs[truth.scheme].append(truth)
    links = 0
    for old, new in pairs.values():
        trader = net.sites[new.sites[0]]
        assert trader.role == "parallel_trader"
        assert old.gtin == one.scene.product.gtin
        assert new.gtin[1:8] == trader.partner.prefix
        assert len(old.units) == len(new.units)
        made = one.staged.filter(pl.col("outputs").list.contains(new.units[0]))
        links += len(made)
        for row in made.to_dicts():
            assert set(row["epcs"]) == set(old.units)
            assert set(row["outputs"]) == set(new.units)
        sold = one.staged.filter(
            pl.col("epcs").list.contains(new.units[0]) & pl.col("step").is_in(ENDS)
        )
        assert all(net.sites[s].country == trader.country for s in sold["site"])
    assert 0 < links <= len(pairs)
    new_keys = [key for pair in pairs.values() for key in pair[1].units]
    assert len(set(new_keys)) == len(new_keys)


def test_b25_tenders_are_cheap_and_shortages_dear(stager: Stager) -> None:
    one = played("B25", stager(tuple(range(12)), units=400), 25.0)
    net = one.stage.net
    for truth in of_kind(one, "tender"):
        assert net.sites[truth.edges[0][1]].role == "hospital"
        assert len(truth.units) >= 40
    for truth in of_kind(one, "shortage"):
        assert net.sites[truth.sites[0]].tier == "secondary"
    usual = one.scene.product.price_cents / 100
    prices = [float(row["unit_price"]) for row in one.stage.lists.shipments]
    assert min(prices) < 0.75 * usual
    assert max(prices) > 1.15 * usual


def test_b00_samples_quarantine_and_export(stager: Stager) -> None:
    one = played("B00", stager(tuple(range(12)), units=400), 15.0)
    pack_of = _packs(one)
    for note in ("samples kept", "sample of an authority", "exported"):
        for truth in of_kind(one, note):
            for key in truth.units:
                steps = steps_of(one, key)
                assert "decommissioning" in steps
                assert not set(ENDS) & set(steps)
    for truth in of_kind(one, "quarantined"):
        (held,) = one.staged.filter(pl.col("event_no").is_in(truth.evidence)).to_dicts()
        (freed,) = one.steps("inspecting").filter(pl.col("epcs") == held["epcs"]).to_dicts()
        life = one.stage.life
        onward = [life.last_leg[pack_of[key]] for key in truth.units]
        assert held["at_us"] < freed["at_us"] < life.legs.ship_us[onward].min()
