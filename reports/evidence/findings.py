"""What the patterns found on lots: findings with the records they cite, and open questions."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import duckdb

from reports import rows as made
from reports.claims import Bounded, Citation, Finding, Gap, PatternTally
from reports.evidence.reading import OF_LOTS, ByLot, read, read_by_lot

MOST_FINDINGS = 40
MOST_EXPLAINED = 60
MOST_RECORDS = 12


@dataclass(frozen=True)
class Found:
    """What the patterns found on one lot, by status."""

    standing: Bounded[Finding]
    standing_tally: tuple[PatternTally, ...]
    explained: Bounded[Finding]
    suppressed: Bounded[Finding]
    gaps: Bounded[Gap]


def read_findings(
    con: duckdb.DuckDBPyConnection, lot_ids: Collection[int], models: Mapping[str, str]
) -> dict[int, Found]:
    """The findings of some lots; ``models`` are the tables of the patterns by code."""
    listed = _listed(con, lot_ids)
    standing = [
        row["finding_id"] for (_, s), rows in listed.items() if s == "stands" for row in rows
    ]
    cited = _citations(con, lot_ids, standing)
    tallies = read_by_lot(
        con,
        f"SELECT * FROM evid_lot_pattern WHERE {OF_LOTS} ORDER BY lot_id, row_no",  # noqa: S608
        lot_ids,
    )
    return {
        lot_id: Found(
            standing=_findings(
                listed[lot_id, "stands"], _tally(tallies, lot_id, "stands"), models, cited
            ),
            standing_tally=_tally(tallies, lot_id, "stands"),
            explained=_findings(
                listed[lot_id, "explained"], _tally(tallies, lot_id, "explained"), models
            ),
            suppressed=_findings(
                listed[lot_id, "suppressed"], _tally(tallies, lot_id, "suppressed"), models
            ),
            gaps=_gaps(listed[lot_id, "data_gap"], _tally(tallies, lot_id, "data_gap")),
        )
        for lot_id in lot_ids
    }


def pattern_models(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Map P codes to the tables their rules filled."""
    rows = read(con, "SELECT table_name FROM duckdb_tables() WHERE table_name ~ '^P[0-9]{2}_'")
    return {row["table_name"][:3]: row["table_name"] for row in rows}


def _listed(
    con: duckdb.DuckDBPyConnection, lot_ids: Collection[int]
) -> dict[tuple[int, str], list[made.Row]]:
    """The findings to list by lot and status, in the order of their gravity.

    The first of every pattern is among them at least.
    """
    rows = read(
        con,
        f"SELECT * FROM evid_lot_finding WHERE {OF_LOTS} "  # noqa: S608 - a condition of ours
        "QUALIFY row_number() OVER (PARTITION BY lot_id, status ORDER BY place_no, row_no) <= ? "
        "ORDER BY lot_id, status, place_no, row_no",
        [list(lot_ids), MOST_EXPLAINED],
    )
    found: defaultdict[tuple[int, str], list[made.Row]] = defaultdict(list)
    for row in rows:
        found[row["lot_id"], row["status"]].append(row)
    for (_, status), group in found.items():
        del group[MOST_FINDINGS if status == "stands" else MOST_EXPLAINED :]
        group.sort(key=lambda row: int(row["row_no"]))
    return found


def _citations(
    con: duckdb.DuckDBPyConnection, lot_ids: Collection[int], finding_ids: list[str]
) -> Mapping[str, list[Citation]]:
    rows = read(
        con,
        f"SELECT * FROM evid_finding_record WHERE {OF_LOTS} AND record_no <= ? "  # noqa: S608
        "AND finding_id IN (SELECT unnest(?)) ORDER BY finding_id, record_no",
        [list(lot_ids), MOST_RECORDS, finding_ids],
    )
    cited: defaultdict[str, list[Citation]] = defaultdict(list)
    for row in rows:
        cited[row["finding_id"]].append(made.citation(row))
    return cited


def _tally(rows: ByLot, lot_id: int, status: str) -> tuple[PatternTally, ...]:
    return tuple(
        PatternTally(
            pattern=row["pattern"],
            severity=row["severity"],
            findings=row["findings"],
            units=made.number_of(row["units"]),
            sites=row["sites"],
        )
        for row in rows[lot_id]
        if row["status"] == status
    )


def _findings(
    rows: list[made.Row],
    every: tuple[PatternTally, ...],
    models: Mapping[str, str],
    cited: Mapping[str, list[Citation]] | None = None,
) -> Bounded[Finding]:
    found = [_finding(row, models, (cited or {}).get(row["finding_id"], [])) for row in rows]
    return Bounded(
        tuple(found),
        sum(one.findings for one in every) - len(found),
        sum(one.units for one in every) - sum(finding.units for finding in found),
    )


def _finding(row: made.Row, models: Mapping[str, str], citations: list[Citation]) -> Finding:
    ids = made.ids_of(row)
    return Finding(
        record_ids=ids,
        finding_id=row["finding_id"],
        pattern=row["pattern"],
        model=models.get(row["pattern"]),
        family=row["family"],
        severity=row["severity"],
        status=row["status"],
        benign=row["benign"],
        history=row["history"],
        units=made.number_of(row["units"]),
        serial=row["serial"],
        sscc=row["sscc"],
        site_id=row["site_id"],
        other_site_id=row["other_site_id"],
        observed=made.pairs_of(row["observed"]),
        threshold=made.pairs_of(row["threshold"]),
        tests=made.tests_of(row["tests"]),
        citations=Bounded(tuple(citations), len(ids) - len(citations) if citations else 0),
        suppression_id=row["suppression_id"],
    )


def _gaps(rows: list[made.Row], every: tuple[PatternTally, ...]) -> Bounded[Gap]:
    gaps = [
        Gap(
            finding_id=row["finding_id"],
            pattern=row["pattern"],
            site_id=row["site_id"],
            observed=made.pairs_of(row["observed"]),
            threshold=made.pairs_of(row["threshold"]),
            tests=made.tests_of(row["tests"]),
        )
        for row in rows
    ]
    return Bounded(tuple(gaps), sum(one.findings for one in every) - len(gaps))
