"""Collects the evidence on a lot, or on all lots, from the ``evid_`` models and published views.

Large lots stay bounded: the rows that matter most are listed, the rest is counted.
"""

import json
from collections.abc import Callable
from typing import Any, TypeVar

import duckdb

from data.errors import NotFoundError
from reports.claims import (
    Bounded,
    Citation,
    CitedCase,
    Feed,
    FileCount,
    Finding,
    Gap,
    Holding,
    IndexEvidence,
    Lane,
    LotEvidence,
    LotFacts,
    LotFile,
    PatternCount,
    Place,
    RankedLot,
    Rejected,
    Risk,
    Run,
    Score,
    ScorePart,
    SiteVisit,
    Source,
    Test,
    TimelineRow,
)

MOST_FINDINGS = 40
MOST_EXPLAINED = 60
MOST_RECORDS = 12
MOST_TIMELINE_ROWS = 300
MOST_LANES = 120
MOST_HOLDERS = 60
MOST_SITES = 200
MOST_FILES = 40
MOST_LOTS = 2000
MOST_REJECTED = 200

TIERS = ("hold", "investigate", "watch", "clear")

Row = dict[str, Any]
T = TypeVar("T")


def gather(con: duckdb.DuckDBPyConnection, gtin: str, lot: str) -> LotEvidence:
    """Collect the evidence on one lot from a built warehouse.

    Parameters
    ----------
    con : a connection to a warehouse whose last build finished
    gtin : GTIN-14
    lot : the lot as stated, "(unstated)" for packs without one

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
    timeline = _bounded(con, "evid_lot_timeline", lot_id, MOST_TIMELINE_ROWS, _timeline_row)
    lanes = _bounded(con, "evid_lot_custody", lot_id, MOST_LANES, _lane)
    holdings = _bounded(con, "evid_lot_holder", lot_id, MOST_HOLDERS, _holding)
    standing = _findings(con, lot_id, "stands", MOST_FINDINGS, with_records=True)
    explained = _findings(con, lot_id, "explained", MOST_EXPLAINED, with_records=False)
    gaps = _gaps(con, lot_id)
    visits = sorted(
        (_visit(row) for row in sites),
        key=lambda visit: (-(visit.came_in + visit.made), visit.place.site_id),
    )
    feeds = _rows(
        con, "SELECT * FROM evid_lot_coverage WHERE lot_id = ? ORDER BY site_id", [lot_id]
    )
    named = {lots[0]["maker_site_id"], *(row["site_id"] for row in feeds)}
    for finding in (*standing.rows, *explained.rows):
        named |= {finding.site_id, finding.other_site_id}
        named |= {citation.site_id for citation in finding.citations.rows}
    named |= {gap.site_id for gap in gaps.rows}
    named |= {site for row in timeline.rows for site in (row.site_id, row.other_site_id)}
    named |= {site for lane in lanes.rows for site in (lane.from_site_id, lane.to_site_id)}
    named |= {site for row in holdings.rows for site in (row.site_id, row.to_site_id)}
    places = _places(con, named)
    return LotEvidence(
        run=_run(con),
        facts=_facts(con, lots[0], places),
        risk=_risk(con, gtin, lot, lot_id),
        places=places,
        standing=standing,
        explained=explained,
        gaps=gaps,
        timeline=timeline,
        lanes=lanes,
        holdings=holdings,
        sites=_cut(visits, MOST_SITES, lambda visit: visit.came_in + visit.made),
        feeds=tuple(_feed(row) for row in feeds),
        files=_files_of_lot(con, lot_id),
        scores=_scores(con, lot_id),
        cases=_cases(con, lot_id),
    )


def gather_index(con: duckdb.DuckDBPyConnection) -> IndexEvidence:
    """Collect what the index page shows: ranked lots, patterns, feeds and what was set aside."""
    titles = {
        row["case_id"]: row["title"] for row in _rows(con, "SELECT case_id, title FROM raw_case")
    }
    lots = [_ranked(row, titles) for row in _rows(con, "SELECT * FROM lot_risk")]
    lots.sort(key=_rank_key)
    counts = {tier: sum(lot.tier == tier for lot in lots) for tier in TIERS}
    suspects = [lot for lot in lots if lot.tier != "clear"]
    patterns = _patterns(con)
    return IndexEvidence(
        run=_run(con),
        tier_counts=counts,
        standing=sum(p.standing for p in patterns),
        explained=sum(p.explained for p in patterns),
        gaps=sum(p.gaps for p in patterns),
        lots=_cut(suspects, MOST_LOTS, lambda lot: lot.units_affected),
        patterns=patterns,
        files=_files(con),
        rejected=_rejected(con),
    )


# -- rows of the warehouse to values ----------------------------------------------------------


def _rows(
    con: duckdb.DuckDBPyConnection, query: str, parameters: list[Any] | None = None
) -> list[Row]:
    cursor = con.execute(query, parameters or [])
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]


def _ids(row: Row) -> tuple[int, ...]:
    return tuple(row["record_ids"] or ())


def _number(value: Any) -> float:
    return 0.0 if value is None else float(value)


def _pairs(text: str | None) -> tuple[tuple[str, Any], ...]:
    values = json.loads(text) if text else {}
    return tuple(values.items()) if isinstance(values, dict) else (("value", values),)


def _tests(text: str | None) -> tuple[Test, ...]:
    return tuple(
        Test(
            str(entry.get("code", "")),
            str(entry.get("result", "")),
            tuple((k, v) for k, v in entry.items() if k not in ("code", "result")),
        )
        for entry in (json.loads(text) if text else None) or []
    )


def _cut(rows: list[T], most: int, units: Callable[[T], float]) -> Bounded[T]:
    rest = rows[most:]
    return Bounded(tuple(rows[:most]), len(rest), float(sum(units(row) for row in rest)))


def _bounded(
    con: duckdb.DuckDBPyConnection, model: str, lot_id: int, most: int, build: Callable[[Row], T]
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
    return Bounded(tuple(build(row) for row in rows), rest["n"], _number(rest["units"]))


def _place(row: Row) -> Place:
    return Place(
        site_id=row["site_id"],
        gln=row.get("site_gln") or row.get("gln") or "",
        name=row["name"],
        role=row["role"],
        city=row["city"],
        country=row["country"],
        latitude=row["latitude"],
        longitude=row["longitude"],
    )


def _places(con: duckdb.DuckDBPyConnection, wanted: set[int | None]) -> dict[int, Place]:
    ids = sorted(site_id for site_id in wanted if site_id is not None)
    rows = _rows(con, "SELECT * FROM core_site WHERE site_id IN (SELECT unnest(?))", [ids])
    return {row["site_id"]: _place(row) for row in sorted(rows, key=lambda r: r["site_id"])}


def _facts(con: duckdb.DuckDBPyConnection, row: Row, places: dict[int, Place]) -> LotFacts:
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
        class_units=_number(row["class_units"]),
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
        units_affected=_number(row.get("units_affected")),
        families_standing=_count(families[0]["families_standing"]) if families else 0,
        report=row.get("report"),
    )


def _count(value: Any) -> int:
    """Return a count given as a number or as the list it counts."""
    return len(value) if isinstance(value, list | tuple) else int(value or 0)


def _findings(
    con: duckdb.DuckDBPyConnection, lot_id: int, status: str, most: int, *, with_records: bool
) -> Bounded[Finding]:
    rows = _rows(
        con,
        "SELECT * FROM evid_lot_finding WHERE lot_id = ? AND status = ? ORDER BY row_no",
        [lot_id, status],
    )
    models = _pattern_models(con) if rows else {}
    cited: dict[str, list[Citation]] = {}
    if with_records:
        records = _rows(
            con,
            "SELECT * FROM evid_finding_record WHERE lot_id = ? AND record_no <= ? "
            "ORDER BY finding_id, record_no",
            [lot_id, MOST_RECORDS],
        )
        for record in records:
            cited.setdefault(record["finding_id"], []).append(_citation(record))
    return _cut(
        [_finding(row, models, cited.get(row["finding_id"], [])) for row in rows],
        most,
        lambda finding: finding.units,
    )


def _pattern_models(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Map P codes to the tables their rules filled."""
    rows = _rows(con, "SELECT table_name FROM duckdb_tables() WHERE table_name ~ '^P[0-9]{2}_'")
    return {row["table_name"][:3]: row["table_name"] for row in rows}


