"""From evidence to what the pictures need: lanes, marks, nodes, edges and their words."""

from datetime import datetime

from reports import phrases
from reports.claims import Finding, Lane, LotEvidence, Place, Score, SiteVisit
from reports.custody_graph import CustodyPicture, Edge, Node
from reports.phrases import moment, number, packs, period, place_name
from reports.pictures import Bar, BarPicture, Flag, Mark, TimelinePicture
from reports.wording import name, say, table

MOST_TIMELINE_LANES = 14
MOST_NODES = 18
MOST_BARS = 12

_KINDS = {
    "commissioning": "made",
    "repackaging": "made",
    "creating_class_instance": "made",
    "shipping": "out",
    "departing": "out",
    "receiving": "in",
    "arriving": "in",
    "accepting": "in",
    "dispensing": "ended",
    "retail_selling": "ended",
    "destroying": "ended",
    "decommissioning": "ended",
    "verifying": "checked",
    "inspecting": "checked",
}


def label_of(index: int) -> str:
    """Return the label of the n-th standing finding, as used in text and pictures."""
    return f"F{index + 1}"


def timeline_picture(evidence: LotEvidence) -> TimelinePicture | None:
    """Return the timeline, or None where no event of the lot has a time."""
    rows = evidence.timeline.rows
    if not rows:
        return None
    lane_of, lanes = _timeline_lanes(evidence)
    rest = len(lanes) - 1
    marks = tuple(
        Mark(
            at=row.first_at,
            lane=lane_of.get(row.site_id, rest),
            kind=_KINDS.get(row.step or "", "other"),
            units=row.units,
            is_inferred=row.is_inferred,
            tip=say(
                f"movements.timeline.{'mark_inferred' if row.is_inferred else 'mark'}",
                when=period(row.first_at, row.last_at),
                packs=packs(row.units),
                step=phrases.step(row.step),
                place=place_name(_place(evidence, row.site_id)),
            ),
        )
        for row in rows
    )
    flags = tuple(
        Flag(
            at=citation.event_at,
            lane=lane_of.get(citation.site_id, rest),
            label=label_of(index),
            tip=say(
                "movements.timeline.flag",
                label=label_of(index),
                title=phrases.pattern_title(finding.pattern),
                when=moment(citation.event_at),
            ),
        )
        for index, finding in enumerate(evidence.standing.rows)
        for citation in finding.citations.rows
        if citation.event_at is not None and citation.kind in ("event", "verification", "shipment")
    )
    first, last = min(r.first_at for r in rows), max(r.last_at for r in rows)
    description = say(
        "movements.timeline.description",
        places=say("movements.timeline.places", n=len(lanes)),
        first=moment(first),
        last=moment(last),
        groups=say("movements.timeline.groups", n=len(rows)),
        inferred=sum(row.is_inferred for row in rows),
        events=say("movements.timeline.events", n=len(flags)),
    )
    legend = tuple(table("movements.legend").items())
    title = say("movements.timeline.title")
    return TimelinePicture(title, description, lanes, marks, flags, legend)


def _timeline_lanes(
    evidence: LotEvidence,
) -> tuple[dict[int | None, int], tuple[tuple[str, str], ...]]:
    """Places in the order they first saw the lot; the least busy ones share the last lane."""
    first_at: dict[int | None, datetime] = {}
    weight: dict[int | None, tuple[bool, float]] = {}
    for row in evidence.timeline.rows:
        known = first_at.get(row.site_id)
        first_at[row.site_id] = min(known, row.first_at) if known else row.first_at
        was_cited, units = weight.get(row.site_id, (False, 0.0))
        weight[row.site_id] = (was_cited or row.is_cited, units + row.units)
    for finding in evidence.standing.rows:
        for citation in finding.citations.rows:
            if citation.event_at is not None and citation.site_id is not None:
                first_at.setdefault(citation.site_id, citation.event_at)
                weight.setdefault(citation.site_id, (True, 0.0))
    ranked = sorted(weight, key=lambda s: (not weight[s][0], -weight[s][1], first_at[s], s or 0))
    most = MOST_TIMELINE_LANES
    kept = ranked if len(ranked) <= most else ranked[: most - 1]
    kept = sorted(kept, key=lambda site: (first_at[site], site or 0))
    lanes = [
        (place_name(_place(evidence, site)), phrases.place_detail(_place(evidence, site)))
        for site in kept
    ]
    if len(ranked) > len(kept):
        more = say("movements.timeline.other_places", n=len(ranked) - len(kept))
        lanes.append((more, say("movements.timeline.see_table")))
    return {site: index for index, site in enumerate(kept)}, tuple(lanes)


