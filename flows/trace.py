"""The story of one pack, case or lot, for the terminal: events, gaps, and what was found."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import duckdb

from data.errors import InputError, NotFoundError
from data.readers.gs1 import parse
from data.warehouse.cookbook import ready_query

SHOWN_GAP = timedelta(days=2)
_NOBODY = "-"


def story(con: duckdb.DuckDBPyConnection, thing: list[str]) -> list[str]:
    """Return every event of a pack, case or lot, oldest first, and the findings about it.

    Parameters
    ----------
    con : DuckDBPyConnection
        A built warehouse.
    thing : list of str
        One EPC or SSCC in any spelling, or a GTIN and a lot.

    Raises
    ------
    InputError
        Neither one nor two words were given.
    NotFoundError
        The warehouse holds no event of it.
    """
    if len(thing) == 2:
        gtin, lot = thing[0].zfill(14), thing[1]
        events = _rows(con, "trace_lot", {"gtin": gtin, "lot": lot})
        findings = _rows(con, "trace_findings", {"thing": _NOBODY, "gtin": gtin, "lot": lot})
        title = f"Lot {lot} of {gtin}"
    elif len(thing) == 1:
        identifier = parse(thing[0])
        query = "trace_unit" if identifier.scheme == "sgtin" else "trace_container"
        events = _rows(con, query, {"epc": identifier.canonical})
        key = identifier.sscc or identifier.canonical
        findings = _rows(con, "trace_findings", {"thing": key, "gtin": _NOBODY, "lot": _NOBODY})
        title = identifier.canonical
    else:
        raise InputError("trace: give one EPC or SSCC, or a GTIN and a lot.")
    if not events:
        raise NotFoundError(
            "trace: no event of it is in the warehouse. Look up its spelling with touchstone sql "
            "'FROM lot', or land the file that names it."
        )
    return [title, "", *_event_lines(events), "", *_finding_lines(findings)]


def _rows(
    con: duckdb.DuckDBPyConnection, query: str, values: dict[str, str]
) -> list[dict[str, Any]]:
    found = con.execute(ready_query(query).text, values)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _event_lines(events: list[dict[str, Any]]) -> Iterator[str]:
    width = max(len(event["step"] or event["disposition"] or "seen") for event in events)
    yield _event_line(events[0], width)
    for before, event in pairwise(events):
        gap = event["event_at"] - before["event_at"]
        if gap >= SHOWN_GAP:
            yield f"{'':16}  ... {_span(gap)}"
        yield _event_line(event, width)


def _event_line(event: dict[str, Any], width: int) -> str:
    at: datetime = event["event_at"]
    step = event["step"] or event["disposition"] or "seen"
    where = ", ".join(filter(None, (event["place"], event["town"]))) or "place not stated"
    sender, receiver = event["sender"], event["receiver"]
    if receiver and receiver != event["place"]:
        where += f" -> {receiver}"
    elif sender and sender != event["place"]:
        where += f" <- {sender}"
    units = event["units"]
    notes = [] if units is None else ["1 pack" if units == 1 else f"{units:,} packs"]
    notes += ["inferred from its container"] if event["is_inferred"] else []
    note = f"  ({', '.join(notes)})" if notes else ""
    return f"{at:%Y-%m-%d %H:%M}  {step:<{width}}  {where}{note}"


def _span(gap: timedelta) -> str:
    return f"{gap.days} days later"


def _finding_lines(findings: list[dict[str, Any]]) -> Iterator[str]:
    if not findings:
        yield "No pattern spoke of it."
        return
    for finding in findings:
        status = finding["status"].replace("_", " ")
        if finding["benign"]:
            status += f" by {finding['benign']}"
        places = " / ".join(filter(None, (finding["place"], finding["other_place"])))
        times = f" ({finding['findings']} times)" if finding["findings"] > 1 else ""
        line = f"{finding['severity']} {finding['pattern']} {status}{times}"
        yield f"{line}: {places}" if places else line
