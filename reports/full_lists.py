"""What a page of a large lot cannot list, in full beside it: every finding, every named pack."""

from collections.abc import Iterator
from typing import Any

import duckdb

from reports import phrases
from reports.claims import LotEvidence
from reports.parts import Cell
from reports.rows import ids_of

FINDINGS_END, PACKS_END = "-findings.csv", "-packs.csv"

# Headings, in English like the cells: names for machines.
FINDINGS_FILE = (
    "GTIN",
    "Lot",
    "Status",
    "Pattern",
    "Code",
    "Severity",
    "Packs",
    "Serial number",
    "Container",
    "Place (GLN)",
    "Second place (GLN)",
    "Honest cause",
    "Finding",
    "Records cited",
    "Records, the first",
)

PACKS_FILE = (
    "GTIN",
    "Lot",
    "Serial number",
    "Patterns",
    "Findings",
    "Number on more than one pack",
    "First cited (UTC)",
    "Identifier",
)

_MOST_IDS = 50  # of the records of a finding; the view evid_finding_record has all


def is_cut(evidence: LotEvidence) -> bool:
    """Whether the page leaves findings out, so that the full lists lie beside it."""
    lists = (evidence.standing, evidence.explained, evidence.suppressed, evidence.gaps)
    return any(one.rest_count for one in lists)


def finding_rows(con: duckdb.DuckDBPyConnection, evidence: LotEvidence) -> Iterator[list[Cell]]:
    """Every finding of the lot, under the headings ``FINDINGS_FILE``."""
    facts = evidence.facts
    query = "SELECT * FROM evid_lot_finding WHERE lot_id = ? ORDER BY status, row_no"
    for row in _each(con, query, facts.lot_id):
        ids = ids_of(row)
        yield [
            facts.gtin,
            facts.lot,
            row["status"].replace("_", " "),
            phrases.pattern_title(row["pattern"]),
            row["pattern"],
            row["severity"],
            row["units"],
            row["serial"],
            row["sscc"],
            row["site_gln"],
            row["other_gln"],
            phrases.benign(row["benign"]) if row["benign"] else None,
            row["finding_id"],
            len(ids),
            " ".join(str(record_id) for record_id in ids[:_MOST_IDS]),
        ]


def pack_rows(con: duckdb.DuckDBPyConnection, evidence: LotEvidence) -> Iterator[list[Cell]]:
    """Every pack that standing findings name, under the headings ``PACKS_FILE``."""
    facts = evidence.facts
    query = "SELECT * FROM evid_named_pack WHERE lot_id = ? ORDER BY serial, unit_id"
    for row in _each(con, query, facts.lot_id):
        yield [
            facts.gtin,
            facts.lot,
            row["serial"],
            " ".join(row["patterns"]),
            row["findings"],
            "yes" if row["is_copied"] else None,
            row["cited_at"],
            row["epc"],
        ]


def _each(con: duckdb.DuckDBPyConnection, query: str, lot_id: int) -> Iterator[dict[str, Any]]:
    cursor = con.execute(query, [lot_id])
    names = [column[0] for column in cursor.description or ()]
    while rows := cursor.fetchmany(10_000):
        for values in rows:
            yield dict(zip(names, values, strict=True))
