"""Findings set aside by people until a date: rows that are added, never changed."""

from dataclasses import astuple, dataclass, fields
from datetime import date, datetime

import duckdb

from data.errors import InputError, NotFoundError
from data.warehouse.pattern_book import pages


@dataclass(frozen=True)
class SuppressionEntry:
    """A row of ``raw_suppression``; an ``end`` repeats no scope."""

    entry_no: int
    suppression_id: int
    act: str  # begin, end
    pattern: str | None
    site_gln: str | None
    gtin: str | None
    lot: str | None
    until_on: date | None
    reason: str
    acted_by: str
    acted_at: datetime

    def plain(self) -> dict[str, object]:
        """As JSON values, for a manifest's hash."""
        dates = {
            "until_on": self.until_on.isoformat() if self.until_on else None,
            "acted_at": self.acted_at.isoformat(),
        }
        return {field.name: getattr(self, field.name) for field in fields(self)} | dates


@dataclass(frozen=True)
class Scope:
    """What a suppression covers: a pattern, and at least a site or a product."""

    pattern: str
    site_gln: str | None = None
    gtin: str | None = None
    lot: str | None = None


def entries(
    con: duckdb.DuckDBPyConnection, until: datetime | None = None
) -> list[SuppressionEntry]:
    """All entries made up to a moment (UTC), in order."""
    rows = con.execute(
        f"SELECT {_names()} FROM raw_suppression WHERE acted_at <= ? ORDER BY entry_no",  # noqa: S608
        [until or datetime.max],
    ).fetchall()
    return [SuppressionEntry(*row) for row in rows]


def add_entries(con: duckdb.DuckDBPyConnection, new: list[SuppressionEntry]) -> None:
    """Append entries as they are."""
    marks = ", ".join("?" for _ in fields(SuppressionEntry))
    for entry in new:
        con.execute(
            f"INSERT INTO raw_suppression ({_names()}) VALUES ({marks})",  # noqa: S608
            list(astuple(entry)),
        )


def plan_begin(
    con: duckdb.DuckDBPyConnection,
    scope: Scope,
    until_on: date,
    reason: str,
    person: str,
    at: datetime,
    most_days: int,
) -> SuppressionEntry:
    """The entry that sets findings aside; nothing is written yet.

    Raises
    ------
    InputError
        No such pattern, no scope beside it, a date that is past or too far ahead, no words or no
        person, or a moment before the latest run's.
    NotFoundError
        The warehouse knows no such site, product or lot: a typing error would cover nothing.
    """
    _need_words(reason, person)
    codes = [page.code for page in pages()]
    if scope.pattern not in codes:
        raise InputError(f"{scope.pattern}: no such pattern. touchstone patterns lists all.")
    if scope.lot is not None and scope.gtin is None:
        raise InputError("--lot needs --gtin: lots of different products may share a number.")
    if scope.site_gln is None and scope.gtin is None:
        raise InputError(
            f"{scope.pattern} everywhere cannot be set aside: name a place with --site, a product "
            "with --gtin, or a lot with --gtin and --lot. To change a rule for all, change its "
            "threshold in the settings."
        )
    if until_on < at.date():
        raise InputError(f"--until {until_on}: that day is past. Name the last day, at best near.")
    if (until_on - at.date()).days > most_days:
        raise InputError(
            f"--until {until_on}: more than {most_days} days ahead. Name a nearer day and look "
            "again then; suppression_days in the settings allows more."
        )
    _need_later_than_runs(con, at)
    _need_known(con, scope)
    number = _next_no(con)
    return SuppressionEntry(
        number,
        number,
        "begin",
        scope.pattern,
        scope.site_gln,
        scope.gtin,
        scope.lot,
        until_on,
        reason.strip(),
        person.strip(),
        at,
    )


def plan_end(
    con: duckdb.DuckDBPyConnection, suppression_id: int, reason: str, person: str, at: datetime
) -> SuppressionEntry:
    """The entry that ends a suppression early; nothing is written yet.

    Raises
    ------
    InputError
        No words or no person, it was ended already, its last day is past, or a moment before the
        latest run's.
    NotFoundError
        There is no such suppression.
    """
    _need_words(reason, person)
    known = [one for one in entries(con) if one.suppression_id == suppression_id]
    if not known:
        raise NotFoundError(
            f"--end {suppression_id}: no such suppression. touchstone suppressions --all lists all."
        )
    if any(one.act == "end" for one in known):
        raise InputError(f"--end {suppression_id}: it was ended already.")
    last_day = known[0].until_on
    if last_day is not None and last_day < at.date():
        raise InputError(f"--end {suppression_id}: it ended by itself on {last_day}.")
    _need_later_than_runs(con, at)
    return SuppressionEntry(
        _next_no(con), suppression_id, "end", None, None, None, None, None,
        reason.strip(), person.strip(), at,
    )  # fmt: skip


def _names() -> str:
    return ", ".join(field.name for field in fields(SuppressionEntry))


def _next_no(con: duckdb.DuckDBPyConnection) -> int:
    rows = con.execute("SELECT coalesce(max(entry_no), 0) + 1 FROM raw_suppression").fetchall()
    return int(rows[0][0])


def _need_words(reason: str, person: str) -> None:
    if not reason.strip():
        raise InputError("--reason is empty: say why, for those who read it years later.")
    if not person.strip():
        raise InputError("--by is empty: name the person who decides it.")


def _need_later_than_runs(con: duckdb.DuckDBPyConnection, at: datetime) -> None:
    """What a run knew must not change behind it."""
    [(latest,)] = con.execute("SELECT max(as_of) FROM raw_run").fetchall()
    if latest is not None and at <= latest:
        raise InputError(
            f"the latest run judged as of {latest:%Y-%m-%dT%H:%M:%SZ}, and this is dated "
            f"{at:%Y-%m-%dT%H:%M:%SZ}. Give a later moment with --as-of."
        )


def _need_known(con: duckdb.DuckDBPyConnection, scope: Scope) -> None:
    names = {row[0] for row in con.execute("SHOW TABLES").fetchall()}
    if not {"core_site", "core_lot"} <= names:
        raise NotFoundError("no run has judged this warehouse yet. Make one: touchstone run.")
    if (
        scope.site_gln is not None
        and not con.execute("SELECT 1 FROM core_site WHERE gln = ?", [scope.site_gln]).fetchone()
    ):
        raise NotFoundError(
            "--site: the warehouse knows no such place; touchstone sql 'FROM site' lists all."
        )
    known = con.execute(
        "SELECT 1 FROM core_lot WHERE gtin = ? AND lot = coalesce(?, lot) LIMIT 1",
        [scope.gtin, scope.lot],
    ).fetchone()
    if scope.gtin is not None and not known:
        raise NotFoundError(
            "--gtin, --lot: the warehouse knows no such product or lot; touchstone sql "
            "'SELECT gtin, lot FROM lot' lists all."
        )