def custody_picture(evidence: LotEvidence) -> CustodyPicture | None:
    """Return who had the packs and sent them where, or None where nothing moved."""
    lanes = sorted(evidence.lanes.rows, key=_lane_order)
    if not lanes:
        return None
    kept = _keep(evidence)
    visits = {visit.place.site_id: visit for visit in evidence.sites.rows}
    flagged = flagged_lanes(evidence)
    suspects = flagged_sites(evidence)
    nodes: dict[str, Node] = {}
    edges: dict[tuple[str, str], list[Lane]] = {}
    for lane in lanes:
        if lane.from_site_id not in kept:
            continue  # from a small site; the table has it, and the note says so
        source, target = _key(lane.from_site_id, "from", lane), _key(lane.to_site_id, "to", lane)
        if lane.to_site_id not in kept:
            target = f"rest-{source}"
        for key, site in ((source, lane.from_site_id), (target, lane.to_site_id)):
            if key not in nodes and not key.startswith("rest-"):
                nodes[key] = _node(
                    key, _place(evidence, site), visits.get(site or -1), suspects.get(site, [])
                )
        edges.setdefault((source, target), []).append(lane)
    for pair, group in edges.items():
        for key in pair:
            if key.startswith("rest-"):
                nodes.setdefault(key, _folded_node(key, group))
    drawn = tuple(_edge(pair, group, flagged, evidence) for pair, group in edges.items())
    total = len(evidence.lanes.rows)
    description = say(
        "movements.custody.description",
        sites=say("movements.custody.sites", n=len(kept)),
        lanes=say("movements.custody.lanes", n=total),
        flagged=sum(e.is_flagged for e in drawn),
        inferred=sum(e.knowing != "scanned" for e in drawn),
    )
    return CustodyPicture(say("movements.custody.title"), description, tuple(nodes.values()), drawn)


def _lane_order(lane: Lane) -> tuple[datetime, int, int]:
    return (lane.first_at or datetime.max, lane.from_site_id or 0, lane.to_site_id or 0)


def _key(site: int | None, side: str, lane: Lane) -> str:
    """A node's key; where a party is not named, each lane keeps an unknown party of its own."""
    if site is not None:
        return f"site-{site}"
    return f"unknown-{side}-{lane.to_site_id if side == 'from' else lane.from_site_id}"


def custody_note(evidence: LotEvidence) -> str:
    """Say how many lanes the picture leaves to the table, or nothing."""
    kept = _keep(evidence)
    left = sum(lane.from_site_id not in kept for lane in evidence.lanes.rows)
    left += evidence.lanes.rest_count
    return say("movements.custody.not_drawn", n=left) if left else ""


def _keep(evidence: LotEvidence) -> set[int | None]:
    """Choose the sites to draw, by weight of their lanes; what goes elsewhere is folded."""
    kept: set[int | None] = set()
    for lane in evidence.lanes.rows:  # in order of weight
        new = {lane.from_site_id, lane.to_site_id} - kept
        if len(kept) + len(new) <= MOST_NODES:
            kept |= new
    return kept


def _folded_node(key: str, lanes: list[Lane]) -> Node:
    return Node(
        key,
        say("movements.custody.further_sites", n=len(lanes)),
        say("movements.custody.in_table"),
        packs(sum(lane.units for lane in lanes)),
        is_known=True,
        flag="",
    )


def _node(key: str, place: Place | None, visit: SiteVisit | None, labels: list[str]) -> Node:
    return Node(
        key=key,
        name=place_name(place) if place else say("movements.custody.not_named"),
        detail=phrases.place_detail(place) if place else say("movements.custody.no_party"),
        figures=site_figures(visit) if visit else "",
        is_known=place is not None and bool(place.name),
        flag=labels_words(labels),
    )


def site_figures(visit: SiteVisit) -> str:
    """Return what went in and out of a site, in one short line."""
    figures = {
        "made": visit.made,
        "in": visit.came_in,
        "back": visit.returned,
        "out": visit.went_out,
        "ended": visit.ended,
    }
    return " · ".join(
        say(f"movements.custody.{code}", figure=number(units))
        for code, units in figures.items()
        if units
    )


def flagged_lanes(evidence: LotEvidence) -> dict[tuple[int | None, int | None], list[str]]:
    """Labels of the findings whose records lie on a lane, or whose two sites are its ends."""
    flagged: dict[tuple[int | None, int | None], list[str]] = {}
    for index, finding in enumerate(evidence.standing.rows):
        for lane in evidence.lanes.rows:
            if _concerns(finding, lane):
                flagged.setdefault((lane.from_site_id, lane.to_site_id), []).append(label_of(index))
    return flagged


