"""Collects the evidence on a lot, or on all lots, from the ``evid_`` models and published views.

Large lots stay bounded: the rows that matter most are listed, the rest is counted.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import duckdb

from data.errors import NotFoundError
from data.record.canonical import digest
from reports import rows as made
from reports.claims import (
    AlarmLine,
    Bounded,
    Citation,
    CitedCase,
    Exposure,
    FeaturePoint,
    FeatureSpace,
    FeedHealth,
    FileCount,
    Finding,
    Gap,
    IndexEvidence,
    LotChange,
    LotEvidence,
    LotFacts,
    LotFile,
    PatternCount,
    PatternTally,
    Peers,
    Place,
    RankedLot,
    Rejected,
    Risk,
    Run,
    RunCounts,
    Score,
    ScorePart,
    Suppression,
    Untestable,
    UnusualMonth,
)

MOST_FINDINGS = 40
MOST_EXPLAINED = 60
MOST_RECORDS = 12
MOST_TIMELINE_ROWS = 300
MOST_LANES = 120
MOST_HOLDERS = 60
MOST_EXPOSED = 20_000  # of the spreadsheet; the page lists far fewer
MOST_SITES = 200
MOST_FILES = 40
MOST_LOTS = 2000
MOST_REJECTED = 200
MOST_CHANGES = 200
MOST_POINTS = 60
MOST_RUNS = 12  # of the trend; a run that is made again needs what they judged
MOST_LINES = 12

DENSITY = "local_density"
POINT_KINDS = ("lot", "neighbour", "same_product")
MOST_FEEDS = 20
MOST_UNUSUAL = 8  # of edges, and of sites
LEAST_UNUSUAL_PCT = 95.0

TIERS = ("hold", "investigate", "watch", "clear")

T = TypeVar("T")


def gather(
    con: duckdb.DuckDBPyConnection, gtin: str, lot: str, run: Run | None = None
) -> LotEvidence:
    """Collect the evidence on one lot from a built warehouse.

    Parameters
    ----------
    con : a connection to a warehouse whose last build finished
    gtin : GTIN-14
    lot : the lot as stated, "(unstated)" for packs without one
    run : the run that judged, where it was read before for another lot

    Raises
    ------
    NotFoundError
        The warehouse has no such lot.
    UncitedClaimError
        A model stated something without naming a record.
    """
    lots = _rows(con, "SELECT * FROM core_lot WHERE gtin = ? AND lot = ?", [gtin, lot])
    if not lots:
        raise NotFoundError(
            "no such GTIN and lot in the warehouse; `touchstone sql` with "
            "'SELECT gtin, lot FROM lot' lists those it holds"
        )
    lot_id = lots[0]["lot_id"]
    sites = _rows(con, "SELECT * FROM evid_lot_site WHERE lot_id = ?", [lot_id])
    timeline = _bounded(con, "evid_lot_timeline", lot_id, MOST_TIMELINE_ROWS, made.timeline_row)
    lanes = _bounded(con, "evid_lot_custody", lot_id, MOST_LANES, made.lane)
    holdings = _bounded(con, "evid_lot_holder", lot_id, MOST_HOLDERS, made.holding)
    exposure = _exposure(con, lot_id)
    reach = _rows(con, "SELECT * FROM evid_lot_reach WHERE lot_id = ? ORDER BY fate", [lot_id])
    standing = _findings(con, lot_id, "stands", MOST_FINDINGS, with_records=True)
    explained = _findings(con, lot_id, "explained", MOST_EXPLAINED, with_records=False)
    suppressed = _findings(con, lot_id, "suppressed", MOST_EXPLAINED, with_records=False)
    gaps = _gaps(con, lot_id)
    visits = sorted(
        (made.visit(row) for row in sites),
        key=lambda visit: (-(visit.came_in + visit.made), visit.place.site_id),
    )
    feeds = _rows(
        con, "SELECT * FROM evid_lot_coverage WHERE lot_id = ? ORDER BY site_id", [lot_id]
    )
    named = {lots[0]["maker_site_id"], *(row["site_id"] for row in feeds)}
    for finding in (*standing.rows, *explained.rows, *suppressed.rows):
        named |= {finding.site_id, finding.other_site_id}
        named |= {citation.site_id for citation in finding.citations.rows}
    named |= {gap.site_id for gap in gaps.rows}
    named |= {site for row in timeline.rows for site in (row.site_id, row.other_site_id)}
    named |= {site for lane in lanes.rows for site in (lane.from_site_id, lane.to_site_id)}
    named |= {site for row in holdings.rows for site in (row.site_id, row.to_site_id)}
    named |= {row.site_id for row in exposure.rows}
    places = _places(con, named)
    scores = _scores(con, lot_id)
    risk = _risk(con, gtin, lot, lot_id)
    return LotEvidence(
        run=run or run_of(con),
        facts=_facts(con, lots[0], places),
        risk=risk,
        places=places,
        standing=standing,
        standing_tally=_tally(con, lot_id, "stands"),
        explained=explained,
        gaps=gaps,
        timeline=timeline,
        lanes=lanes,
        holdings=holdings,
        reach=tuple(made.reach(row) for row in reach),
        exposure=exposure,
        sites=_cut(visits, MOST_SITES, lambda visit: visit.came_in + visit.made),
        feeds=tuple(made.feed(row) for row in feeds),
        files=_files_of_lot(con, lot_id),
        scores=scores,
        cases=_cases(con, lot_id),
        suppressed=suppressed,
        suppressions=_suppressions(con) if suppressed.rows else (),
        change=next(iter(_changes(con, gtin, lot)), None),
        decisions=tuple(
            made.decision(row)
            for row in _rows(
                con,
                "SELECT * FROM find_decision WHERE gtin = ? AND lot = ? ORDER BY decision_id",
                [gtin, lot],
            )
        ),
        untestable=tuple(
            Untestable(row["pattern"], row["missing"])
            for row in _rows(
                con, "FROM evid_lot_untestable WHERE lot_id = ? ORDER BY pattern", [lot_id]
            )
        ),
        space=_space(con, lot_id, gtin, scores),
        peers=_peers(con, gtin, risk.suspicion_pct),
    )


# The most false alarms, as a share, if the line is drawn at each p-value: for all at once.
AlarmBound = Callable[[list[float]], Sequence[float]]


def gather_index(
    con: duckdb.DuckDBPyConnection, alarm_bound: AlarmBound | None = None
) -> IndexEvidence:
    """Collect what the index page shows: ranked lots, patterns, feeds and what was set aside.

    Without ``alarm_bound`` it says nothing on how many alarms may be false.
    """
    titles = {
        row["case_id"]: row["title"] for row in _rows(con, "SELECT case_id, title FROM raw_case")
    }
    decided = {
        (row["gtin"], row["lot"]): row["outcome"]
        for row in _rows(con, "SELECT gtin, lot, outcome FROM find_decision WHERE is_latest")
    }
    proposed = {
        (row["gtin"], row["lot"]): row["outcome"]
        for row in _rows(
            con,
            "SELECT gtin, lot, outcome FROM find_decision WHERE state = 'proposed' "
            "ORDER BY decision_id",
        )
    }
    lots = [
        made.ranked_lot(row, titles, decided, proposed)
        for row in _rows(con, "SELECT * FROM lot_risk")
    ]
    lots.sort(key=_rank_key)
    counts = {tier: sum(lot.tier == tier for lot in lots) for tier in TIERS}
    # What a person set aside hides no lot.
    suspects = [lot for lot in lots if lot.tier != "clear" or lot.suppressed]
    patterns = _patterns(con)
    feeds = _feeds(con)
    return IndexEvidence(
        run=run_of(con),
        tier_counts=counts,
        standing=sum(p.standing for p in patterns),
        explained=sum(p.explained for p in patterns),
        gaps=sum(p.gaps for p in patterns),
        lots=_cut(suspects, MOST_LOTS, lambda lot: lot.units_affected),
        patterns=patterns,
        files=_files(con),
        rejected=_rejected(con),
        suppressed=sum(p.suppressed for p in patterns),
        suppressions=_suppressions(con),
        run_before=_run_before(con),
        trend=_trend(con),
        lines=_alarm_lines(lots, alarm_bound) if alarm_bound else (),
        changes=_cut(_changes(con), MOST_CHANGES, lambda _: 0),
        unusual=_unusual(con),
        decided=dict(Counter(decided.values())),
        proposed=len(proposed),
        feeds=_cut(feeds, MOST_FEEDS, lambda _: 0),
        feeds_failing=sum(feed.health == "failing" for feed in feeds),
        feeds_doubtful=sum(feed.health == "doubtful" for feed in feeds),
    )


def _unusual(con: duckdb.DuckDBPyConnection) -> tuple[UnusualMonth, ...]:
    """The months of edges and of sites that are least like those before, some of each."""
    rows = [
        row
        for model in ("edge_score", "site_score")
        for row in _rows(
            con,
            f"SELECT * FROM {model} WHERE suspicion_pct >= ? "  # noqa: S608
            "ORDER BY suspicion_pct DESC, month DESC, subject LIMIT ?",
            [LEAST_UNUSUAL_PCT, MOST_UNUSUAL],
        )
    ]
    return tuple(sorted(map(made.unusual_month, rows), key=lambda one: -one.suspicion_pct))


# -- rows of the warehouse to values ----------------------------------------------------------


def _rows(
    con: duckdb.DuckDBPyConnection, query: str, parameters: list[Any] | None = None
) -> list[made.Row]:
    cursor = con.execute(query, parameters or [])
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]


def _cut(rows: list[T], most: int, units: Callable[[T], float]) -> Bounded[T]:
    rest = rows[most:]
    return Bounded(tuple(rows[:most]), len(rest), float(sum(units(row) for row in rest)))


def _bounded(
    con: duckdb.DuckDBPyConnection,
    model: str,
    lot_id: int,
    most: int,
    build: Callable[[made.Row], T],
) -> Bounded[T]:
    """Read the first rows of an evidence list by ``row_no``, and count what lies beyond."""
    rows = _rows(
        con,
        f"SELECT * FROM {model} WHERE lot_id = ? AND row_no <= ? ORDER BY row_no",  # noqa: S608
        [lot_id, most],
    )
    rest = _rows(
        con,
        f"SELECT count(*) AS n, sum(units) AS units FROM {model} "  # noqa: S608
        "WHERE lot_id = ? AND row_no > ?",
        [lot_id, most],
    )[0]
    return Bounded(tuple(build(row) for row in rows), rest["n"], made.number_of(rest["units"]))


def _exposure(con: duckdb.DuckDBPyConnection, lot_id: int) -> Bounded[Exposure]:
    rows = _rows(
        con,
        "SELECT * FROM evid_lot_exposure WHERE lot_id = ? AND row_no <= ? ORDER BY row_no",
        [lot_id, MOST_EXPOSED],
    )
    rest = _rows(
        con,
        "SELECT count(*) AS n FROM evid_lot_exposure WHERE lot_id = ? AND row_no > ?",
        [lot_id, MOST_EXPOSED],
    )[0]
    return Bounded(tuple(made.exposure(row) for row in rows), rest["n"])


def _places(con: duckdb.DuckDBPyConnection, wanted: set[int | None]) -> dict[int, Place]:
    ids = sorted(site_id for site_id in wanted if site_id is not None)
    rows = _rows(con, "SELECT * FROM core_site WHERE site_id IN (SELECT unnest(?))", [ids])
    return {row["site_id"]: made.place(row) for row in sorted(rows, key=lambda r: r["site_id"])}


def _facts(con: duckdb.DuckDBPyConnection, row: made.Row, places: dict[int, Place]) -> LotFacts:
    found = _rows(con, "SELECT * FROM core_product WHERE gtin = ?", [row["gtin"]])
    product = found[0] if found else {}
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


def _risk(con: duckdb.DuckDBPyConnection, gtin: str, lot: str, lot_id: int) -> Risk:
    found = _rows(con, "SELECT * FROM lot_risk WHERE gtin = ? AND lot = ?", [gtin, lot])
    families = _rows(con, "SELECT families_standing FROM find_lot WHERE lot_id = ?", [lot_id])
    row = found[0] if found else {}
    return Risk(
        tier=row.get("tier") or "clear",
        suspicion_pct=row.get("suspicion_pct"),
        p_value=row.get("p_value"),
        standing=row.get("findings_standing") or 0,
        explained=row.get("findings_explained") or 0,
        gaps=row.get("data_gaps") or 0,
        units_affected=made.number_of(row.get("units_affected")),
        families_standing=_count(families[0]["families_standing"]) if families else 0,
        report=row.get("report"),
        suppressed=row.get("findings_suppressed") or 0,
    )


def _peers(
    con: duckdb.DuckDBPyConnection, gtin: str, suspicion_pct: float | None
) -> tuple[Peers, ...]:
    """Where a scored lot stands by suspicion: among the lots of its product, and among all."""
    if suspicion_pct is None:
        return ()
    query = (
        "SELECT count(*) AS lots, count(*) FILTER (suspicion_pct > ?) AS above FROM lot_risk "
        "WHERE suspicion_pct IS NOT NULL AND gtin = coalesce(?, gtin)"
    )
    return tuple(
        Peers(among, **_rows(con, query, [suspicion_pct, only])[0])
        for among, only in (("product", gtin), ("all", None))
    )


def _count(value: Any) -> int:
    """Return a count given as a number or as the list it counts."""
    return len(value) if isinstance(value, list | tuple) else int(value or 0)


def _findings(
    con: duckdb.DuckDBPyConnection, lot_id: int, status: str, most: int, *, with_records: bool
) -> Bounded[Finding]:
    rows = _finding_rows(con, lot_id, status, most)
    models = _pattern_models(con) if rows else {}
    cited: dict[str, list[Citation]] = {}
    if with_records:
        records = _rows(
            con,
            "SELECT * FROM evid_finding_record WHERE lot_id = ? AND record_no <= ? "
            "AND finding_id IN (SELECT unnest(?)) ORDER BY finding_id, record_no",
            [lot_id, MOST_RECORDS, [row["finding_id"] for row in rows]],
        )
        for record in records:
            cited.setdefault(record["finding_id"], []).append(made.citation(record))
    found = [_finding(row, models, cited.get(row["finding_id"], [])) for row in rows]
    every = _tally(con, lot_id, status)
    return Bounded(
        tuple(found),
        sum(one.findings for one in every) - len(found),
        sum(one.units for one in every) - sum(finding.units for finding in found),
    )


def _finding_rows(
    con: duckdb.DuckDBPyConnection, lot_id: int, status: str, most: int
) -> list[made.Row]:
    """The findings to list, in the order of their gravity: the first of every pattern at least."""
    rows = _rows(
        con,
        "SELECT * FROM evid_lot_finding WHERE lot_id = ? AND status = ? "
        "ORDER BY place_no, row_no LIMIT ?",
        [lot_id, status, most],
    )
    return sorted(rows, key=lambda row: int(row["row_no"]))


def _tally(con: duckdb.DuckDBPyConnection, lot_id: int, status: str) -> tuple[PatternTally, ...]:
    rows = _rows(
        con,
        "SELECT * FROM evid_lot_pattern WHERE lot_id = ? AND status = ? ORDER BY row_no",
        [lot_id, status],
    )
    return tuple(
        PatternTally(
            pattern=row["pattern"],
            severity=row["severity"],
            findings=row["findings"],
            units=made.number_of(row["units"]),
            sites=row["sites"],
        )
        for row in rows
    )


def _pattern_models(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Map P codes to the tables their rules filled."""
    rows = _rows(con, "SELECT table_name FROM duckdb_tables() WHERE table_name ~ '^P[0-9]{2}_'")
    return {row["table_name"][:3]: row["table_name"] for row in rows}


