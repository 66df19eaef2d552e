"""What each run judged of each lot, kept, so that the next run can say what changed and why."""

from dataclasses import astuple, dataclass, fields
from datetime import datetime

import duckdb

from data.record.canonical import digest
from data.warehouse.ledger import Manifest

_LOT = (
    "gtin, lot, tier, top_pattern, findings_standing, findings_explained, findings_suppressed, "
    "data_gaps"
)


@dataclass(frozen=True)
class JudgedRun:
    """A row of ``raw_judged_run``."""

    run_id: str
    before_run_id: str | None
    as_of: datetime
    last_file_id: int
    last_decision_id: int
    settings_sha256: str
    rules_sha256: str


@dataclass(frozen=True)
class Judgement:
    """A run as it judged: the run's own row, and a row a lot in the order of GTIN and lot."""

    run: JudgedRun
    lots: tuple[tuple[str | int | None, ...], ...]

    @property
    def sha256(self) -> str:
        """Hash over all of it."""
        run = [*astuple(self.run)]
        run[2] = self.run.as_of.isoformat()
        return digest({"run": run, "lots": [list(lot) for lot in self.lots]})


def begin_judging(
    con: duckdb.DuckDBPyConnection, manifest: Manifest, before_run_id: str | None
) -> None:
    """Note on what a run stands, and which run came before it; a run of the same id is replaced."""
    file_ids = con.execute("SELECT coalesce(max(file_id), 0) FROM raw_source_file").fetchall()
    decisions = con.execute(
        "SELECT coalesce(max(decision_id), 0) FROM raw_decision WHERE decided_at <= ?",
        [datetime.fromisoformat(manifest.as_of)],
    ).fetchall()
    _put(
        con,
        JudgedRun(
            run_id=manifest.run_id,
            before_run_id=before_run_id,
            as_of=datetime.fromisoformat(manifest.as_of),
            last_file_id=file_ids[0][0],
            last_decision_id=decisions[0][0],
            settings_sha256=digest(manifest.settings),
            rules_sha256=digest({"sql": manifest.sql, "version": manifest.code_version}),
        ),
    )


def keep_judgement(con: duckdb.DuckDBPyConnection) -> None:
    """Keep what the run that is going on judged of every lot."""
    [(run_id,)] = con.execute("SELECT run_id FROM raw_run WHERE status = 'running'").fetchall()
    con.execute("DELETE FROM raw_lot_judgement WHERE run_id = ?", [run_id])
    con.execute(
        f"INSERT INTO raw_lot_judgement BY NAME SELECT run_id, {_LOT} FROM lot_risk "  # noqa: S608
        "ORDER BY gtin, lot"
    )


def find_judgement(con: duckdb.DuckDBPyConnection, run_id: str) -> Judgement | None:
    """What a run judged; None where this warehouse does not hold it."""
    names = ", ".join(field.name for field in fields(JudgedRun))
    rows = con.execute(
        f"SELECT {names} FROM raw_judged_run WHERE run_id = ?",  # noqa: S608
        [run_id],
    ).fetchall()
    if not rows:
        return None
    lots = con.execute(
        f"SELECT {_LOT} FROM raw_lot_judgement WHERE run_id = ? ORDER BY gtin, lot",  # noqa: S608
        [run_id],
    ).fetchall()
    return Judgement(JudgedRun(*rows[0]), tuple(lots))


def put_judgement(con: duckdb.DuckDBPyConnection, judgement: Judgement) -> None:
    """Put what a run judged into another warehouse."""
    _put(con, judgement.run)
    con.execute("DELETE FROM raw_lot_judgement WHERE run_id = ?", [judgement.run.run_id])
    if judgement.lots:
        marks = ", ".join("?" for _ in judgement.lots[0])
        con.executemany(
            f"INSERT INTO raw_lot_judgement (run_id, {_LOT}) VALUES (?, {marks})",  # noqa: S608
            [[judgement.run.run_id, *lot] for lot in judgement.lots],
        )


def _put(con: duckdb.DuckDBPyConnection, run: JudgedRun) -> None:
    con.execute("DELETE FROM raw_judged_run WHERE run_id = ?", [run.run_id])
    names = ", ".join(field.name for field in fields(JudgedRun))
    con.execute(
        f"INSERT INTO raw_judged_run ({names}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        astuple(run),
    )
