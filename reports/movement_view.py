"""Tables of a lot page: its events, lanes and sites, and how far the data covers it."""

from reports import phrases, wording
from reports.claims import LotEvidence
from reports.parts import Table, line_of, record_list, rest
from reports.phrases import (
    as_title,
    counted,
    hours,
    joined,
    moment,
    number,
    packs,
    period,
    place_line,
    share,
    signal,
)


def timeline_table(evidence: LotEvidence) -> Table:
    """List the events of the lot by day, place and step."""
    rows = []
    for row in sorted(
        evidence.timeline.rows, key=lambda r: (r.first_at, r.last_at, r.record_ids, r.is_inferred)
    ):
        other = line_of(evidence, row.other_site_id) if row.other_site_id is not None else ""
        rows.append(
            (
                period(row.first_at, row.last_at),
                phrases.step(row.step)
                + (f" ({row.disposition.replace('_', ' ')})" if row.disposition else ""),
                line_of(evidence, row.site_id),
                other,
                number(row.units) if row.units else "not stated",
                "inferred from the container" if row.is_inferred else "direct",
                record_list(row.record_ids, row.event_count),
            )
        )
    return Table(
        ("When (UTC)", "Step", "Site", "To or from", "Packs", "Known", "Records"),
        tuple(rows),
        "ttttntt",
        rest(evidence.timeline, "further groups of events"),
    )


def custody_table(evidence: LotEvidence) -> Table:
    """List the lanes the lot travelled."""
    rows = []
    for lane in evidence.lanes.rows:
        remarks = []
        if lane.unshipped_units:
            remarks.append(f"{packs(lane.unshipped_units)} without departure")
        if lane.unreceived_units:
            remarks.append(f"{packs(lane.unreceived_units)} without arrival")
        if lane.is_cited:
            remarks.append("cited by a finding")
        inferred = (
            "no serial numbers" if lane.inferred_share is None else share(lane.inferred_share)
        )
        rows.append(
            (
                line_of(evidence, lane.from_site_id),
                line_of(evidence, lane.to_site_id),
                number(lane.units) if lane.units else "not stated",
                number(lane.movement_count),
                moment(lane.first_at),
                moment(lane.last_at),
                inferred,
                "; ".join(remarks),
                record_list(lane.record_ids),
            )
        )
    return Table(
        (
            "From",
            "To",
            "Packs",
            "Movements",
            "First (UTC)",
            "Last (UTC)",
            "Inferred",
            "Remarks",
            "Records",
        ),
        tuple(rows),
        "ttnnddttt",
        rest(evidence.lanes, "further lanes"),
    )


def sites_table(evidence: LotEvidence) -> Table:
    """List the sites with what went in and out."""
    rows = []
    for visit in evidence.sites.rows:
        came_in = visit.made + visit.came_in + visit.returned
        left = came_in - visit.went_out - visit.ended
        place = visit.place
        coordinates = (
            f"{place.latitude:.2f}, {place.longitude:.2f}"
            if place.latitude is not None and place.longitude is not None
            else "not stated"
        )
        rows.append(
            (
                place_line(place),
                as_title(phrases.role(place)),
                coordinates,
                number(came_in),
                number(visit.went_out),
                number(visit.ended),
                number(left),
                number(visit.seen_count),
                period(visit.first_at, visit.last_at),
            )
        )
    return Table(
        (
            "Site",
            "Role",
            "Latitude, longitude",
            "In",
            "Out",
            "Ended",
            "Left",
            "Scans",
            "Seen (UTC)",
        ),
        tuple(rows),
        "tttnnnnnt",
        rest(evidence.sites, "further sites"),
    )


def coverage_lines(evidence: LotEvidence) -> tuple[str, ...]:
    """Say how far the data covers the lot."""
    facts = evidence.facts
    silent = [feed for feed in evidence.feeds if not feed.is_publishing]
    inferred = sum(row.units for row in evidence.timeline.rows if row.is_inferred)
    total = sum(row.units for row in evidence.timeline.rows)
    lines = []
    if facts.coverage is not None:
        lines.append(
            f"The data holds {share(facts.coverage)} of the lot: "
            f"{number(facts.commissioned_units)} commissioned of "
            f"{number(facts.stated_quantity)} stated."
        )
    else:
        lines.append("Nobody states how large the lot is, so its coverage is not known.")
    if not facts.is_covered:
        lines.append(
            "Rules about absent records therefore raise questions here, and no accusation."
        )
    if evidence.feeds:
        lines.append(
            f"{len(evidence.feeds) - len(silent)} of "
            f"{counted(len(evidence.feeds), 'site', 'sites')} publish data of their own"
            + ("; the others are known from what their partners say." if silent else ".")
        )
    if total:
        lines.append(
            f"{share(inferred / total)} of the pack movements listed were inferred from a "
            "container and not scanned."
        )
    missing = {one.missing for one in evidence.untestable}
    lines += [
        f"Not testable, {wording.MISSING[code]} in the data: "
        + joined(signal(one.pattern) for one in evidence.untestable if one.missing == code)
        + "."
        for code in sorted(missing)
    ]
    aside = sum(file.set_aside_count for file in evidence.files.rows)
    if aside:
        lines.append(
            f"{counted(aside, 'record', 'records')} of the documents below could not be read and "
            "may concern this lot."
        )
    return tuple(lines)


def feeds_table(evidence: LotEvidence) -> Table:
    """List how late and how complete each site's own data is."""
    rows = tuple(
        (
            line_of(evidence, feed.site_id),
            number(feed.event_count) if feed.is_publishing else "none of its own",
            hours(feed.lag_p50_h) if feed.is_publishing else "",
            hours(feed.lag_p95_h) if feed.is_publishing else "",
            hours(feed.longest_gap_h) if feed.is_publishing else "",
            period(feed.first_at, feed.last_at) if feed.is_publishing else "",
        )
        for feed in evidence.feeds[:60]
    )
    more = len(evidence.feeds) - len(rows)
    return Table(
        ("Site", "Events", "Delay, median", "Delay, 95 of 100", "Longest silence", "Seen (UTC)"),
        rows,
        "tnnnnt",
        f"{more:,} further sites; the query below lists all." if more > 0 else "",
    )


def files_table(evidence: LotEvidence) -> Table:
    """List the documents that the lot's history was read from."""
    rows = tuple(
        (
            file.path,
            file.kind.replace("_", " "),
            number(file.record_count),
            number(file.set_aside_count),
            file.sha256,
        )
        for file in evidence.files.rows
    )
    return Table(
        ("Document", "Kind", "Records of the lot", "Set aside in it", "SHA-256"),
        rows,
        "xtnnx",
        rest(evidence.files, "further documents"),
    )