def _finding(row: made.Row, models: dict[str, str], citations: list[Citation]) -> Finding:
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


def _gaps(con: duckdb.DuckDBPyConnection, lot_id: int) -> Bounded[Gap]:
    rows = _finding_rows(con, lot_id, "data_gap", MOST_EXPLAINED)
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
    every = sum(one.findings for one in _tally(con, lot_id, "data_gap"))
    return Bounded(tuple(gaps), every - len(gaps))


def _files_of_lot(con: duckdb.DuckDBPyConnection, lot_id: int) -> Bounded[LotFile]:
    rows = _rows(
        con,
        "SELECT * FROM evid_lot_file WHERE lot_id = ? ORDER BY record_count DESC, file_id",
        [lot_id],
    )
    files = [
        LotFile(
            path=row["path"],
            sha256=row["sha256"],
            kind=row["kind"],
            record_count=row["record_count"],
            set_aside_count=row["set_aside_count"] or 0,
        )
        for row in rows
    ]
    return _cut(files, MOST_FILES, lambda _: 0)


def _scores(con: duckdb.DuckDBPyConnection, lot_id: int) -> tuple[Score, ...]:
    parts = _rows(
        con,
        "SELECT * FROM find_score_part WHERE lot_id = ? "
        "ORDER BY detector, abs(contribution) DESC, feature, neighbour",
        [lot_id],
    )
    scores = _rows(con, "SELECT * FROM find_score WHERE lot_id = ? ORDER BY detector", [lot_id])
    return tuple(
        Score(
            detector=row["detector"],
            score=row["score"],
            suspicion_pct=row["suspicion_pct"],
            p_value=row["p_value"],
            is_exact=all(p["is_exact"] for p in parts if p["detector"] == row["detector"]),
            parts=tuple(
                ScorePart(
                    p["feature"], p["value"], made.number_of(p["contribution"]), p["neighbour"]
                )
                for p in parts
                if p["detector"] == row["detector"]
            ),
        )
        for row in scores
    )


