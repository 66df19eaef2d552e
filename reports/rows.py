"""From rows of the warehouse to the values of ``claims``; nothing is judged or worded here."""

import json
from typing import Any

from reports.claims import (
    Citation,
    CitedCase,
    Decision,
    Exposure,
    Feed,
    Holding,
    Lane,
    LotChange,
    Place,
    RankedLot,
    Reach,
    SiteVisit,
    Source,
    Suppression,
    Test,
    TimelineRow,
    UnusualMonth,
)

Row = dict[str, Any]


def ids_of(row: Row) -> tuple[int, ...]:
    """Return the record ids of a row."""
    return tuple(row["record_ids"] or ())


def number_of(value: Any) -> float:
    """Return a number; null counts as nothing."""
    return 0.0 if value is None else float(value)


def pairs_of(text: str | None) -> tuple[tuple[str, Any], ...]:
    """Return a JSON object as pairs, in its own order."""
    values = json.loads(text) if text else {}
    return tuple(values.items()) if isinstance(values, dict) else (("value", values),)


def tests_of(text: str | None) -> tuple[Test, ...]:
    """Return the honest explanations tried, as a pattern's JSON tells them."""
    return tuple(
        Test(
            str(entry.get("code", "")),
            str(entry.get("result", "")),
            tuple((k, v) for k, v in entry.items() if k not in ("code", "result")),
        )
        for entry in (json.loads(text) if text else None) or []
    )


def place(row: Row) -> Place:
    """Make a place of a row of core_site or evid_lot_site."""
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


def citation(row: Row) -> Citation:
    """Make a citation of a row of evid_finding_record."""
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


def timeline_row(row: Row) -> TimelineRow:
    """Make a group of events of a row of evid_lot_timeline."""
    return TimelineRow(
        record_ids=ids_of(row),
        first_at=row["first_at"],
        last_at=row["last_at"],
        step=row["step"],
        disposition=row["disposition"],
        site_id=row["site_id"],
        other_site_id=row["other_site_id"],
        units=number_of(row["units"]),
        event_count=row["event_count"],
        is_inferred=bool(row["is_inferred"]),
        is_cited=bool(row["is_cited"]),
    )


def lane(row: Row) -> Lane:
    """Make a lane of a row of evid_lot_custody."""
    return Lane(
        record_ids=ids_of(row),
        from_site_id=row["from_site_id"],
        to_site_id=row["to_site_id"],
        units=number_of(row["units"]),
        movement_count=row["movement_count"],
        first_at=row["first_at"],
        last_at=row["last_at"],
        unshipped_units=number_of(row["unshipped_units"]),
        unreceived_units=number_of(row["unreceived_units"]),
        inferred_share=row["inferred_share"],
        is_cited=bool(row["is_cited"]),
    )


def holding(row: Row) -> Holding:
    """Make a holding of a row of evid_lot_holder."""
    return Holding(
        record_ids=ids_of(row),
        state=row["state"],
        basis=row["basis"],
        site_id=row["site_id"],
        to_site_id=row["to_site_id"],
        step=row["step"],
        units=number_of(row["units"]),
        inferred_units=number_of(row["inferred_units"]),
        named_units=number_of(row["named_units"]),
        doubted_units=number_of(row["doubted_units"]),
        since_at=row["since_at"],
        last_at=row["last_at"],
    )


def reach(row: Row) -> Reach:
    """Make a fate of a row of evid_lot_reach."""
    return Reach(
        fate=row["fate"],
        units=number_of(row["units"]),
        named_units=number_of(row["named_units"]),
        doubted_units=number_of(row["doubted_units"]),
        inferred_units=number_of(row["inferred_units"]),
        site_count=row["site_count"],
        since_at=row["since_at"],
        last_at=row["last_at"],
    )


def exposure(row: Row) -> Exposure:
    """Make an exposed place or lot of a row of evid_lot_exposure."""
    return Exposure(
        record_ids=ids_of(row),
        relation=row["relation"],
        site_id=row["site_id"],
        other_lot=row["other_lot"],
        other_tier=row["other_tier"],
        basis=row["basis"],
        patterns=tuple(row["patterns"] or ()),
        passed_units=number_of(row["passed_units"]),
        named_units=number_of(row["named_units"]),
        begins_units=number_of(row["begins_units"]),
        made_units=number_of(row["made_units"]),
        held_units=number_of(row["held_units"]),
        held_named_units=number_of(row["held_named_units"]),
        held_inferred_units=number_of(row["held_inferred_units"]),
        held_since_at=row["held_since_at"],
        coming_units=number_of(row["coming_units"]),
        ended_units=number_of(row["ended_units"]),
        doubted_units=number_of(row["doubted_units"]),
        first_at=row["first_at"],
        last_at=row["last_at"],
    )


