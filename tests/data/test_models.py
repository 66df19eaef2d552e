"""The model runner: a header is a promise, and the build holds models to it."""

import re
from importlib.resources import files
from pathlib import Path

import duckdb
import pytest
import sqlglot

from data.errors import ModelError
from data.warehouse import models
from data.warehouse.connection import open_memory
from data.warehouse.dictionary import dictionary
from data.warehouse.headers import parse_header
from data.warehouse.reads import tables_read

SHIPPED = models.find_model_files()
LAND = sorted(entry.name for entry in (files("sql") / "land").iterdir())

RAW = """\
CREATE TABLE IF NOT EXISTS raw_thing (
    thing_id INTEGER,  -- of the thing
    size DOUBLE
);
"""
THING = """\
-- model:   stg_thing
-- purpose: Things.
-- grain:   one row per thing
-- key:     thing_id
-- reads:   raw_thing
-- columns:
--   thing_id  of the thing
--   size      in metres,
--             rounded
-- caveats: Small things
--   are left out.
SELECT thing_id, round(size) AS size FROM raw_thing
"""
PATTERN = """\
-- model:   P01_big
-- purpose: Big things.
-- grain:   one row per thing
-- key:     none
-- pattern: P01
-- family:  quantity
-- definition: A thing is big.
-- guard:   none needed
-- severity: S3
-- benign:  B09
-- source:  ours
-- reads:   stg_thing
-- columns: as in find_finding's pattern shape
SELECT thing_id AS lot_id, NULL::BIGINT AS unit_id, NULL::BIGINT AS container_id,
    NULL::INTEGER AS site_id, NULL::INTEGER AS other_site_id, 'S3' AS severity, 'stands' AS status,
    NULL::VARCHAR AS benign, 'conflicting' AS history, 1.0::DOUBLE AS units,
    '{}'::JSON AS observed, '{}'::JSON AS threshold, '[]'::JSON AS tests,
    [1]::BIGINT[] AS record_ids
FROM stg_thing
"""
CHECK = """\
-- model:   check_big
-- purpose: No thing is big.
-- grain:   one row per big thing
-- key:     none
-- reads:   stg_thing
-- columns:
--   thing_id  of the thing
SELECT thing_id FROM stg_thing WHERE size > 9
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small folder of models that builds."""
    (tmp_path / "patterns").mkdir()
    (tmp_path / "01_raw_tables.sql").write_text(RAW)
    (tmp_path / "21_stg_thing.sql").write_text(THING)
    (tmp_path / "patterns" / "P01_big.sql").write_text(PATTERN)
    (tmp_path / "90_check_big.sql").write_text(CHECK)
    return tmp_path


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(RAW)
    con.execute("INSERT INTO raw_thing VALUES (1, 2.4), (2, 10.1)")
    return con


def test_builds_in_order_and_reports_the_check_that_fails(
    root: Path, con: duckdb.DuckDBPyConnection
) -> None:
    seen: list[str] = []
    built = models.build(con, root=root, on_progress=lambda model: seen.append(model.name))
    assert seen == ["stg_thing", "P01_big", "check_big"]
    assert [(model.name, model.rows) for model in built] == [
        ("stg_thing", 2),
        ("P01_big", 2),
        ("check_big", 1),
    ]
    assert [model.name for model in built if model.is_failed_check] == ["check_big"]


def test_patterns_stand_between_features_and_findings(root: Path) -> None:
    for name in ("59_feat_last", "60_find_first", "81_published"):
        (root / f"{name}.sql").write_text("SELECT 1 AS one")
    names = [file.name for file in models.find_model_files(root)]
    assert names == ["stg_thing", "feat_last", "P01_big", "find_first", "published", "check_big"]


def test_only_the_layers_asked_for_are_built(root: Path, con: duckdb.DuckDBPyConnection) -> None:
    assert [model.name for model in models.build(con, ["stg"], root=root)] == ["stg_thing"]
    with pytest.raises(ModelError, match="unknown layer staging"):
        models.build(con, ["staging"], root=root)