def _space(
    con: duckdb.DuckDBPyConnection, lot_id: int, gtin: str, scores: tuple[Score, ...]
) -> FeatureSpace | None:
    """The lot, its neighbours and other lots of the product, by the two weightiest features."""
    parts = [part for score in scores if score.detector == DENSITY for part in score.parts]
    weight: dict[str, float] = {}
    for part in parts:
        if part.value is not None:
            weight[part.feature] = weight.get(part.feature, 0.0) - part.contribution
    axes = sorted(weight, key=lambda name: (-weight[name], name))[:2]
    if len(axes) < 2:
        return None
    near = sorted({part.neighbour for part in parts if part.neighbour})
    known = _rows(
        con,
        "SELECT lot_id, gtin, lot FROM core_lot "
        "WHERE gtin = ? OR gtin || '/' || lot IN (SELECT unnest(?::VARCHAR[])) ORDER BY gtin, lot",
        [gtin, near],
    )
    kinds = {
        row["lot_id"]: "lot"
        if row["lot_id"] == lot_id
        else "neighbour"
        if f"{row['gtin']}/{row['lot']}" in near
        else "same_product"
        for row in known
    }
    known.sort(key=lambda row: POINT_KINDS.index(kinds[row["lot_id"]]))
    known = known[:MOST_POINTS]
    ids = [row["lot_id"] for row in known]
    found = _rows(con, "SELECT * FROM feat_lot WHERE lot_id IN (SELECT unnest(?))", [ids])
    features = {row["lot_id"]: row for row in found}
    if not all(axis in row for axis in axes for row in found):
        return None  # a signal, and no measure of the lot
    return FeatureSpace(
        axes[0],
        axes[1],
        tuple(
            FeaturePoint(
                gtin=row["gtin"],
                lot=row["lot"],
                kind=kinds[row["lot_id"]],
                x=features[row["lot_id"]][axes[0]],
                y=features[row["lot_id"]][axes[1]],
            )
            for row in known
            if row["lot_id"] in features
        ),
    )