def flagged_sites(evidence: LotEvidence) -> dict[int | None, list[str]]:
    """Labels of the findings that name a site."""
    flagged: dict[int | None, list[str]] = {}
    for index, finding in enumerate(evidence.standing.rows):
        for site in dict.fromkeys((finding.site_id, finding.other_site_id)):
            if site is not None:
                flagged.setdefault(site, []).append(label_of(index))
    return flagged


def _concerns(finding: Finding, lane: Lane) -> bool:
    return bool(set(finding.record_ids) & set(lane.record_ids))


def _edge(
    pair: tuple[str, str],
    lanes: list[Lane],
    flagged: dict[tuple[int | None, int | None], list[str]],
    evidence: LotEvidence,
) -> Edge:
    units = sum(lane.units for lane in lanes)
    labels = list(
        dict.fromkeys(
            label
            for lane in lanes
            for label in flagged.get((lane.from_site_id, lane.to_site_id), [])
        )
    )
    knowing = knowing_of(lanes)
    first = lanes[0]
    ends = (
        say(
            "movements.custody.from_to",
            from_place=place_name(_place(evidence, first.from_site_id)),
            to_place=place_name(_place(evidence, first.to_site_id)),
        )
        if len(lanes) == 1
        else say("movements.custody.lanes", n=len(lanes))
    )
    named = labels_words(labels)
    label = " · ".join(part for part in (named, number(units) if units else "?") if part)
    return Edge(
        source=pair[0],
        target=pair[1],
        units=units,
        label=label,
        knowing=knowing,
        is_flagged=bool(labels),
        tip=route_tip(ends, units, knowing, labels),
    )


def route_tip(ends: str, units: float, knowing: str, labels: list[str]) -> str:
    """Return what went along a line, how it is known, and the findings that cite it."""
    values = {"ends": ends, "packs": packs(units), "knowing": name("codes.knowing", knowing)}
    if not labels:
        return say("movements.custody.tip", **values)
    return say("movements.custody.tip_flagged", labels=" ".join(labels), **values)


def knowing_of(lanes: list[Lane]) -> str:
    """Tell how it is known what went along some lanes: scanned, inferred, or mixed."""
    shares = [lane.inferred_share or 0.0 for lane in lanes]
    return "inferred" if min(shares) >= 1 else "mixed" if max(shares) > 0 else "scanned"


def labels_words(labels: list[str]) -> str:
    """Return the first two labels, and a sign that there are more."""
    return " ".join(labels[:2]) + (" …" if len(labels) > 2 else "")


def score_picture(score: Score) -> BarPicture:
    """Return a detector's contributions by feature as a waterfall; higher is more suspicious."""
    amounts: dict[str, float] = {}
    values = {part.feature: part.value for part in score.parts}
    for part in score.parts:
        amounts[part.feature] = amounts.get(part.feature, 0.0) - part.contribution
    ranked = sorted(amounts.items(), key=lambda item: -abs(item[1]))
    bars = [
        Bar(feature_label(feature, values[feature]), amount, signed(amount))
        for feature, amount in ranked[:MOST_BARS]
    ]
    rest = ranked[MOST_BARS:]
    if rest:
        amount = sum(amount for _, amount in rest)
        bars.append(Bar(say("comparison.smaller", n=len(rest)), amount, signed(amount)))
    total = sum(bar.amount for bar in bars)
    title = name("codes.detectors", score.detector)
    description = say("comparison.bars", n=len(amounts), total=number(total))
    anchor = "score-" + "".join(c if c.isalnum() else "-" for c in score.detector)
    return BarPicture(anchor, title, description, tuple(bars), say("comparison.sum"), number(total))


def feature_label(feature: str, value: float | None) -> str:
    """Return a feature in words, with its value where it is a measure and not a signal."""
    words = phrases.as_title(phrases.feature(feature))
    if value is None or phrases.is_signal(feature):
        return words
    return say("language.said", name=words, value=phrases.value_of(feature, value))


def signed(amount: float) -> str:
    """Return an amount with its sign in words of figures: + or a true minus."""
    return f"{'+' if amount >= 0 else '−'}{number(abs(round(amount, 3)))}"


def _place(evidence: LotEvidence, site_id: int | None) -> Place | None:
    return evidence.places.get(site_id) if site_id is not None else None
