"""Holds a report against its warehouse: each citation resolves, each query gives what is printed.

Every query of a report has a check here by its name, and a query without one is a fault: whoever
prints a new query says what it must give.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import duckdb

Row = dict[str, Any]
Check = Callable[[list[Row], Row], bool]  # rows of the query, and the evidence of the report


def faults(con: duckdb.DuckDBPyConnection, report: Row) -> list[str]:
    """What of a lot's report (its JSON) the warehouse does not bear out."""
    return [*_citation_faults(con, report), *_query_faults(con, report)]


def cited(evidence: Any) -> Iterator[int]:
    """Every record id anywhere in the evidence."""
    if isinstance(evidence, dict):
        yield from evidence.get("record_ids", ())
        for value in evidence.values():
            yield from cited(value)
    elif isinstance(evidence, list):
        for value in evidence:
            yield from cited(value)


def rows(con: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    """Rows of a query, by column."""
    cursor = con.execute(query)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]


def _citation_faults(con: duckdb.DuckDBPyConnection, report: Row) -> Iterator[str]:
    known = {
        row["record_id"]: row
        for row in rows(con, "SELECT record_id, event_id, path, position FROM stg_record")
    }
    for record_id in sorted(set(cited(report["evidence"])) - known.keys()):
        yield f"record {record_id} is cited and not in the warehouse"
    for finding in report["evidence"]["standing"]["rows"]:
        for citation in finding["citations"]["rows"]:
            record = known.get(citation["record_ids"][0], {})
            said = tuple(citation[name] for name in ("event_id", "path", "position"))
            if said != tuple(record.get(name) for name in ("event_id", "path", "position")):
                yield f"{finding['finding_id']}: record {citation['record_ids'][0]} is another"


def _query_faults(con: duckdb.DuckDBPyConnection, report: Row) -> Iterator[str]:
    evidence, view = report["evidence"], report["view"]
    for name in sorted({*view["queries"], *CHECKS}):
        if name not in CHECKS:
            yield f"query {name}: nothing says what it must give"
        elif name not in view["queries"]:
            yield f"query {name}: the report has none"
        elif not CHECKS[name](rows(con, view["queries"][name]["sql"]), evidence):
            yield f"query {name}: gives other numbers than the report"
    found = zip(evidence["standing"]["rows"], view["findings"], strict=True)
    for finding, shown in found:
        for purpose, query in ((one["purpose"], one["sql"]) for one in shown["queries"]):
            if not _finding_check(purpose, rows(con, query), finding):
                yield f"{finding['finding_id']}, {purpose}: gives other numbers than the report"


def _finding_check(purpose: str, found: list[Row], finding: Row) -> bool:
    if purpose == "The finding":
        [row] = found
        return (row["pattern"], row["status"], row["units"] or 0.0) == (
            *(finding["pattern"], "stands", finding["units"]),
        )
    if purpose == "Its records":
        told = finding["citations"]
        ids = [citation["record_ids"][0] for citation in told["rows"]]
        listed = [row["record_id"] for row in found]
        return listed[: len(ids)] == ids and len(found) == len(ids) + told["rest_count"]
    return purpose.startswith("The rule, sql/patterns/")  # it ran: it may show more than stands


def _all_of(name: str, *units: str) -> Check:
    """As many rows as are listed or counted, with as many packs."""

    def check(found: list[Row], evidence: Row) -> bool:
        told = evidence[name]
        total = sum(row[unit] or 0.0 for row in found for unit in units)
        listed = sum(row[unit] or 0.0 for row in told["rows"] for unit in units)
        return len(found) == len(told["rows"]) + told["rest_count"] and (
            not units or math.isclose(total, listed + told["rest_units"], abs_tol=1e-6)
        )

    return check


def _findings(found: list[Row], evidence: Row) -> bool:
    counts = Counter(row["status"] for row in found)
    lists = {"stands": "standing", "explained": "explained", "data_gap": "gaps"}
    lists["suppressed"] = "suppressed"
    return all(
        counts[status] == len(evidence[name]["rows"]) + evidence[name]["rest_count"]
        for status, name in lists.items()
    )


def _risk(found: list[Row], evidence: Row) -> bool:
    if not found:
        return evidence["risk"]["tier"] == "clear"
    [row] = found
    names = {
        "tier": "tier",
        "suspicion_pct": "suspicion_pct",
        "p_value": "p_value",
        "findings_standing": "standing",
        "findings_explained": "explained",
        "data_gaps": "gaps",
    }
    return all((row[name] or 0) == (evidence["risk"][told] or 0) for name, told in names.items())


def _reach(found: list[Row], evidence: Row) -> bool:
    names = ("fate", "units", "named_units", "doubted_units")
    told = [tuple(row[name] for name in names) for row in evidence["reach"]]
    return sorted(tuple(row[name] for name in names) for row in found) == sorted(told)


def _sites(found: list[Row], evidence: Row) -> bool:
    told = evidence["sites"]
    return len(found) == len(told["rows"]) + told["rest_count"]


def _cases(found: list[Row], evidence: Row) -> bool:
    names = ("rank", "case_id", "distance", "is_near")
    return [tuple(row[n] for n in names) for row in found] == [
        tuple(row[n] for n in names) for row in evidence["cases"]
    ]


def _scores(found: list[Row], evidence: Row) -> bool:
    """The parts add up to the score where the report says that they do."""
    for score in evidence["scores"]:
        parts = [row["contribution"] for row in found if row["detector"] == score["detector"]]
        if len(parts) != len(score["parts"]):
            return False
        if score["is_exact"] and score["score"] is not None and parts:
            listed = sum(part["contribution"] for part in score["parts"])
            if not math.isclose(sum(parts), listed, abs_tol=1e-9):
                return False
    return True


def _count_of(name: str) -> Check:
    return lambda found, evidence: len(found) == len(evidence[name])


CHECKS: dict[str, Check] = {
    "risk": _risk,
    "findings": _findings,
    "timeline": _all_of("timeline", "units"),
    "custody": _all_of("lanes", "units"),
    "holders": _all_of("holdings", "units"),
    "reach": _reach,
    "exposure": lambda found, evidence: (
        len(found) == len(evidence["exposure"]["rows"]) + evidence["exposure"]["rest_count"]
    ),
    "sites": _sites,
    "cases": _cases,
    "scores": _scores,
    "feeds": _count_of("feeds"),
    "files": _all_of("files"),
    "decisions": lambda found, evidence: (
        [(row["decision_id"], row["outcome"], row["is_latest"]) for row in found]
        == [(row["decision_id"], row["outcome"], row["is_latest"]) for row in evidence["decisions"]]
    ),
}
