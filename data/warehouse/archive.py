"""Closed lots in the archive: what is over leaves the warehouse for Parquet and stays readable.

    touchstone.archive/item_event/year=2025/0001.parquet    packs' histories, batch 1
    touchstone.archive/custody/year=2025/0001.parquet       packs' hops

Between runs the tables of ``MOVED`` hold live lots only; views of the same names give the rows of
live and archived lots alike, so whoever reads them sees no difference. A run that judges brings
the rows back first (``bring_back``): it judges on the whole, so nothing is judged otherwise for
being archived. Landed records are never moved: news of an archived lot meets all of its history.

Files are added, never changed. After each run the archived histories are held against those that
the run built: a lot that has news, or that somebody has a question about, is live again, and its
archived rows are no longer read. Everything here can be made again from what is landed, so a file
that is lost or damaged costs nothing but its lots' place in the archive.
"""

import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path

import duckdb

from data.record.canonical import file_digest
from data.record.disk import FOLDER_MODE, settle, storage_faults, sync_folder
from data.warehouse.connection import transaction
from data.warehouse.models import find_model_files, quoted

# The tables whose rows move, each with the order of its rows and what of an archived lot stays.
MOVED = {
    "core_item_step": ("lot_id, unit_id, ord", "false"),
    "core_item_event": ("lot_id, unit_id, ord", "false"),
    "core_custody": ("lot_id, unit_id, hop_no", "false"),
    "core_observation": ("lot_id, unit_id, observed_at, record_id", "kind = 'verification'"),
}
HISTORY = "item_event"  # the view that people ask for packs' histories
PARTS = ("item_event", "custody")
FILE_MODE = 0o440  # nobody writes into what is archived, a query neither

IS_LIVE = "it is no longer over, or somebody has a question about it"
IS_CHANGED = "its history is not what was archived: news came in"
IS_LOST = "its archived file is gone or damaged; its history was made again from what is landed"


@dataclass(frozen=True)
class Rules:
    """When a lot is over: see ``sql/archive/closed_lots.sql``."""

    as_of: datetime  # UTC, without offset
    quiet_days: int
    expired_days: int


@dataclass(frozen=True)
class ArchivedFile:
    """A row of ``raw_archived_file`` but for its place on this machine."""

    name: str
    batch_no: int
    sha256: str
    byte_count: int
    row_count: int
    lot_count: int


@dataclass(frozen=True)
class Restored:
    """A lot that was archived and is live again."""

    gtin: str
    lot: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """What archiving would do now; the lots themselves stand in the connection's own tables."""

    closed_lots: int  # not archived yet
    closed_packs: int
    closed_events: int
    restored: tuple[Restored, ...]
    lost: tuple[str, ...]  # names of files that are gone or damaged

    @property
    def is_nothing(self) -> bool:
        """Whether no lot moves, either way."""
        return not self.closed_lots and not self.restored and not self.lost


def archive_folder(warehouse: Path) -> Path:
    """Where a warehouse's archived lots lie: beside it."""
    return warehouse.with_name(f"{warehouse.stem}.archive")


def archived_files(con: duckdb.DuckDBPyConnection) -> list[ArchivedFile]:
    """The files of the archive, in the order of their making."""
    rows = con.execute(
        "SELECT * EXCLUDE (path) FROM raw_archived_file ORDER BY batch_no, name"
    ).fetchall()
    return [ArchivedFile(*row) for row in rows]


