"""Answers as CSV: every column type of the warehouse goes in, and nothing in it runs."""

import csv
import io
from pathlib import Path

import pytest
from rich.console import Console

from data.errors import InputError
from data.warehouse.connection import open_read_only, open_warehouse
from flows.ask import answer


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ask") / "w.duckdb"
    with open_warehouse(path) as con:
        con.execute("CREATE TABLE odd AS SELECT '=1+1' AS name, -5 AS amount, 'a' AS plain")
    return path


def as_csv(warehouse: Path, query: str, folder: Path) -> list[dict[str, str]]:
    with open_read_only(warehouse) as con:
        answer(con, query, "csv", folder / "answer.csv", Console())
    text = (folder / "answer.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("['P01', 'P11']", "P01;P11"),
        ("[1, NULL, 3]", "1;;3"),
        ("[]::VARCHAR[]", ""),
        ("NULL::VARCHAR[]", ""),
        ("[DATE '2026-01-05']", "2026-01-05"),
        ("{'a': 1, 'b': ['x']}", '{"a": 1, "b": ["x"]}'),
        ("[['x'], ['y']]", '[["x"], ["y"]]'),
        ("[{'a': TIMESTAMP '2026-01-05 10:00:00'}]", '[{"a": "2026-01-05 10:00:00"}]'),
        ("MAP {'k': 2}", '{"k": 2}'),
        ("'\\x01'::BLOB", "01"),
        ("true", "true"),
        ("12.50::DECIMAL(9, 2)", "12.50"),
    ],
)
def test_a_value_of_any_type_is_one_cell(
    warehouse: Path, tmp_path: Path, value: str, written: str
) -> None:
    assert as_csv(warehouse, f"SELECT {value} AS v, 1 AS one", tmp_path) == [
        {"v": written, "one": "1"}
    ]


def test_a_span_of_time_is_refused_with_a_way_out(warehouse: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"v: a span of time .* \(CAST"):
        as_csv(warehouse, "SELECT INTERVAL 1 DAY AS v", tmp_path)


def test_no_text_acts_as_a_formula_and_numbers_stay_numbers(
    warehouse: Path, tmp_path: Path
) -> None:
    [row] = as_csv(warehouse, "SELECT *, ['=2+2', '@x'] AS list FROM odd", tmp_path)
    assert row == {"name": "'=1+1", "amount": "-5", "plain": "a", "list": "'=2+2;'@x"}
    [row] = as_csv(warehouse, 'SELECT 1 AS "=1+1"', tmp_path)
    assert list(row) == ["'=1+1"]
    with open_read_only(warehouse) as con:
        answer(con, "SELECT name FROM odd", "json", tmp_path / "answer.json", Console())
    assert '"=1+1"' in (tmp_path / "answer.json").read_text(encoding="utf-8")
