"""All that the pages of some lots state, put together: each table is asked once for many lots."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from data.errors import NotFoundError
from reports import rows as made
from reports.claims import LotEvidence, LotFacts, Place, Run, Suppression
from reports.evidence.decisions import Name, read_changes, read_decisions, read_suppressions
from reports.evidence.findings import Found, pattern_models, read_findings
from reports.evidence.judgement import Ranks, peers, read_ranks, read_risks, read_scores
from reports.evidence.likeness import read_cases, read_spaces
from reports.evidence.movements import Moved, read_movements
from reports.evidence.reading import OF_NAMED_LOTS, read, read_by_name
from reports.evidence.runs import run_of
from reports.evidence.sources import Told, read_places, read_sources

TOGETHER = 50  # lots whose evidence is in memory at once


@dataclass(frozen=True)
class _Whole:
    """What is read once for all lots of a run."""

    run: Run
    models: Mapping[str, str]
    ranks: Ranks
    suppressions: tuple[Suppression, ...]


def gather(
    con: duckdb.DuckDBPyConnection, gtin: str, lot: str, run: Run | None = None
) -> LotEvidence:
    """Collect the evidence on one lot from a built warehouse.

    Parameters and errors are those of ``gather_lots``.
    """
    [evidence] = gather_lots(con, [(gtin, lot)], run)
    return evidence


def gather_lots(
    con: duckdb.DuckDBPyConnection, lots: Sequence[Name], run: Run | None = None
) -> Iterator[LotEvidence]:
    """Collect the evidence on lots from a built warehouse, in their order.

    Parameters
    ----------
    con : a connection to a warehouse whose last build finished
    lots : GTIN-14 and lot as stated, "(unstated)" for packs without one
    run : the run that judged, where it was read before

    Raises
    ------
    NotFoundError
        The warehouse has no such lot.
    UncitedClaimError
        A model stated something without naming a record.
    """
    whole = _Whole(run or run_of(con), pattern_models(con), read_ranks(con), read_suppressions(con))
    for start in range(0, len(lots), TOGETHER):
        yield from _gather(con, lots[start : start + TOGETHER], whole)


def _gather(
    con: duckdb.DuckDBPyConnection, names: Sequence[Name], whole: _Whole
) -> Iterator[LotEvidence]:
    rows = _core_lots(con, names)
    lots = {row["lot_id"]: name for name, row in zip(names, rows, strict=True)}
    products = _products(con, names)
    found = read_findings(con, lots, whole.models)
    moved = read_movements(con, lots)
    told = read_sources(con, lots)
    risks = read_risks(con, lots)
    scores = read_scores(con, lots)
    cases = read_cases(con, lots)
    spaces = read_spaces(con, lots, scores)
    decisions = read_decisions(con, names)
    changes = {(change.gtin, change.lot): change for change in read_changes(con, names)}
    sites = {
        row["lot_id"]: _sites(row, found[row["lot_id"]], moved[row["lot_id"]], told[row["lot_id"]])
        for row in rows
    }
    places = read_places(con, [site for some in sites.values() for site in some])
    for row in rows:
        lot_id, (gtin, lot) = row["lot_id"], lots[row["lot_id"]]
        own = {site_id: place for site_id, place in places.items() if site_id in sites[lot_id]}
        yield LotEvidence(
            run=whole.run,
            facts=_facts(row, products.get(gtin, {}), own),
            risk=risks[lot_id],
            places=own,
            standing=found[lot_id].standing,
            standing_tally=found[lot_id].standing_tally,
            explained=found[lot_id].explained,
            gaps=found[lot_id].gaps,
            timeline=moved[lot_id].timeline,
            lanes=moved[lot_id].lanes,
            holdings=moved[lot_id].holdings,
            reach=moved[lot_id].reach,
            exposure=moved[lot_id].exposure,
            sites=told[lot_id].sites,
            feeds=told[lot_id].feeds,
            files=told[lot_id].files,
            scores=scores[lot_id],
            cases=cases[lot_id],
            suppressed=found[lot_id].suppressed,
            suppressions=whole.suppressions if found[lot_id].suppressed.rows else (),
            change=changes.get((gtin, lot)),
            decisions=decisions[gtin, lot],
            untestable=told[lot_id].untestable,
            space=spaces[lot_id],
            peers=peers(whole.ranks, gtin, risks[lot_id].suspicion_pct),
        )


def _core_lots(con: duckdb.DuckDBPyConnection, names: Sequence[Name]) -> list[made.Row]:
    query = f"SELECT * FROM core_lot WHERE {OF_NAMED_LOTS}"  # noqa: S608 - a condition of ours
    known = read_by_name(con, query, names)
    if any(name not in known for name in names):
        raise NotFoundError(
            "no such GTIN and lot in the warehouse; `touchstone sql` with "
            "'SELECT gtin, lot FROM lot' lists those it holds"
        )
    return [known[name][0] for name in names]


def _products(con: duckdb.DuckDBPyConnection, names: Sequence[Name]) -> dict[str, made.Row]:
    query = "SELECT * FROM core_product WHERE gtin IN (SELECT unnest(?))"
    return {row["gtin"]: row for row in read(con, query, [sorted({gtin for gtin, _ in names})])}


def _sites(row: made.Row, found: Found, moved: Moved, told: Told) -> set[int | None]:
    """The sites that a page names."""
    sites = {row["maker_site_id"], *(feed.site_id for feed in told.feeds)}
    for finding in (*found.standing.rows, *found.explained.rows, *found.suppressed.rows):
        sites |= {finding.site_id, finding.other_site_id}
        sites |= {citation.site_id for citation in finding.citations.rows}
    sites |= {gap.site_id for gap in found.gaps.rows}
    sites |= {site for one in moved.timeline.rows for site in (one.site_id, one.other_site_id)}
    sites |= {site for lane in moved.lanes.rows for site in (lane.from_site_id, lane.to_site_id)}
    sites |= {site for one in moved.holdings.rows for site in (one.site_id, one.to_site_id)}
    return sites | {one.site_id for one in moved.exposure.rows}


def _facts(row: made.Row, product: made.Row, places: Mapping[int, Place]) -> LotFacts:
    return LotFacts(
        lot_id=row["lot_id"],
        gtin=row["gtin"],
        lot=row["lot"],
        product=product.get("name"),
        ndc=product.get("ndc"),
        storage=product.get("storage"),
        is_high_risk=bool(product.get("is_high_risk")),
        is_synthetic=bool(product.get("is_synthetic")),
        maker=places.get(row["maker_site_id"]),
        expiry=row["expiry"],
        expiry_count=row["expiry_count"] or 0,
        made_on=row["made_on"],
        markets=tuple(row["markets"] or product.get("markets") or ()),
        stated_quantity=row["stated_quantity"],
        commissioned_units=row["commissioned_units"] or 0,
        observed_units=row["observed_units"] or 0,
        class_units=made.number_of(row["class_units"]),
        coverage=row["coverage"],
        is_covered=bool(row["is_covered"]),
        first_at=row["first_at"],
        last_at=row["last_at"],
    )