def visit(row: Row) -> SiteVisit:
    """Make a visit of a row of evid_lot_site."""
    return SiteVisit(
        record_ids=ids_of(row),
        place=place(row),
        made=number_of(row["units_made"]),
        came_in=number_of(row["units_in"]),
        went_out=number_of(row["units_out"]),
        ended=number_of(row["units_ended"]),
        returned=number_of(row["units_returned"]),
        seen_count=row["seen_count"],
        first_at=row["first_at"],
        last_at=row["last_at"],
    )


def feed(row: Row) -> Feed:
    """Make a feed of a row of evid_lot_coverage."""
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


def decision(row: Row) -> Decision:
    """Make a decision of a row of find_decision."""
    return Decision(
        decision_id=row["decision_id"],
        outcome=row["outcome"],
        reason=row["reason"],
        decided_by=row["decided_by"],
        decided_at=row["decided_at"],
        run_id=row["run_id"],
        report_sha256=row["report_sha256"],
        is_latest=bool(row["is_latest"]),
        state=row["state"],
        second_by=row["second_by"],
        second_at=row["second_at"],
        second_meaning=row["second_meaning"],
        second_reason=row["second_reason"],
        withdrawn_by=row["withdrawn_by"],
        withdrawn_at=row["withdrawn_at"],
        withdrawn_reason=row["withdrawn_reason"],
    )


def cited_case(row: Row, known: Row, decided: Row | None = None) -> CitedCase:
    """Make a cited case of a row of find_cited_case, the case's own row, and its decision."""
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
        distance=number_of(row["distance"]),
        is_near=bool(row["is_near"]),
        shared=tuple(row["shared"] or ()),
        unshared=tuple(row["unshared"] or ()),
        sources=tuple(Source(s.get("title") or "", s.get("url") or "") for s in sources),
        is_benign=known.get("mechanism_class") == "benign",
        decision=decision(decided) if decided else None,
    )


def unusual_month(row: Row) -> UnusualMonth:
    """Make a line of the list of unusual months of a row of edge_score or site_score."""
    is_edge = "to_gln" in row
    units = row["units"] if is_edge else row["units_in"] + row["units_out"]
    return UnusualMonth(
        month=row["month"],
        gln=row["from_gln"] if is_edge else row["gln"],
        name=row["from_name"] if is_edge else row["name"],
        to_gln=row["to_gln"] if is_edge else None,
        to_name=row["to_name"] if is_edge else None,
        suspicion_pct=row["suspicion_pct"],
        q_value=row["q_value"],
        units=units,
        features=tuple(row["top_features"] or ()),
        nearest=tuple(row["nearest"] or ()),
    )


def ranked_lot(
    row: Row,
    titles: dict[str, str],
    decided: dict[tuple[str, str], str],
    proposed: dict[tuple[str, str], str],
) -> RankedLot:
    """Make a line of the index of a row of lot_risk.

    ``decided`` and ``proposed`` are outcomes by GTIN and lot.
    """
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
        units_affected=number_of(row["units_affected"]),
        coverage=row["coverage"],
        nearest_case=row["nearest_case"],
        nearest_title=titles.get(row["nearest_case"]),
        report=row["report"],
        decided=decided.get((row["gtin"], row["lot"])),
        proposed=proposed.get((row["gtin"], row["lot"])),
        suppressed=row["findings_suppressed"] or 0,
    )


def suppression(row: Row) -> Suppression:
    """Make a suppression of a row of the view of that name."""
    return Suppression(
        suppression_id=row["suppression_id"],
        pattern=row["pattern"],
        site_gln=row["site_gln"],
        gtin=row["gtin"],
        lot=row["lot"],
        reason=row["reason"],
        suppressed_by=row["suppressed_by"],
        suppressed_at=row["suppressed_at"],
        until_on=row["until_on"],
        findings=row["findings"],
        lots=row["lots"],
    )


def lot_change(row: Row, decided: Row | None) -> LotChange:
    """Make a change of a row of lot_change and the decision's own row."""
    return LotChange(
        gtin=row["gtin"],
        lot=row["lot"],
        run_before=row["run_before"],
        tier_before=row["tier_before"],
        tier=row["tier"],
        standing_before=row["findings_standing_before"],
        standing=row["findings_standing"],
        changes=tuple(row["changes"]),
        causes=tuple(row["causes"]),
        records=row["records"],
        record_ids=tuple(row["record_ids"]),
        event_ids=tuple(row["event_ids"]),
        is_reopened=row["is_reopened"],
        decision=decision(decided) if decided else None,
    )