def _cases(con: duckdb.DuckDBPyConnection, lot_id: int) -> tuple[CitedCase, ...]:
    cited = _rows(con, "SELECT * FROM find_cited_case WHERE lot_id = ? ORDER BY rank", [lot_id])
    ids = [row["case_id"] for row in cited]
    known = {
        row["case_id"]: row
        for row in _rows(con, "SELECT * FROM raw_case WHERE case_id IN (SELECT unnest(?))", [ids])
    }
    decided = {
        row["case_id"]: row
        for row in _rows(
            con,
            "SELECT origin.case_id, find_decision.* FROM raw_case_origin AS origin "
            "JOIN find_decision USING (decision_id) WHERE case_id IN (SELECT unnest(?))",
            [ids],
        )
    }
    return tuple(
        made.cited_case(row, known.get(row["case_id"], {}), decided.get(row["case_id"]))
        for row in cited
    )


def run_of(con: duckdb.DuckDBPyConnection) -> Run:
    """Read what the run that judged recorded about itself.

    Its input files are counted and hashed together: listed on every page, they would make a page
    grow with all that was ever landed. The run's own manifest lists them.
    """
    rows = _rows(con, "SELECT * FROM raw_run WHERE run_id = (SELECT max(run_id) FROM lot_risk)")
    if not rows:
        return Run("not recorded", None, ())
    manifest = tuple(
        (name, {"files": len(value), "sha256": digest(value)} if name == "inputs" else value)
        for name, value in made.pairs_of(rows[0]["manifest"])
    )
    return Run(rows[0]["run_id"], rows[0]["as_of"], manifest)


