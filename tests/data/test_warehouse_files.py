"""The warehouse as a file: one writer, readable snapshots, and a ledger of runs."""

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from data.errors import WarehouseError
from data.warehouse import ledger
from data.warehouse.connection import open_memory, open_read_only, open_warehouse
from data.warehouse.snapshot import newest_snapshot, publish, snapshots

AS_OF = datetime(2024, 7, 1)
HOLD = """
import duckdb, sys
with duckdb.connect(sys.argv[1]) as con:
    con.execute("CREATE TABLE IF NOT EXISTS held (x INTEGER)")
    sys.stdout.write("held\\n"); sys.stdout.flush(); sys.stdin.readline()
"""


def test_tables_are_there_and_stay_on_reopening(tmp_path: Path) -> None:
    path = tmp_path / "var" / "w.duckdb"
    with open_warehouse(path, memory_limit="1GB", threads=1) as con:
        con.execute("INSERT INTO raw_rejected VALUES (1, NULL, NULL, 'a', 'b')")
    with open_warehouse(path) as con:
        assert con.execute("SELECT count(*) FROM raw_rejected").fetchall() == [(1,)]


def test_times_are_utc(tmp_path: Path) -> None:
    with open_warehouse(tmp_path / "w.duckdb") as con:
        query = "SELECT '2024-07-01 12:00:00+02'::TIMESTAMPTZ::TIMESTAMP"
        assert con.execute(query).fetchall() == [(datetime(2024, 7, 1, 10),)]


