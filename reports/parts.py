"""The parts that pages are made of: tables, queries, and how rows beyond a table are worded."""

from dataclasses import dataclass
from datetime import datetime

from reports.claims import Bounded, LotEvidence, Place
from reports.phrases import Pairs, and_more, packs, place_line, quoted
from reports.wording import say

Cell = str | float | datetime | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under headings.

    ``kinds`` says how a column is set, one letter a column: ``t`` text, ``n`` number, ``d`` time
    (never wraps), ``x`` long codes and paths (wrap anywhere).
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    kinds: str = ""
    rest: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """What a figure is reproduced with: ``touchstone sql`` runs it."""

    purpose: str
    sql: str


def rest(bounded: Bounded[object], what: str) -> str:
    """Return how much more there is than the page lists, or nothing; ``what`` is a code."""
    if not bounded.rest_count:
        return ""
    more = say(f"lot.more.{what}", n=bounded.rest_count)
    if not bounded.rest_units:
        return say("lot.rest", what=more)
    return say("lot.rest_with_packs", what=more, packs=packs(bounded.rest_units))


def record_list(record_ids: tuple[int, ...], count: int | None = None) -> str:
    """Return the first records by number, and how many more there are."""
    shown = record_ids[:4]
    more = (count if count is not None else len(record_ids)) - len(shown)
    return and_more((str(record_id) for record_id in shown), more)


def place_of(evidence: LotEvidence, site_id: int | None) -> Place | None:
    """Return a site of the evidence; None where it is not stated."""
    return evidence.places.get(site_id) if site_id is not None else None


def line_of(evidence: LotEvidence, site_id: int | None) -> str:
    """Return a site's name, town and country in one line."""
    return place_line(place_of(evidence, site_id))


def lot_filter(evidence: LotEvidence) -> str:
    """Return the SQL condition that picks the lot, also from a later build."""
    return f"gtin = {quoted(evidence.facts.gtin)} AND lot = {quoted(evidence.facts.lot)}"


def manifest_rows(pairs: Pairs) -> tuple[tuple[str, str], ...]:
    """Return what a run recorded about itself, nested parts by dotted name."""
    rows: list[tuple[str, str]] = []
    for name, value in pairs:
        if name == "outputs":  # known only after the pages are written, and the pages are outputs
            continue
        if isinstance(value, dict):
            inner = tuple((f"{name}.{key}", item) for key, item in value.items())
            rows.extend(manifest_rows(inner))
        elif isinstance(value, list):
            rows.append((name, say("lot.entries", n=len(value))))
        else:
            rows.append((name, str(value)))
    return tuple(rows)
