"""A month's row depends on what happened up to its end: later records change no earlier row."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.sql.case_runner import Case, KnownTypes, known_types, run_case

SITES, LOTS, HOPS = 6, 4, 70
START = datetime(2024, 1, 1)
Rows = dict[str, list[dict[str, Any]]]
OWN_NUMBER = {"edge_month_id", "site_month_id"}  # a running number, no fact


@pytest.fixture(scope="module")
def known() -> KnownTypes:
    return known_types()


def random_trade(seed: int) -> Rows:
    """Hops with both ends, one end, or another end than stated; log lines, births and sales."""
    rng = random.Random(seed)
    given: Rows = {
        "core_site": [
            {"site_id": n, "gln": f"S{n}", "role": rng.choice(["maker", "wholesaler", "pharmacy"]),
             "country": rng.choice(["DE", "FR", None]), "latitude": 40.0 + n, "longitude": 8.0}
            for n in range(1, SITES + 1)
        ],
        "core_lot_key": [
            {"lot_id": n, "gtin": f"g{n % 2}", "lot": f"L{n}"} for n in range(1, LOTS + 1)
        ],
        "core_product": [{"gtin": "g1", "is_high_risk": True}],
    }  # fmt: skip
    custody, lines, events, asked = [], [], [], []
    for n in range(HOPS):
        at = START + timedelta(hours=rng.randrange(24 * 120))
        came = at + timedelta(hours=rng.randrange(1, 24 * 40))
        a, b, c = rng.sample(range(1, SITES + 1), 3)
        kind = rng.random()
        hop: dict[str, Any] = {
            "unit_id": n % 20, "lot_id": 1 + n % LOTS, "hop_no": n // 20 + 1, "from_site_id": a,
            "to_site_id": b, "stated_to_site_id": b, "shipped_at": at, "received_at": came,
            "ship_record_id": 2 * n, "receive_record_id": 2 * n + 1,
            "transit_h": (came - at).total_seconds() / 3600,
        }  # fmt: skip
        if kind < 0.2:
            hop["to_site_id"] = c
        elif kind < 0.4:
            hop |= {"received_at": None, "receive_record_id": None, "transit_h": None}
        elif kind < 0.6:
            hop |= {"shipped_at": None, "ship_record_id": None, "transit_h": None}
            hop["stated_to_site_id"] = None
        custody.append(hop)
        lot = given["core_lot_key"][n % LOTS]
        lines.append(
            {"record_id": 1000 + n, "from_gln": f"S{a}", "to_gln": f"S{b}", "gtin": lot["gtin"],
             "lot": lot["lot"], "quantity": rng.randrange(1, 50), "shipped_at": at,
             "unit_price": rng.randrange(1, 9), "currency": "EUR",
             "reason": rng.choice([None, "Return"])}
        )  # fmt: skip
        events.append(
            {"unit_id": n, "lot_id": 1, "ord": n, "record_id": n, "event_at": at, "site_id": a,
             "is_birth": kind < 0.5, "is_terminal": kind > 0.4}
        )  # fmt: skip
        asked.append(
            {"record_id": 3000 + n, "site_gln": f"S{b}", "requested_at": at,
             "answer_code": rng.choice(["ACTIVE", "A2"])}
        )  # fmt: skip
    return given | {
        "core_custody": custody,
        "stg_shipment": rng.sample(lines, 30),
        "core_item_event": events,
        "stg_verification": asked,
    }


def known_by(rows: Rows, end: datetime) -> Rows:
    """What was known when the month ended: later receipts were not yet there."""
    custody = []
    for hop in rows["core_custody"]:
        has_left = hop["shipped_at"] is not None and hop["shipped_at"] < end
        has_come = hop["received_at"] is not None and hop["received_at"] < end
        if has_come:
            custody.append(hop)
        elif has_left:
            open_end = {"received_at": None, "receive_record_id": None, "transit_h": None}
            custody.append(hop | open_end | {"to_site_id": hop["stated_to_site_id"]})
    return rows | {
        "core_custody": custody,
        "stg_shipment": [row for row in rows["stg_shipment"] if row["shipped_at"] < end],
        "core_item_event": [row for row in rows["core_item_event"] if row["event_at"] < end],
        "stg_verification": [row for row in rows["stg_verification"] if row["requested_at"] < end],
    }


def months(model: str, rows: Rows, known: KnownTypes, end: datetime) -> dict[str, dict[str, Any]]:
    build = [name for name in ("feat_transfer", "feat_edge_month") if name != model]
    made = run_case(Case("", model, rows, [], build=build), known)
    return {
        row["subject"]: {name: row[name] for name in row if name not in OWN_NUMBER}
        for row in made
        if row["month"] < end.date()
    }


@pytest.mark.parametrize("model", ["feat_edge_month", "feat_site_month"])
@pytest.mark.parametrize("seed", range(4))
def test_later_records_change_no_earlier_month(model: str, seed: int, known: KnownTypes) -> None:
    rows = random_trade(seed)
    for end in (datetime(2024, 2, 1), datetime(2024, 3, 1), datetime(2024, 4, 1)):
        then = months(model, known_by(rows, end), known, end)
        now = months(model, rows, known, end)
        assert len(then) > 3
        assert then == now