def test_a_warehouse_that_another_run_holds_says_so(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        child.stdout.readline()
        for opener in (open_warehouse, open_read_only):
            with pytest.raises(WarehouseError, match="another run holds the warehouse"):
                opener(path)
        child.stdin.write("\n")


def test_what_is_no_warehouse_says_so(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    path.write_text("these are the minutes of a meeting " * 1000)
    with pytest.raises(WarehouseError, match="cannot be opened as a warehouse"):
        open_warehouse(path)
    with pytest.raises(WarehouseError, match="no warehouse here yet"):
        open_read_only(tmp_path / "absent.duckdb")
    (tmp_path / "file").touch()
    with pytest.raises(WarehouseError, match="folder of the warehouse"):
        open_warehouse(tmp_path / "file" / "w.duckdb")


def test_a_reader_can_neither_write_nor_reach_other_files(tmp_path: Path) -> None:
    path, secret = tmp_path / "w.duckdb", tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    open_warehouse(path).close()
    with open_read_only(path) as con:
        assert con.execute("SELECT count(*) FROM raw_event").fetchall() == [(0,)]
        for query in (
            "DELETE FROM raw_event",
            f"FROM '{secret}'",
            f"COPY raw_event TO '{tmp_path / 'out.csv'}'",
            f"ATTACH '{tmp_path / 'other.duckdb'}'",
            "SET enable_external_access = true",
        ):
            with pytest.raises(duckdb.Error):
                con.execute(query)


def test_snapshots_are_whole_and_the_newest_two_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    assert newest_snapshot(path) is None
    with open_warehouse(path) as con:
        con.execute("CREATE VIEW rejected AS FROM raw_rejected SELECT reason")
        con.execute("COMMENT ON VIEW rejected IS 'what was set aside'")
        for reason in "abc":
            con.execute("INSERT INTO raw_rejected VALUES (1, NULL, NULL, ?, 'x')", [reason])
            last = publish(con, path, f"20240701-{reason}")
            with open_read_only(last) as reader:  # while the writer still holds the working file
                query = "SELECT max(reason), count(*) FROM rejected"
                assert reader.execute(query).fetchall() == [(reason, "abc".index(reason) + 1)]
                comments = reader.execute("SELECT comment FROM duckdb_views() WHERE NOT internal")
                assert comments.fetchall() == [("what was set aside",)]
    assert newest_snapshot(path) == last
    assert [p.name for p in snapshots(path)] == [
        "w.0002-20240701-b.duckdb",
        "w.0003-20240701-c.duckdb",
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "w.0002-20240701-b.duckdb",
        "w.0003-20240701-c.duckdb",
        "w.duckdb",
    ]


def test_while_a_copy_is_made_nobody_else_gets_to_write(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    opening = "import duckdb, sys; duckdb.connect(sys.argv[1])"
    with open_warehouse(path) as con:
        publish(con, path, "one")
        words = [sys.executable, "-c", opening, str(path)]
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        assert done.returncode != 0
        assert "lock" in done.stderr.lower()
        con.execute("INSERT INTO raw_rejected VALUES (1, NULL, NULL, 'a', 'b')")


def test_a_copy_leaves_out_the_space_of_what_was_deleted(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with open_warehouse(path) as con:
        con.execute("CREATE TABLE passing AS SELECT hash(i) AS x FROM range(1_000_000) t(i)")
        con.execute("CHECKPOINT")
        con.execute("DROP TABLE passing")
        con.execute("INSERT INTO raw_rejected VALUES (1, NULL, NULL, 'a', 'b')")
        copy = publish(con, path, "one")
        assert copy.stat().st_size < 3_000_000
    with open_read_only(copy) as con:
        assert con.execute("SELECT count(*) FROM raw_rejected").fetchall() == [(1,)]


def test_a_reader_keeps_the_snapshot_it_has_open(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with open_warehouse(path) as con:
        first = publish(con, path, "one")
        with open_read_only(first) as reader:
            for name in ("two", "three", "four"):
                publish(con, path, name)
            assert reader.execute("SELECT count(*) FROM raw_event").fetchall() == [(0,)]


def test_a_snapshot_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with open_warehouse(path) as con:
        with pytest.raises(WarehouseError, match="cannot be part"):
            publish(con, path, "../elsewhere")
        con.begin()
        con.execute("INSERT INTO raw_rejected VALUES (1, NULL, NULL, 'a', 'b')")
        absent = tmp_path / "absent" / "w.duckdb"
        with pytest.raises(WarehouseError, match="could not be written"):
            publish(con, absent, "one")
        con.rollback()
    assert [p.name for p in tmp_path.iterdir()] == ["w.duckdb"]


def test_another_warehouse_beside_it_has_its_own_snapshots(tmp_path: Path) -> None:
    for stem in ("w", "w.b", "w[1]"):
        path = tmp_path / f"{stem}.duckdb"
        with open_warehouse(path) as con:
            publish(con, path, "one")
    names = {stem: newest_snapshot(tmp_path / f"{stem}.duckdb") for stem in ("w", "w.b", "w[1]")}
    assert {stem: path and path.name for stem, path in names.items()} == {
        "w": "w.0001-one.duckdb",
        "w.b": "w.b.0001-one.duckdb",
        "w[1]": "w[1].0001-one.duckdb",
    }


# --- ledger ----------------------------------------------------------------------------------


def landed(con: duckdb.DuckDBPyConnection, *hashes: str) -> None:
    for file_id, sha256 in enumerate(hashes, 1):
        con.execute(
            "INSERT INTO raw_source_file (file_id, sha256) VALUES (?, ?)", [file_id, sha256]
        )


def run_id(*hashes: str, as_of: datetime = AS_OF, version: str = "1", **settings: object) -> str:
    with open_memory() as con:
        landed(con, *hashes)
        return ledger.make_manifest(con, as_of, settings, version).run_id


def test_the_same_run_has_the_same_id_and_another_has_another() -> None:
    base = run_id("aa", "bb", limit=1)
    assert len(base) == 12 and int(base, 16) >= 0
    assert run_id("bb", "aa", limit=1) == base
    others = [
        run_id("aa", limit=1),
        run_id("aa", "bb", limit=2),
        run_id("aa", "bb", limit=1, as_of=datetime(2024, 7, 2)),
        run_id("aa", "bb", limit=1, version="2"),
    ]
    assert len({base, *others}) == 5


def test_changed_sql_is_another_run(tmp_path: Path) -> None:
    (tmp_path / "patterns").mkdir()
    (tmp_path / "patterns" / "P01_x.sql").write_text("SELECT 1")
    before = ledger.sql_hashes(tmp_path)
    (tmp_path / "patterns" / "P01_x.sql").write_text("SELECT 2")
    assert list(before) == ["patterns/P01_x.sql"]
    assert ledger.sql_hashes(tmp_path) != before
    assert "01_raw_tables.sql" in ledger.sql_hashes()


def test_a_killed_run_is_failed_once_the_next_begins() -> None:
    with open_memory() as con:
        killed = ledger.begin_run(con, ledger.make_manifest(con, AS_OF, {"n": 1}, "1"))
        second = ledger.begin_run(con, ledger.make_manifest(con, AS_OF, {"n": 2}, "1"))
        ledger.finish_run(con, second, outputs={"b.html": "22", "a.html": "11"})
        query = "SELECT run_id, status FROM raw_run ORDER BY status"
        assert con.execute(query).fetchall() == [(killed, "failed"), (second, "finished")]
        outputs = "SELECT manifest -> '$.outputs' FROM raw_run WHERE status = 'finished'"
        assert con.execute(outputs).fetchall() == [('{"a.html":"11","b.html":"22"}',)]
        with pytest.raises(WarehouseError, match="is not running"):
            ledger.finish_run(con, killed)


def test_a_run_repeated_is_one_row() -> None:
    with open_memory() as con:
        manifest = ledger.make_manifest(con, AS_OF, {}, "1")
        for _ in range(2):
            ledger.finish_run(con, ledger.begin_run(con, manifest))
        assert con.execute("SELECT as_of, status FROM raw_run").fetchall() == [(AS_OF, "finished")]
