"""From evidence to what the pictures need: lanes, marks, nodes, edges and their words."""

from datetime import datetime

from reports import phrases, wording
from reports.claims import Finding, Lane, LotEvidence, Place, Score, SiteVisit
from reports.custody_graph import CustodyPicture, Edge, Node
from reports.phrases import counted, moment, number, packs, period, place_name
from reports.pictures import Bar, BarPicture, Flag, Mark, TimelinePicture

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

_LEGEND = (
    ("made", "made"),
    ("out", "shipped"),
    ("in", "received"),
    ("ended", "dispensed or ended"),
    ("checked", "checked"),
    ("other", "other step"),
    ("inferred", "hollow: inferred from the container"),
    ("flag", "cited by a finding"),
)


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
            tip=f"{period(row.first_at, row.last_at)} UTC: {packs(row.units)} "
            f"{phrases.step(row.step)}, {place_name(_place(evidence, row.site_id))}"
            + (", inferred" if row.is_inferred else ""),
        )
        for row in rows
    )
    flags = tuple(
        Flag(
            at=citation.event_at,
            lane=lane_of.get(citation.site_id, rest),
            label=label_of(index),
            tip=f"{label_of(index)} {phrases.pattern_title(finding.pattern)}, "
            f"{moment(citation.event_at)} UTC",
        )
        for index, finding in enumerate(evidence.standing.rows)
        for citation in finding.citations.rows
        if citation.event_at is not None and citation.kind in ("event", "verification", "shipment")
    )
    first, last = min(r.first_at for r in rows), max(r.last_at for r in rows)
    inferred = sum(row.is_inferred for row in rows)
    description = (
        f"{counted(len(lanes), 'place', 'places')} from {moment(first)} to {moment(last)} UTC, "
        f"{counted(len(rows), 'group', 'groups')} of events, {inferred} of them inferred, "
        f"{counted(len(flags), 'event', 'events')} cited by findings. The table below has the same."
    )
    return TimelinePicture("Timeline of the lot", description, lanes, marks, flags, _LEGEND)


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
        lanes.append((f"{len(ranked) - len(kept)} other places", "see the table"))
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
    description = (
        f"{counted(len(kept), 'site', 'sites')} and {counted(total, 'lane', 'lanes')} from left to "
        f"right by transfers; {sum(e.is_flagged for e in drawn)} cited by findings, "
        f"{sum(e.knowing != 'scanned' for e in drawn)} wholly or partly inferred. "
        "The table below has the same."
    )
    return CustodyPicture("Who had the packs", description, tuple(nodes.values()), drawn)


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
    return f"Not drawn: {counted(left, 'lane', 'lanes')} from smaller sites." if left else ""


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
        counted(len(lanes), "further site", "further sites"),
        "listed in the table",
        packs(sum(lane.units for lane in lanes)),
        is_known=True,
        flag="",
    )


def _node(key: str, place: Place | None, visit: SiteVisit | None, labels: list[str]) -> Node:
    return Node(
        key=key,
        name=place_name(place) if place else "Not named",
        detail=phrases.place_detail(place) if place else "no party in the data",
        figures=site_figures(visit) if visit else "",
        is_known=place is not None and bool(place.name),
        flag=labels_words(labels),
    )


def site_figures(visit: SiteVisit) -> str:
    """Return what went in and out of a site, in one short line."""
    parts = []
    if visit.made:
        parts.append(f"made {number(visit.made)}")
    if visit.came_in:
        parts.append(f"in {number(visit.came_in)}")
    if visit.returned:
        parts.append(f"back {number(visit.returned)}")
    if visit.went_out:
        parts.append(f"out {number(visit.went_out)}")
    if visit.ended:
        parts.append(f"ended {number(visit.ended)}")
    return " · ".join(parts)


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
    words = wording.KNOWING[knowing]
    first = lanes[0]
    ends = (
        f"{place_name(_place(evidence, first.from_site_id))} to "
        f"{place_name(_place(evidence, first.to_site_id))}"
        if len(lanes) == 1
        else counted(len(lanes), "lane", "lanes")
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
        tip=f"{ends}: {packs(units)}{words}" + (f", {' '.join(labels)}" if labels else ""),
    )


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
        Bar(feature_label(name, values[name]), amount, signed(amount))
        for name, amount in ranked[:MOST_BARS]
    ]
    rest = ranked[MOST_BARS:]
    if rest:
        amount = sum(amount for _, amount in rest)
        bars.append(Bar(f"{len(rest)} smaller ones", amount, signed(amount)))
    total = sum(bar.amount for bar in bars)
    title = wording.DETECTORS.get(score.detector, score.detector.replace("_", " "))
    description = (
        f"{counted(len(amounts), 'contribution', 'contributions')} that add up to "
        f"{number(total)}. The table below has the same, split by what the lot is compared with."
    )
    name = "score-" + "".join(c if c.isalnum() else "-" for c in score.detector)
    return BarPicture(name, title, description, tuple(bars), "Sum", number(total))


def feature_label(name: str, value: float | None) -> str:
    """Return a feature in words, with its value where it is a measure and not a signal."""
    words = phrases.as_title(phrases.feature(name))
    if value is None or name in wording.PATTERNS or name in wording.BENIGN:
        return words
    return f"{words}: {phrases.value_of(name, value)}"


def signed(amount: float) -> str:
    """Return an amount with its sign in words of figures: + or a true minus."""
    return f"{'+' if amount >= 0 else '−'}{number(abs(round(amount, 3)))}"


def _place(evidence: LotEvidence, site_id: int | None) -> Place | None:
    return evidence.places.get(site_id) if site_id is not None else None
