"""Golden reports: every citation resolves, every printed query gives the printed number."""

import json

import duckdb
import pytest

from reports.evidence import gather
from reports.lot_data import lot_json
from reports.view import view_lot
from tests.reports.reproduced import cited, faults
from tests.reports.sample import CLEAR, HELD, HOSTILE, WATCHED, sample_warehouse


def report(con: duckdb.DuckDBPyConnection, lot: tuple[str, str]) -> dict:
    evidence = gather(con, *lot)
    return json.loads(lot_json(evidence, view_lot(evidence)))


@pytest.mark.parametrize("lot", [HELD, HOSTILE, WATCHED, CLEAR])
def test_every_citation_resolves_and_every_query_gives_what_is_printed(con, lot) -> None:
    told = report(con, lot)
    assert faults(con, told) == []
    assert set(cited(told["evidence"]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DELETE FROM stg_record WHERE record_id = {record}", "is cited and not in the warehouse"),
        ("UPDATE stg_record SET position = 9999 WHERE record_id = {record}", "is another"),
        ("DELETE FROM evid_lot_timeline WHERE lot_id = 1 AND row_no = 1", "query timeline"),
        ("UPDATE evid_lot_holder SET units = units + 1 WHERE lot_id = 1", "query holders"),
        ("UPDATE cited_case SET distance = 0.5", "query cases"),
        ("UPDATE finding SET units = 7 WHERE pattern = 'P26'", "P26-1-1, The finding"),
        ("DELETE FROM find_decision WHERE decision_id = 2", "query decisions"),
    ],
)
def test_what_was_changed_behind_a_report_is_noticed(change: str, said: str) -> None:
    with sample_warehouse() as con:
        told = report(con, HELD)
        record = told["evidence"]["standing"]["rows"][0]["citations"]["rows"][0]["record_ids"][0]
        con.execute(change.format(record=record))
        found = faults(con, told)
    assert any(said in fault for fault in found), found
