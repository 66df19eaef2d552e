"""Every public document lands: nothing is lost, nothing is counted twice, every refusal is told."""

from collections.abc import Iterator

import duckdb
import pytest

from data.warehouse.connection import open_memory
from data.warehouse.filing import Receipt
from data.warehouse.landing import land
from data.warehouse.models import build_model, raw_tables, read_models
from tests.data.batches import AT
from tests.shared_data import SHARED, needs_shared

pytestmark = needs_shared

FOLDERS = [SHARED / name for name in ("epcis", "shipments", "recalls")]
CHECKS = ("check_source_file_sum", "check_record_id", "check_identifier")


@pytest.fixture(scope="module")
def landed() -> Iterator[tuple[duckdb.DuckDBPyConnection, list[Receipt]]]:
    with open_memory() as con:
        receipts = land(con, FOLDERS, AT)
        for model in read_models():
            if model.file.layer == "stg" or model.file.name in ("source_file", *CHECKS):
                build_model(con, model)
        yield con, receipts


Landed = tuple[duckdb.DuckDBPyConnection, list[Receipt]]


def test_every_file_is_accounted_for(landed: Landed) -> None:
    con, receipts = landed
    assert len(receipts) >= 225  # a moved folder must not pass unseen
    files = con.execute("SELECT count(*), sum(read), sum(accepted) FROM source_file").fetchall()
    distinct = {receipt.sha256 for receipt in receipts}
    assert files[0][0] == len(distinct)
    assert files[0][1] == sum({r.file_id: r.read_count for r in receipts}.values())
    assert files[0][2] > 37_000


@pytest.mark.parametrize("check", CHECKS)
def test_the_sums_and_keys_hold(landed: Landed, check: str) -> None:
    con, _ = landed
    assert con.execute(f"FROM {check}").fetchall() == []


def test_every_refusal_says_why_and_what_to_do(landed: Landed) -> None:
    con, receipts = landed
    refused = con.execute("SELECT reason, remedy FROM raw_rejected").fetchall()
    assert all(len(reason) > 5 and remedy.endswith(".") for reason, remedy in refused)
    # An exception's name as the reason means that a reader failed where it should have judged.
    assert [r.path for r in receipts if str(r.message).startswith("could not be read")] == []


def test_twins_in_other_formats_are_duplicates(landed: Landed) -> None:
    con, _ = landed
    twins = con.execute(
        "SELECT count(*) FROM (FROM raw_event JOIN raw_source_file USING (file_id) SELECT "
        "content_key WHERE path LIKE 'epcis/%' GROUP BY content_key "
        "HAVING bool_or(path LIKE '%.xml') AND bool_or(path LIKE '%.json%'))"
    ).fetchall()
    assert twins[0][0] >= 40


def test_landing_them_again_changes_nothing(landed: Landed) -> None:
    con, _ = landed
    before = [con.execute(f"FROM {table}").fetchall() for table in raw_tables()]
    again = land(con, FOLDERS, AT)
    assert {receipt.status for receipt in again} == {"known"}
    assert [con.execute(f"FROM {table}").fetchall() for table in raw_tables()] == before
