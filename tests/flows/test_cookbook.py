"""Ready queries and macros answer on the sample feed."""

import duckdb
import pytest

from data.warehouse.connection import open_read_only
from data.warehouse.cookbook import Macro, Query, read_macros, read_queries
from tests.flows.conftest import SampleRun

QUERIES = read_queries()
MACROS = read_macros()
# What the sample feed has nothing of.
SILENT = {
    *("recalled_and_sold", "clock_faults", "set_aside"),
    *("what_changed", "set_aside_findings"),
}


def test_the_cookbook_is_of_some_size() -> None:
    assert len(QUERIES) >= 30
    assert {macro.name for macro in MACROS} >= {
        "trace",
        "lot_history",
        "who_has",
        "exposed",
        "path",
        "as_known",
    }


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_a_ready_query_answers(query: Query, sample: SampleRun) -> None:
    values = query.example
    assert set(values) == set(query.takes)
    with open_read_only(sample.outcome.snapshot) as con:
        rows = con.execute(query.text, values).fetchall()
    assert bool(rows) != (query.name in SILENT)


@pytest.mark.parametrize("macro", MACROS, ids=lambda macro: macro.name)
def test_a_macro_of_the_published_copy_answers(macro: Macro, sample: SampleRun) -> None:
    with open_read_only(sample.outcome.snapshot) as con:
        assert con.execute(macro.example).fetchall()


def test_every_suspect_lot_exposes_the_places_that_its_findings_name(sample: SampleRun) -> None:
    with open_read_only(sample.outcome.snapshot) as con:
        missing = con.execute(
            "SELECT gtin, lot FROM lot_risk WHERE tier IN ('hold', 'investigate') "
            "EXCEPT SELECT gtin, lot FROM exposure WHERE relation = 'named_site'"
        ).fetchall()
        lots = _one(con, "SELECT count(DISTINCT lot) FROM exposure")
    assert missing == []
    assert lots > 5


def test_as_known_grows_with_time_to_all_there_is(sample: SampleRun) -> None:
    with open_read_only(sample.outcome.snapshot) as con:
        counts = [
            _one(con, "SELECT count(*) FROM as_known(CAST(? AS TIMESTAMP))", day)
            for day in ("2026-01-01", "2026-03-01", "2026-05-01", "2030-01-01")
        ]
        assert counts == sorted(set(counts))
        assert counts[0] == 0
        assert counts[-1] == _one(con, "SELECT count(*) FROM item_event")


def _one(con: duckdb.DuckDBPyConnection, query: str, *values: str) -> int:
    return int(con.execute(query, values).fetchall()[0][0])