def _trend(con: duckdb.DuckDBPyConnection) -> tuple[RunCounts, ...]:
    """Lots by tier of this run, the run it was compared with, and so on back."""
    runs = {row["run_id"]: row for row in _rows(con, "SELECT * FROM raw_judged_run")}
    counts: dict[str, dict[str, int]] = {}
    for row in _rows(con, "SELECT run_id, tier, count(*) AS n FROM raw_lot_judgement GROUP BY ALL"):
        counts.setdefault(row["run_id"], {})[row["tier"]] = row["n"]
    trend: list[RunCounts] = []
    run = runs.pop(run_of(con).run_id, None)
    while run is not None and len(trend) < MOST_RUNS:
        trend.append(RunCounts(run["run_id"], run["as_of"], counts.get(run["run_id"], {})))
        run = runs.pop(run["before_run_id"], None)
    return tuple(trend)


def _alarm_lines(lots: list[RankedLot], bound: AlarmBound) -> tuple[AlarmLine, ...]:
    """What a line at each of the smallest p-values would cost."""
    known = sorted(lot.p_value for lot in lots if lot.p_value is not None)
    lines: dict[float, AlarmLine] = {}
    for count, (p_value, share) in enumerate(zip(known, bound(known), strict=True), 1):
        lines[p_value] = AlarmLine(p_value, count, float(share))
    return tuple(lines.values())[:MOST_LINES]


