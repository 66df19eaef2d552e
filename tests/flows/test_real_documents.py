"""The whole job on the public documents: nothing stops it, everything is counted."""

from datetime import datetime
from pathlib import Path

import pytest

from data.warehouse.connection import open_read_only
from flows.steps import Outcome, run_steps
from tests.flows.conftest import job_for
from tests.shared_data import SHARED, needs_shared

AS_OF = datetime(2026, 10, 1, 2)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("real")
    return run_steps(job_for(SHARED / "epcis", folder, AS_OF), lambda text: None)


@needs_shared
def test_every_document_is_read_or_set_aside_with_a_reason(outcome: Outcome) -> None:
    with open_read_only(outcome.snapshot) as con:
        files = con.execute(
            "SELECT path, read, accepted, duplicate, void, set_aside FROM source_file"
        ).fetchall()
        rejected = con.execute("SELECT source_file, reason, remedy FROM rejected").fetchall()
    assert len(files) + outcome.landed.known >= 220
    for path, read, accepted, duplicate, void, set_aside in files:
        assert read == accepted + duplicate + void + set_aside, path
    assert sum(row[5] for row in files) == len(rejected)
    assert all(reason and remedy for _, reason, remedy in rejected)
    assert sum(row[2] for row in files) > 100  # the rest are twins in the other format


@needs_shared
def test_sample_documents_read_alone_accuse_no_lot(outcome: Outcome) -> None:
    with open_read_only(outcome.snapshot) as con:
        accused = con.execute(
            "SELECT gtin, lot, tier, top_pattern FROM lot_risk "
            "WHERE tier IN ('hold', 'investigate')"
        ).fetchall()
    assert not accused


@needs_shared
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "partners"),
    [("scms_2006_2012.csv", 100), ("arcos_methadone_ma_2006_2011.csv.gz", 150)],
)
def test_shipment_logs_give_partners_lanes_and_findings(
    name: str, partners: int, tmp_path: Path
) -> None:
    outcome = run_steps(job_for(SHARED / "shipments" / name, tmp_path, AS_OF), lambda text: None)
    with open_read_only(outcome.snapshot) as con:
        [(sites,)] = con.execute("SELECT count(*) FROM site").fetchall()
        [(edges,)] = con.execute("SELECT count(*) FROM trade_edge").fetchall()
        findings = con.execute(
            "SELECT pattern, count(*) FROM finding WHERE status = 'stands' GROUP BY pattern"
        ).fetchall()
        [(lots,)] = con.execute("SELECT count(*) FROM lot").fetchall()
    assert sites >= partners
    assert edges > partners
    assert findings
    # Some edges stand out; if most did, nobody would look.
    assert sum(count for _, count in findings) < 5 * lots
