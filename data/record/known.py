"""What a warehouse knew at a moment: its files as they were landed, decisions, and what became of
them."""

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from importlib.resources import files
from typing import Any

import duckdb


@dataclass(frozen=True)
class KnownFile:
    """A file as landing wrote it down; ``layouts`` are hashes of the mappings then in force."""

    file_id: int
    path: str
    sha256: str | None
    byte_count: int | None
    kind: str
    read_count: int
    set_aside_count: int
    first_record_id: int
    ingested_at: datetime
    message: str | None
    remedy: str | None
    layouts: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """As JSON values, for a manifest."""
        return asdict(self) | {
            "ingested_at": self.ingested_at.isoformat(),
            "layouts": list(self.layouts),
        }

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> "KnownFile":
        """Back from a manifest."""
        return cls(
            **{
                **values,
                "ingested_at": datetime.fromisoformat(values["ingested_at"]),
                "layouts": tuple(values["layouts"]),
            }
        )


@dataclass(frozen=True)
class Decision:
    """A row of ``raw_decision``."""

    decision_id: int
    gtin: str
    lot: str
    outcome: str
    reason: str
    decided_by: str
    decided_at: datetime


@dataclass(frozen=True)
class CaseAct:
    """A row of ``raw_case_act``: what was done to a decision, or to a case, after its entry."""

    act_no: int
    case_id: str
    decision_id: int | None  # None: of a case that was added or imported
    act: str  # proposed, second, withdrawn
    meaning: str | None
    reason: str
    acted_by: str
    acted_at: datetime


PROPOSED, SECOND, WITHDRAWN = "proposed", "second", "withdrawn"


def known_files(con: duckdb.DuckDBPyConnection, until: datetime | None = None) -> list[KnownFile]:
    """The files landed up to a moment (UTC), all of them by default, in the order of landing."""
    rows = con.execute(_query("known_files"), {"until": until or datetime.max}).fetchall()
    names = [field.name for field in fields(KnownFile)]
    return [
        KnownFile(
            **{**dict(zip(names, row, strict=True)), "layouts": tuple((row[-1] or "").split())}
        )
        for row in rows
    ]


def known_decisions(
    con: duckdb.DuckDBPyConnection, until: datetime | None = None
) -> list[Decision]:
    """The decisions made up to a moment (UTC), in the order of entry."""
    names = ", ".join(field.name for field in fields(Decision))
    rows = con.execute(
        f"SELECT {names} FROM raw_decision WHERE decided_at <= ? ORDER BY decision_id",  # noqa: S608
        [until or datetime.max],
    ).fetchall()
    return [Decision(*row) for row in rows]


def known_acts(con: duckdb.DuckDBPyConnection, until: datetime | None = None) -> list[CaseAct]:
    """What was done to decisions and cases up to a moment (UTC), in the order of entry."""
    made = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'raw_case_act'"
    ).fetchall()
    if made == [(0,)]:  # made by an earlier version, which knew of no such acts
        return []
    names = ", ".join(field.name for field in fields(CaseAct))
    rows = con.execute(
        f"SELECT {names} FROM raw_case_act WHERE acted_at <= ? ORDER BY act_no",  # noqa: S608
        [until or datetime.max],
    ).fetchall()
    return [CaseAct(*row) for row in rows]


def _query(name: str) -> str:
    return (files("sql") / "land" / f"{name}.sql").read_text(encoding="utf-8")