def _suppressions(con: duckdb.DuckDBPyConnection) -> tuple[Suppression, ...]:
    """What is set aside at the moment judged from."""
    query = "SELECT * FROM suppression WHERE state = 'valid' ORDER BY suppression_id"
    return tuple(made.suppression(row) for row in _rows(con, query))


def _run_before(con: duckdb.DuckDBPyConnection) -> str | None:
    rows = _rows(
        con,
        "SELECT before_run_id FROM raw_judged_run "
        "WHERE run_id = (SELECT max(run_id) FROM lot_risk)",
    )
    return rows[0]["before_run_id"] if rows else None


def _changes(
    con: duckdb.DuckDBPyConnection, gtin: str | None = None, lot: str | None = None
) -> list[LotChange]:
    """What is otherwise than in the run before, the gravest first; of one lot where it is named."""
    rows = _rows(
        con,
        "SELECT * FROM lot_change WHERE gtin = coalesce(?, gtin) AND lot = coalesce(?, lot)",
        [gtin, lot],
    )
    ids = [row["decision_id"] for row in rows if row["decision_id"] is not None]
    decided = _rows(con, "FROM find_decision WHERE decision_id IN (SELECT unnest(?::INT[]))", [ids])
    known = {row["decision_id"]: row for row in decided}
    rows.sort(key=_change_key)
    return [made.lot_change(row, known.get(row["decision_id"])) for row in rows]