def holds_any(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether any lot is archived."""
    return bool(con.execute("SELECT count(*) > 0 FROM raw_archived_lot").fetchall()[0][0])


def count_older(con: duckdb.DuckDBPyConnection, moment: datetime) -> int:
    """The number of archived lots whose last record is from before a moment."""
    query = "SELECT count(*) FROM raw_archived_lot WHERE last_at < ?"
    return int(con.execute(query, [moment]).fetchall()[0][0])


def is_incomplete(con: duckdb.DuckDBPyConnection, warehouse: Path) -> bool:
    """Whether rows of the moved tables cannot be read: files of the archive are gone or damaged."""
    return _are_views(con) and bool(_lost(con, warehouse))


def bring_back(con: duckdb.DuckDBPyConnection, warehouse: Path) -> bool:
    """Make the moved tables whole again, as the last build left them; return whether they were not.

    Where a file is gone or damaged they are left as they are, and the next build makes them anew.
    """
    if not _are_views(con) or _lost(con, warehouse):
        return False
    _show_files(con, archive_folder(warehouse))  # the folder may have been moved since
    with transaction(con):
        for name, (order, _) in MOVED.items():
            words = _words(con, name)
            con.execute(f"CREATE OR REPLACE TABLE {name}_whole AS FROM {name} ORDER BY {order}")
            con.execute(f"DROP VIEW {name}")
            con.execute(f"DROP TABLE {name}_live")
            con.execute(f"ALTER TABLE {name}_whole RENAME TO {name}")
            _describe(con, "TABLE", name, words)
        _replace_view(con, HISTORY, _history())
    return True


def plan(
    con: duckdb.DuckDBPyConnection, warehouse: Path, rules: Rules, takes_new: bool = True
) -> Plan:
    """Find which lots are over and which archived ones are not; nothing is changed.

    Parameters
    ----------
    con
        A warehouse open for writing, judged.
    warehouse
        Its file.
    rules
        When a lot is over.
    takes_new
        Without it no further lot is archived; those that have news still come back.
    """
    _run(con, "closed_lots", _values(rules))
    _run(con, "item_event_form")
    _run(con, "custody_form")
    lost = _lost(con, warehouse)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE lost_file AS SELECT unnest(?::VARCHAR[]) AS name", [lost]
    )
    if _show_files(con, archive_folder(warehouse), lost):
        _run(con, "changed_lots")
    else:
        con.execute("CREATE OR REPLACE TEMP TABLE changed_lot (gtin VARCHAR, lot VARCHAR)")
    words = {"is_live": IS_LIVE, "is_changed": IS_CHANGED, "is_lost": IS_LOST}
    _run(con, "restored_lots", words)
    _run(con, "fresh_lots", {"takes_new": takes_new})
    restored = con.execute(
        "SELECT gtin, lot, reason FROM restored_lot ORDER BY gtin, lot"
    ).fetchall()
    [(lots, packs, events)] = con.execute(
        "SELECT count(*), coalesce(sum(packs), 0)::BIGINT, coalesce(sum(events), 0)::BIGINT "
        "FROM fresh_lot"
    ).fetchall()
    return Plan(lots, packs, events, tuple(Restored(*row) for row in restored), tuple(lost))


def carry_out(
    con: duckdb.DuckDBPyConnection,
    warehouse: Path,
    planned: Plan,
    rules: Rules,
    before: Callable[[Sequence[Restored]], None] = lambda _: None,
) -> list[ArchivedFile]:
    """Move what was planned on this connection; return the files that were added.

    Files appear whole under their names before the warehouse knows them, and the warehouse changes
    in one transaction: killed at any moment, everything is either where it was or where it goes.

    Parameters
    ----------
    con, warehouse, planned, rules
        As given to ``plan``, and what it returned.
    before
        Told of the lots that come back before anything changes.
    """
    folder = archive_folder(warehouse)
    made: list[ArchivedFile] = []
    if planned.closed_lots:
        made = _write_batch(con, folder)
    if planned.restored:
        before(planned.restored)
    with transaction(con):
        _keep_book(con, folder, made, rules)
        _part_tables(con, folder)
    return made


def _keep_book(
    con: duckdb.DuckDBPyConnection, folder: Path, made: Sequence[ArchivedFile], rules: Rules
) -> None:
    """Write down which lots and files the archive holds now."""
    con.execute("DELETE FROM raw_archived_file WHERE name IN (FROM lost_file)")
    _run(con, "forget_restored")
    for file in made:
        row = [*astuple(file), ""]
        con.execute("INSERT INTO raw_archived_file VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    if made:
        _run(con, "note_fresh", {"batch_no": made[0].batch_no, "archived_at": rules.as_of})
    for file in archived_files(con):
        query = "UPDATE raw_archived_file SET path = ? WHERE name = ?"
        con.execute(query, [_place(folder, file.name), file.name])


def _part_tables(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Leave live lots' rows in the moved tables, and put views of the same names over all rows."""
    for name in MOVED:
        con.execute(f"DROP TABLE IF EXISTS {name}_live")
    if not holds_any(con):
        return
    _show_files(con, folder)
    _run(con, "archived_ids")
    for name, (_, stays) in MOVED.items():
        words = _words(con, name)
        con.execute(
            f"CREATE TABLE {name}_live AS FROM {name} "
            f"WHERE {stays} OR lot_id NOT IN (FROM archived_id)"
        )
        _describe(con, "TABLE", f"{name}_live", (f"Rows of {name}, archived lots left out.", []))
        con.execute(f"DROP TABLE {name}")
        con.execute(f"CREATE VIEW {name} AS\n{_text(name)}")
        _describe(con, "VIEW", name, words)
    live = re.sub(r"\bcore_item_event\b", "core_item_event_live", _history())
    _replace_view(con, HISTORY, f"{live}\nUNION ALL\n{_text(HISTORY)}")


def _write_batch(con: duckdb.DuckDBPyConnection, folder: Path) -> list[ArchivedFile]:
    """Write the histories of the lots that are to be archived, one file a part and year."""
    batch_no = 1 + max([0, *_batches_there(folder), *(one.batch_no for one in archived_files(con))])
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    years = con.execute(
        "SELECT year, count(*) FROM fresh_lot GROUP BY year ORDER BY year"
    ).fetchall()
    made = []
    with storage_faults(folder):
        for part in PARTS:
            for year, lots in years:
                name = f"{part}/year={year}/{batch_no:04d}.parquet"
                path = unfinished / name
                path.parent.mkdir(parents=True)
                rows = _write(con, part, int(year), batch_no, path)
                settle(path)
                path.chmod(FILE_MODE)
                size = path.stat().st_size
                made.append(ArchivedFile(name, batch_no, file_digest(path), size, rows, lots))
        for file in made:
            target = folder / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            for parent in (target.parent, target.parent.parent, folder):
                parent.chmod(FOLDER_MODE)
            (unfinished / file.name).replace(target)
            sync_folder(target.parent)
    shutil.rmtree(unfinished, ignore_errors=True)
    return made


def _write(con: duckdb.DuckDBPyConnection, part: str, year: int, batch_no: int, path: Path) -> int:
    """Write one file, sorted by lot, serial and time; return its rows."""
    con.execute(f"SET VARIABLE archive_year = {year}")
    con.execute(f"SET VARIABLE archive_batch = {batch_no}")
    [(rows,)] = con.execute(
        f"COPY ({_text(f'{part}_rows')}) TO {quoted(str(path))} (FORMAT parquet, COMPRESSION zstd)"
    ).fetchall()
    return int(rows)


def _batches_there(folder: Path) -> Iterator[int]:
    """The numbers of batches whose files lie in the folder, known to the warehouse or not."""
    for path in folder.glob("*/year=*/*.parquet"):
        if path.stem.isdecimal():
            yield int(path.stem)


def _lost(con: duckdb.DuckDBPyConnection, warehouse: Path) -> list[str]:
    """Files of the archive that are not there, or are not what was written."""
    folder = archive_folder(warehouse)
    return [
        file.name
        for file in _held_files(con)
        if not (folder / file.name).is_file() or file_digest(folder / file.name) != file.sha256
    ]


def _show_files(
    con: duckdb.DuckDBPyConnection, folder: Path, leaving_out: Collection[str] = ()
) -> bool:
    """Put views over the archive's files; return whether there are any."""
    names = [file.name for file in _held_files(con) if file.name not in leaving_out]
    listed = {part: [name for name in names if name.startswith(f"{part}/")] for part in PARTS}
    if not all(listed.values()):
        return False
    for part, some in listed.items():
        paths = ", ".join(quoted(_place(folder, name)) for name in some)
        con.execute(
            f"CREATE OR REPLACE VIEW archived_{part} AS "
            f"FROM read_parquet([{paths}], hive_partitioning = true)"
        )
        about = "Rows of the archive; those count whose batch_no archived_lot names for their lot."
        _describe(con, "VIEW", f"archived_{part}", (about, []))
    return True


def _held_files(con: duckdb.DuckDBPyConnection) -> list[ArchivedFile]:
    """The files that hold rows of some archived lot."""
    batches = con.execute("SELECT DISTINCT batch_no FROM raw_archived_lot").fetchall()
    return [file for file in archived_files(con) if (file.batch_no,) in batches]


def _place(folder: Path, name: str) -> str:
    return os.path.abspath(folder / name)  # noqa: PTH100 - a link keeps its name


def _are_views(con: duckdb.DuckDBPyConnection) -> bool:
    query = "SELECT count(*) FROM duckdb_views() WHERE view_name IN (SELECT unnest(?::VARCHAR[]))"
    return bool(con.execute(query, [list(MOVED)]).fetchall()[0][0] == len(MOVED))


def _words(con: duckdb.DuckDBPyConnection, name: str) -> tuple[str | None, list[tuple[str, str]]]:
    """The comments on a table or view and on its columns."""
    [(about,)] = con.execute(
        "SELECT max(comment) FROM (SELECT comment FROM duckdb_tables() WHERE table_name = $name "
        "UNION ALL SELECT comment FROM duckdb_views() WHERE view_name = $name)",
        {"name": name},
    ).fetchall()
    columns = con.execute(
        "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = ? "
        "AND comment IS NOT NULL ORDER BY column_index",
        [name],
    ).fetchall()
    return about, columns


def _describe(
    con: duckdb.DuckDBPyConnection,
    kind: str,
    name: str,
    words: tuple[str | None, list[tuple[str, str]]],
) -> None:
    about, columns = words
    if about is not None:
        con.execute(f"COMMENT ON {kind} {name} IS {quoted(about)}")
    for column, meaning in columns:
        con.execute(f"COMMENT ON COLUMN {name}.{column} IS {quoted(meaning)}")


def _replace_view(con: duckdb.DuckDBPyConnection, name: str, select: str) -> None:
    words = _words(con, name)
    con.execute(f"CREATE OR REPLACE VIEW {name} AS\n{select}")
    _describe(con, "VIEW", name, words)


def _history() -> str:
    """The SELECT of the model that shows packs' histories."""
    [model] = [file for file in find_model_files() if file.name == HISTORY]
    return model.select


def _values(rules: Rules) -> dict[str, object]:
    return {
        "as_of": rules.as_of,
        "quiet_days": rules.quiet_days,
        "expired_days": rules.expired_days,
    }


def _run(
    con: duckdb.DuckDBPyConnection, name: str, values: Mapping[str, object] | None = None
) -> None:
    con.execute(_text(name), dict(values or {}))


def _text(name: str) -> str:
    return (files("sql") / "archive" / f"{name}.sql").read_text(encoding="utf-8")