def _finding(row: Row, models: dict[str, str], citations: list[Citation]) -> Finding:
    ids = _ids(row)
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
        units=_number(row["units"]),
        serial=row["serial"],
        sscc=row["sscc"],
        site_id=row["site_id"],
        other_site_id=row["other_site_id"],
        observed=_pairs(row["observed"]),
        threshold=_pairs(row["threshold"]),
        tests=_tests(row["tests"]),
        citations=Bounded(tuple(citations), len(ids) - len(citations) if citations else 0),
    )


def _gaps(con: duckdb.DuckDBPyConnection, lot_id: int) -> Bounded[Gap]:
    rows = _rows(
        con,
        "SELECT * FROM evid_lot_finding WHERE lot_id = ? AND status = 'data_gap' ORDER BY row_no",
        [lot_id],
    )
    gaps = [
        Gap(
            finding_id=row["finding_id"],
            pattern=row["pattern"],
            site_id=row["site_id"],
            observed=_pairs(row["observed"]),
            threshold=_pairs(row["threshold"]),
            tests=_tests(row["tests"]),
        )
        for row in rows
    ]
    return _cut(gaps, MOST_EXPLAINED, lambda _: 0)


def _citation(row: Row) -> Citation:
    return Citation(
        record_ids=(row["record_id"],),
        kind=row["kind"],
        event_id=row["event_id"],
        event_at=row["event_at"],
        recorded_at=row["recorded_at"],
        ingested_at=row["ingested_at"],
        step=row["step"],
        site_id=row["site_id"],
        path=row["path"],
        position=row["position"],
    )