def test_headers_reach_the_catalog(root: Path, con: duckdb.DuckDBPyConnection) -> None:
    models.build(con, root=root)
    assert con.execute(
        "SELECT comment FROM duckdb_tables() WHERE table_name = 'stg_thing'"
    ).fetchall() == [("Things. Grain: one row per thing. Caveats: Small things are left out.",)]
    assert con.execute(
        "SELECT comment FROM duckdb_columns() WHERE column_name = 'size' AND comment IS NOT NULL"
    ).fetchall() == [("in metres, rounded",)]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("model:   stg_thing", "model:   stg_thin", "file name says stg_thing"),
        (
            "reads:   raw_thing",
            "reads:   raw_run",
            "reads says raw_run; the SELECT reads raw_thing",
        ),
        ("FROM raw_thing", "FROM core_x", "reads what is not built before it: core_x"),
        ("--   size      in", "--   extent    in", "lacks extent and has besides size"),
        ("SELECT thing_id,", "SELECT 7 AS thing_id,", "key of stg_thing .* 1 values repeat"),
        ("SELECT thing_id,", "SELECT NULL AS thing_id,", "1 hold a null"),
        ("key:     thing_id", "key:     thing", "key names no column: thing"),
        ("key:     thing_id", "key:     none", "key is none"),
        ("-- purpose: Things.\n", "", "no entry 'purpose'"),
        ("purpose:", "purpos:", "unknown entry 'purpos'"),
        ("--   size      in metres,\n--             rounded", "--   size", "size has no meaning"),
        ("SELECT thing_id,", "SELECT thing_id FROM raw_thing; SELECT thing_id,", "one bare SELECT"),
        ("SELECT thing_id,", "SELEC thing_id,", "21_stg_thing.sql: .*syntax error"),
        ("round(size)", "round(extent)", "stg_thing could not be built: .*extent"),
        ("round(size)", "CAST('0456 77' AS INTEGER)", "Could not convert string '...'"),
    ],
)
def test_a_model_that_breaks_its_promise_stops_the_build(
    root: Path, con: duckdb.DuckDBPyConnection, old: str, new: str, complaint: str
) -> None:
    assert old in THING
    (root / "21_stg_thing.sql").write_text(THING.replace(old, new))
    with pytest.raises(ModelError, match=re.compile(complaint, re.DOTALL)) as caught:
        models.build(con, root=root)
    assert "21_stg_thing.sql" in str(caught.value)
    assert "0456" not in str(caught.value)


def test_all_faults_are_told_at_once(root: Path, con: duckdb.DuckDBPyConnection) -> None:
    (root / "21_stg_thing.sql").write_text(THING.replace("-- grain:   one row per thing\n", ""))
    (root / "90_check_big.sql").write_text(
        CHECK.replace("kind:", "").replace("-- key:     none\n", "")
    )
    with pytest.raises(ModelError, match=r"(?s)21_stg_thing.*no entry 'grain'.*90_check_big"):
        models.build(con, root=root)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("1.0::DOUBLE AS units", "1 AS units", "has besides units INTEGER"),
        ("-- family:  quantity\n", "", "no entry 'family'"),
        ("family:  quantity", "family:  size", "family is 'size'"),
        ("pattern: P01", "pattern: P02", "the header is of pattern P02"),
    ],
)
def test_patterns_share_one_shape(
    root: Path, con: duckdb.DuckDBPyConnection, old: str, new: str, complaint: str
) -> None:
    (root / "patterns" / "P01_big.sql").write_text(PATTERN.replace(old, new))
    with pytest.raises(ModelError, match=complaint):
        models.build(con, root=root)


def test_a_table_may_become_a_view_and_back(root: Path, con: duckdb.DuckDBPyConnection) -> None:
    def kind() -> object:
        return con.execute(
            "SELECT table_type FROM information_schema.tables WHERE table_name = 'stg_thing'"
        ).fetchall()

    path = root / "21_stg_thing.sql"
    models.build(con, root=root)
    path.write_text(THING.replace("-- reads:", "-- kind:    view\n-- reads:"))
    models.build(con, root=root)
    assert kind() == [("VIEW",)]
    path.write_text(THING)
    models.build(con, root=root)
    assert kind() == [("BASE TABLE",)]


