"""``touchstone suppress`` and ``suppressions``: findings that people set aside, in plain sight."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from data.errors import InputError, WarehouseError
from data.record import acts
from data.record.entries import Act
from data.warehouse import suppressions
from data.warehouse.connection import open_read_only, open_warehouse
from data.warehouse.suppressions import Scope, SuppressionEntry
from flows.record import Recording, recorded

NOT_JUDGED = "no run has judged this warehouse yet. Make one: touchstone run."


def begin(
    warehouse: Path,
    scope: Scope,
    until: str | None,
    words: tuple[str, str],
    at: datetime,
    most_days: int,
    recording: Recording,
) -> str:
    """Set findings aside from now until a day; return what to tell the person.

    Parameters
    ----------
    warehouse
        The working file, which no batch may hold.
    scope, until
        What, and the last day (ISO).
    words
        Why, and who decides it.
    at
        The moment from which it holds (UTC).
    most_days
        How far ahead the last day may lie.
    recording
        How the record is kept.

    Raises
    ------
    InputError, NotFoundError
        As ``suppressions.plan_begin`` says.
    WarehouseError
        There is no warehouse, or a batch holds it.
    """
    last_day = _day(until)
    _need(warehouse)
    reason, person = words
    with (
        recorded(warehouse, replace(recording, actor=person.strip() or recording.actor)) as trail,
        closing(open_warehouse(warehouse)) as con,
    ):
        entry = suppressions.plan_begin(con, scope, last_day, reason, person, at, most_days)
        _write(con, entry, acts.suppressed(entry), trail.append)
    return (
        f"Suppression {entry.suppression_id}: {_scope(scope)} until {last_day}. The next run sets "
        "aside what it covers; the findings stay in the reports."
    )


def end(
    warehouse: Path,
    suppression_id: int,
    words: tuple[str, str],
    at: datetime,
    recording: Recording,
) -> str:
    """End a suppression early; return what to tell the person.

    Raises InputError, NotFoundError and WarehouseError like ``suppressions.plan_end``.
    """
    _need(warehouse)
    reason, person = words
    with (
        recorded(warehouse, replace(recording, actor=person.strip() or recording.actor)) as trail,
        closing(open_warehouse(warehouse)) as con,
    ):
        entry = suppressions.plan_end(con, suppression_id, reason, person, at)
        _write(con, entry, acts.unsuppressed(entry), trail.append)
    return f"Suppression {suppression_id} is ended; from the next run on its findings stand again."


def listed(warehouse: Path, readable: Path, at: datetime, everything: bool) -> Iterator[str]:
    """Lines for the terminal: who, when, why, until when, and what it covers now.

    Parameters
    ----------
    warehouse, readable
        The working file, which knows the newest; a copy, for while a batch holds that.
    at
        The moment asked about (UTC).
    everything
        Those that are over too.
    """
    rows = _rows(warehouse, readable)
    kept = [row for row in rows if everything or _is_open(row, at)]
    if not kept:
        yield "Nothing is set aside." if not everything else "Nothing was ever set aside."
    for row in kept:
        scope = Scope(row["pattern"], row["site_gln"], row["gtin"], row["lot"])
        yield f"{row['suppression_id']}  {_scope(scope)}, until {row['until_on']}"
        yield (
            f"   by {row['suppressed_by']} on {row['suppressed_at']:%Y-%m-%d %H:%M} UTC: "
            f"{row['reason']}"
        )
        if row["ended_at"] is not None:
            yield (
                f"   ended by {row['ended_by']} on {row['ended_at']:%Y-%m-%d %H:%M} UTC: "
                f"{row['end_reason']}"
            )
        elif not _is_open(row, at):
            yield "   over: its last day is past"
        else:
            yield f"   covers {row['findings']} findings in {row['lots']} lots of the latest run"


def _write(
    con: duckdb.DuckDBPyConnection,
    entry: SuppressionEntry,
    act: Act,
    append: Callable[[list[Act]], None],
) -> None:
    """The record first: what is in force is always in it."""
    append([act])
    suppressions.add_entries(con, [entry])


def _rows(warehouse: Path, readable: Path) -> list[dict[str, Any]]:
    _need(warehouse)
    try:
        con = open_read_only(warehouse)
    except WarehouseError:
        con = open_read_only(readable)
    with closing(con):
        try:
            cursor = con.execute("SELECT * FROM suppression ORDER BY suppression_id")
        except duckdb.CatalogException:
            raise WarehouseError(f"{warehouse}: {NOT_JUDGED}") from None
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _is_open(row: dict[str, Any], at: datetime) -> bool:
    return bool(row["ended_at"] is None and row["until_on"] >= at.date())


def _scope(scope: Scope) -> str:
    parts = [scope.pattern]
    parts += [f"at {scope.site_gln}"] if scope.site_gln else []
    parts += [f"of {scope.gtin}"] if scope.gtin else []
    parts += [f"lot {scope.lot}"] if scope.lot else []
    return " ".join(parts)


def _need(warehouse: Path) -> None:
    if not warehouse.is_file():
        raise WarehouseError(
            f"{warehouse}: there is no warehouse here yet. Make one: touchstone run."
        )


def _day(text: str | None) -> date:
    if text is None:
        raise InputError("--until is needed: nothing is set aside for ever. Name the last day.")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"--until {text}: not a day. Write it as in 2026-12-31.") from None