def _timeline_row(row: Row) -> TimelineRow:
    return TimelineRow(
        record_ids=_ids(row),
        first_at=row["first_at"],
        last_at=row["last_at"],
        step=row["step"],
        disposition=row["disposition"],
        site_id=row["site_id"],
        other_site_id=row["other_site_id"],
        units=_number(row["units"]),
        event_count=row["event_count"],
        is_inferred=bool(row["is_inferred"]),
        is_cited=bool(row["is_cited"]),
    )


def _lane(row: Row) -> Lane:
    return Lane(
        record_ids=_ids(row),
        from_site_id=row["from_site_id"],
        to_site_id=row["to_site_id"],
        units=_number(row["units"]),
        movement_count=row["movement_count"],
        first_at=row["first_at"],
        last_at=row["last_at"],
        unshipped_units=_number(row["unshipped_units"]),
        unreceived_units=_number(row["unreceived_units"]),
        inferred_share=row["inferred_share"],
        is_cited=bool(row["is_cited"]),
    )


def _holding(row: Row) -> Holding:
    return Holding(
        record_ids=_ids(row),
        state=row["state"],
        basis=row["basis"],
        site_id=row["site_id"],
        to_site_id=row["to_site_id"],
        step=row["step"],
        units=_number(row["units"]),
        inferred_units=_number(row["inferred_units"]),
        last_at=row["last_at"],
    )


def _visit(row: Row) -> SiteVisit:
    return SiteVisit(
        record_ids=_ids(row),
        place=_place(row),
        made=_number(row["units_made"]),
        came_in=_number(row["units_in"]),
        went_out=_number(row["units_out"]),
        ended=_number(row["units_ended"]),
        returned=_number(row["units_returned"]),
        seen_count=row["seen_count"],
        first_at=row["first_at"],
        last_at=row["last_at"],
    )


def _feed(row: Row) -> Feed:
    return Feed(
        site_id=row["site_id"],
        is_publishing=bool(row["is_publishing"]),
        event_count=row["event_count"],
        lag_p50_h=row["lag_p50_h"],
        lag_p95_h=row["lag_p95_h"],
        longest_gap_h=row["longest_gap_h"],
        first_at=row["first_at"],
        last_at=row["last_at"],
    )


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
                ScorePart(p["feature"], p["value"], _number(p["contribution"]), p["neighbour"])
                for p in parts
                if p["detector"] == row["detector"]
            ),
        )
        for row in scores
    )


def _cases(con: duckdb.DuckDBPyConnection, lot_id: int) -> tuple[CitedCase, ...]:
    cited = _rows(con, "SELECT * FROM find_cited_case WHERE lot_id = ? ORDER BY rank", [lot_id])
    ids = [row["case_id"] for row in cited]
    known = {
        row["case_id"]: row
        for row in _rows(con, "SELECT * FROM raw_case WHERE case_id IN (SELECT unnest(?))", [ids])
    }
    return tuple(_case(row, known.get(row["case_id"], {})) for row in cited)


def _case(row: Row, known: Row) -> CitedCase:
    sources = json.loads(known.get("sources") or "[]")
    return CitedCase(
        rank=row["rank"],
        case_id=row["case_id"],
        kind=row["kind"],
        title=known.get("title") or row["case_id"],
        happened_on=known.get("happened_on"),
        product=known.get("product"),
        mechanism=known.get("mechanism"),
        outcome=known.get("outcome"),
        distance=_number(row["distance"]),
        is_near=bool(row["is_near"]),
        shared=tuple(row["shared"] or ()),
        unshared=tuple(row["unshared"] or ()),
        sources=tuple(Source(s.get("title") or "", s.get("url") or "") for s in sources),
    )


def _run(con: duckdb.DuckDBPyConnection) -> Run:
    rows = _rows(con, "SELECT * FROM raw_run WHERE run_id = (SELECT max(run_id) FROM lot_risk)")
    if not rows:
        return Run("not recorded", None, ())
    return Run(rows[0]["run_id"], rows[0]["as_of"], _pairs(rows[0]["manifest"]))


def _ranked(row: Row, titles: dict[str, str]) -> RankedLot:
    return RankedLot(
        gtin=row["gtin"],
        lot=row["lot"],
        product=row["product"],
        tier=row["tier"],
        suspicion_pct=row["suspicion_pct"],
        p_value=row["p_value"],
        top_pattern=row["top_pattern"],
        second_pattern=row["second_pattern"],
        standing=row["findings_standing"] or 0,
        explained=row["findings_explained"] or 0,
        gaps=row["data_gaps"] or 0,
        units=row["units"],
        units_affected=_number(row["units_affected"]),
        coverage=row["coverage"],
        nearest_case=row["nearest_case"],
        nearest_title=titles.get(row["nearest_case"]),
        report=row["report"],
    )


def _rank_key(lot: RankedLot) -> tuple[int, int, float, str, str]:
    """Order by tier; within it suspicion, then packs concerned, then identity for stability."""
    return (
        TIERS.index(lot.tier),
        -round(_number(lot.suspicion_pct) * 10),
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
            pattern, n.get("stands", 0), n.get("explained", 0), n.get("data_gap", 0), n["lots"]
        )
        for pattern, n in counts.items()
    )


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