def _change_key(row: made.Row) -> tuple[int, str, str]:
    tiers = [TIERS.index(tier) for tier in (row["tier"], row["tier_before"]) if tier]
    return min(tiers), row["gtin"], row["lot"]


def _rank_key(lot: RankedLot) -> tuple[int, int, float, str, str]:
    """Order by tier; within it suspicion, then packs concerned, then identity for stability."""
    return (
        TIERS.index(lot.tier),
        -round(made.number_of(lot.suspicion_pct) * 10),
        -lot.units_affected,
        lot.gtin,
        lot.lot,
    )


def _patterns(con: duckdb.DuckDBPyConnection) -> tuple[PatternCount, ...]:
    rows = _rows(
        con,
        "SELECT pattern, status, count(*) AS n, count(DISTINCT lot_id) AS lots "
        "FROM find_finding GROUP BY pattern, status ORDER BY pattern, status",
    )
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        of_pattern = counts.setdefault(row["pattern"], {"lots": 0})
        of_pattern[row["status"]] = row["n"]
        if row["status"] == "stands":
            of_pattern["lots"] = row["lots"]
    return tuple(
        PatternCount(
            pattern,
            n.get("stands", 0),
            n.get("explained", 0),
            n.get("data_gap", 0),
            n["lots"],
            n.get("suppressed", 0),
        )
        for pattern, n in counts.items()
    )


def _feeds(con: duckdb.DuckDBPyConnection) -> list[FeedHealth]:
    """Failing and doubtful feeds, in the view's order."""
    names = [field.name for field in fields(FeedHealth)]
    rows = _rows(con, "FROM feed_health WHERE health IN ('failing', 'doubtful')")
    return [
        FeedHealth(**{name: row[name] for name in names} | {"signs": tuple(row["signs"])})
        for row in rows
    ]


def _files(con: duckdb.DuckDBPyConnection) -> tuple[FileCount, ...]:
    return tuple(
        FileCount(
            path=row["path"],
            sha256=row["sha256"],
            kind=row["kind"],
            read=row["read"],
            accepted=row["accepted"],
            duplicate=row["duplicate"],
            void=row["void"],
            set_aside=row["set_aside"],
            message=row["message"],
        )
        for row in _rows(con, "SELECT * FROM source_file ORDER BY path, file_id")
    )


def _rejected(con: duckdb.DuckDBPyConnection) -> Bounded[Rejected]:
    rows = _rows(
        con,
        "SELECT * FROM rejected ORDER BY source_file, file_id, position, place, reason",
    )
    return _cut(
        [Rejected(r["source_file"], r["place"], r["reason"], r["remedy"]) for r in rows],
        MOST_REJECTED,
        lambda _: 0,
    )