@pytest.mark.parametrize(
    ("select", "tables"),
    [
        ("SELECT * FROM a JOIN b USING (x)", {"a", "b"}),
        ("WITH b AS (SELECT * FROM a) SELECT * FROM b", {"a"}),
        ("WITH b AS (SELECT * FROM b) SELECT * FROM b", {"b"}),
        (
            "WITH RECURSIVE b AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM b WHERE n < 9) FROM b",
            set(),
        ),
        ("WITH b AS (SELECT 1), c AS (SELECT * FROM b, d) SELECT * FROM c", {"d"}),
        ("SELECT (SELECT max(x) FROM a), EXISTS (SELECT 1 FROM b) FROM range(3)", {"a", "b"}),
        ("SELECT * FROM a ASOF JOIN b ON a.x = b.x AND a.t >= b.t", {"a", "b"}),
        ("SELECT * FROM (WITH b AS (SELECT 1) SELECT * FROM b), b", {"b"}),
        ("SELECT x FROM a UNION ALL SELECT x FROM b", {"a", "b"}),
    ],
)
def test_tables_read_sees_tables_and_not_ctes(select: str, tables: set[str]) -> None:
    assert tables_read(select) == tables


# --- what is shipped -------------------------------------------------------------------------


@pytest.mark.parametrize("file", SHIPPED, ids=[file.name for file in SHIPPED])
def test_shipped_header_holds(file: models.ModelFile) -> None:
    header = parse_header(file.text, file.path)
    assert header.model == file.name
    assert set(header.reads) == tables_read(file.select)


@pytest.mark.parametrize("file", SHIPPED, ids=[file.name for file in SHIPPED])
def test_shipped_model_is_standard_enough_for_other_tools(file: models.ModelFile) -> None:
    parsed = sqlglot.parse(file.select, dialect="duckdb")
    assert len(parsed) == 1 and parsed[0] is not None


@pytest.mark.parametrize("file", SHIPPED, ids=[file.name for file in SHIPPED])
def test_shipped_model_has_no_clock_and_no_chance(file: models.ModelFile) -> None:
    code = re.sub(r"--.*", "", file.select).lower()
    found = re.findall(
        r"\b(?:random|now|today|uuid|gen_random_uuid|get_current_timestamp|transaction_timestamp)\s*\("
        r"|\bcurrent_(?:date|time|timestamp)\b|using sample",
        code,
    )
    assert not found


@pytest.mark.parametrize("name", LAND)
def test_landing_statement_is_one_statement(name: str) -> None:
    text = (files("sql") / "land" / name).read_text(encoding="utf-8")
    assert len(duckdb.extract_statements(text)) == 1


def test_shipped_models_build_on_an_empty_warehouse() -> None:
    with open_memory() as con:
        built = models.build(con)
        assert {model.name for model in built} == {file.name for file in SHIPPED}
        assert [model.name for model in built if model.is_failed_check] == []


def test_the_printed_dictionary_is_that_of_the_models() -> None:
    printed = Path(__file__).parents[2] / "docs" / "data-dictionary.md"
    assert printed.read_text(encoding="utf-8") == dictionary(), "run: make dictionary"


def test_the_dictionary_names_every_table_and_column() -> None:
    text = dictionary()
    with open_memory() as con:
        raw = con.execute("SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal")
        for table, column in raw.fetchall():
            section = text.split(f"### {table}\n")[1].split("\n### ")[0]
            assert f"| {column} | " in section, (table, column)
    for model in models.read_models():
        section = text.split(f"### {model.file.name}\n")[1].split("\n### ")[0]
        assert model.header.purpose in section
        if not model.header.has_pattern_shape:
            assert all(f"| {column.name} | " in section for column in model.columns)
