"""The JSON beside a page keeps to its schema and says what the page says."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from jsonschema import Draft202012Validator

from reports.claims import Bounded, LotEvidence
from reports.evidence import gather
from reports.lot_data import MOST_EXPOSED, SCHEMA, VERSION, lot_json
from reports.view import view_lot
from reports.write import lot_files, write_lot, write_reports
from tests.reports.sample import CLEAR, HELD, HOSTILE, HOSTILE_TEXT, WATCHED, sample_warehouse

SCHEMA_TEXT = json.loads(SCHEMA.read_text(encoding="utf-8"))
FORMATS = Draft202012Validator.FORMAT_CHECKER


def report(evidence: LotEvidence) -> dict:
    return json.loads(lot_json(evidence, view_lot(evidence)))


def undescribed(value, rule, where: str = "report") -> list[str]:
    """Keys of a report that the schema does not describe."""
    while "$ref" in rule or "anyOf" in rule:
        rule = rule["anyOf"][0] if "anyOf" in rule else rule
        if "$ref" in rule:
            rule = SCHEMA_TEXT["$defs"][rule["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        return [w for v in value for w in undescribed(v, rule.get("items", {}), f"{where}[]")]
    if not isinstance(value, dict) or "properties" not in rule:
        return []
    known = rule["properties"]
    found = [f"{where}.{key}" for key in value if key not in known]
    for key, item in value.items():
        found += undescribed(item, known.get(key, {}), f"{where}.{key}")
    return found


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA_TEXT)
    assert SCHEMA_TEXT["$id"].endswith(f":{VERSION.split('.')[0]}")


@pytest.mark.parametrize("lot", [HELD, HOSTILE, WATCHED, CLEAR])
def test_every_report_keeps_to_the_schema_and_holds_nothing_it_does_not_describe(con, lot) -> None:
    told = report(gather(con, *lot))
    faults = Draft202012Validator(SCHEMA_TEXT, format_checker=FORMATS).iter_errors(told)
    assert [f"{list(fault.path)}: {fault.message}" for fault in faults] == []
    assert undescribed(told, SCHEMA_TEXT) == []


def test_the_schema_refuses_a_finding_without_records(held) -> None:
    told = report(held)
    told["evidence"]["standing"]["rows"][0]["record_ids"] = []
    assert not Draft202012Validator(SCHEMA_TEXT).is_valid(told)


def test_every_citation_names_event_record_document_and_position(con, held) -> None:
    told = report(held)
    cited = [c for f in told["evidence"]["standing"]["rows"] for c in f["citations"]["rows"]]
    assert len(cited) > 4
    for citation in cited:
        [row] = con.execute(
            "SELECT event_id, path, position FROM stg_record WHERE record_id = ?",
            citation["record_ids"],
        ).fetchall()
        assert row == (citation["event_id"], citation["path"], citation["position"])
        assert citation["path"]
        assert citation["position"]


def test_it_says_what_the_page_says(held) -> None:
    told, page = report(held)["view"], view_lot(held)
    assert told["conclusion"]["statement"] == page.conclusion.statement
    assert [f["observed"] for f in told["findings"]] == [f.observed for f in page.findings]
    assert told["timeline"]["rows"] == [list(row) for row in page.timeline.rows]
    assert "<svg" not in json.dumps(told)


def test_times_carry_their_zone_and_hostile_text_stays_text(held, hostile) -> None:
    moment = report(held)["evidence"]["standing"]["rows"][0]["citations"]["rows"][0]["event_at"]
    assert datetime.fromisoformat(moment) == datetime(2024, 6, 11, 9, 2, tzinfo=UTC)
    assert report(hostile)["lot"] == HOSTILE_TEXT


def test_what_a_run_wrote_is_left_out_and_unknown_numbers_are_null(held) -> None:
    before = lot_json(held, view_lot(held))
    manifest = (*held.run.manifest, ("outputs", {"index.html": "ab"}))
    finished = replace(held, run=replace(held.run, manifest=manifest))
    assert lot_json(finished, view_lot(finished)) == before
    unknown = replace(held.places[4], latitude=float("nan"))
    told = report(replace(held, places={4: unknown}))["evidence"]["places"]
    assert [place["latitude"] for place in told] == [None]


def test_a_long_list_of_exposed_places_is_cut_and_counted(held) -> None:
    rows = (held.exposure.rows[0],) * (MOST_EXPOSED + 7)
    told = report(replace(held, exposure=Bounded(rows, 3)))["evidence"]["exposure"]
    assert (len(told["rows"]), told["rest_count"]) == (MOST_EXPOSED, 10)


def test_every_page_of_a_lot_has_its_json_and_a_clear_lot_loses_it(tmp_path) -> None:
    with sample_warehouse() as con:
        _, *pages = write_reports(con, tmp_path)
        assert all(page.with_suffix(".json") in lot_files(page) for page in pages)
        con.execute("UPDATE lot_risk SET tier = 'clear' WHERE lot = ?", [HOSTILE[1]])
        write_reports(con, tmp_path)
        assert not (tmp_path / "lots" / "0000000000000002.json").exists()
        page = write_lot(con, *CLEAR, tmp_path)
    assert json.loads(page.with_suffix(".json").read_text("utf-8"))["tier"] == "clear"
