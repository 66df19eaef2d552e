"""Tables of a lot page: its events, lanes and sites, and how far the data covers it."""

from reports import phrases
from reports.claims import Lane, LotEvidence, TimelineRow
from reports.parts import Table, line_of, record_list, rest
from reports.phrases import (
    as_title,
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
from reports.wording import lines, name, say


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
                _step(row),
                line_of(evidence, row.site_id),
                other,
                number(row.units) if row.units else say("movements.not_stated"),
                say(f"movements.{'inferred_from_container' if row.is_inferred else 'direct'}"),
                record_list(row.record_ids, row.event_count),
            )
        )
    return Table(
        lines("movements.heads.timeline"),
        tuple(rows),
        "ttttntt",
        rest(evidence.timeline, "events"),
    )


def _step(row: TimelineRow) -> str:
    step = phrases.step(row.step)
    if not row.disposition:
        return step
    disposition = name("codes.dispositions", row.disposition)
    return say("movements.step_with", step=step, disposition=disposition)


def custody_table(evidence: LotEvidence) -> Table:
    """List the lanes the lot travelled."""
    rows = []
    for lane in evidence.lanes.rows:
        inferred = (
            say("movements.no_serials")
            if lane.inferred_share is None
            else share(lane.inferred_share)
        )
        rows.append(
            (
                line_of(evidence, lane.from_site_id),
                line_of(evidence, lane.to_site_id),
                number(lane.units) if lane.units else say("movements.not_stated"),
                number(lane.movement_count),
                moment(lane.first_at),
                moment(lane.last_at),
                inferred,
                "; ".join(_remarks(lane)),
                record_list(lane.record_ids),
            )
        )
    return Table(
        lines("movements.heads.custody"),
        tuple(rows),
        "ttnnddttt",
        rest(evidence.lanes, "lanes"),
    )


def _remarks(lane: Lane) -> list[str]:
    remarks = []
    if lane.unshipped_units:
        remarks.append(say("movements.without_departure", packs=packs(lane.unshipped_units)))
    if lane.unreceived_units:
        remarks.append(say("movements.without_arrival", packs=packs(lane.unreceived_units)))
    if lane.is_cited:
        remarks.append(say("movements.cited"))
    return remarks


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
            else say("movements.not_stated")
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
        lines("movements.heads.sites"),
        tuple(rows),
        "tttnnnnnt",
        rest(evidence.sites, "sites"),
    )


def coverage_lines(evidence: LotEvidence) -> tuple[str, ...]:
    """Say how far the data covers the lot."""
    facts = evidence.facts
    silent = [feed for feed in evidence.feeds if not feed.is_publishing]
    inferred = sum(row.units for row in evidence.timeline.rows if row.is_inferred)
    total = sum(row.units for row in evidence.timeline.rows)
    said = []
    if facts.coverage is not None:
        said.append(
            say(
                "movements.coverage.held",
                share=share(facts.coverage),
                commissioned=number(facts.commissioned_units),
                stated=number(facts.stated_quantity),
            )
        )
    else:
        said.append(say("movements.coverage.unknown"))
    if not facts.is_covered:
        said.append(say("movements.coverage.no_accusation"))
    if evidence.feeds:
        publishing = len(evidence.feeds) - len(silent)
        form = "publishing_some" if silent else "publishing"
        said.append(say(f"movements.coverage.{form}", publishing=publishing, n=len(evidence.feeds)))
    if total:
        said.append(say("movements.coverage.inferred", share=share(inferred / total)))
    said += [
        say(
            "movements.coverage.untestable",
            missing=name("codes.missing", code),
            patterns=joined(
                signal(one.pattern) for one in evidence.untestable if one.missing == code
            ),
        )
        for code in sorted({one.missing for one in evidence.untestable})
    ]
    aside = sum(file.set_aside_count for file in evidence.files.rows)
    if aside:
        said.append(say("movements.coverage.unread", n=aside))
    return tuple(said)


def feeds_table(evidence: LotEvidence) -> Table:
    """List how late and how complete each site's own data is."""
    rows = tuple(
        (
            line_of(evidence, feed.site_id),
            number(feed.event_count) if feed.is_publishing else say("movements.none_of_its_own"),
            hours(feed.lag_p50_h) if feed.is_publishing else "",
            hours(feed.lag_p95_h) if feed.is_publishing else "",
            hours(feed.longest_gap_h) if feed.is_publishing else "",
            period(feed.first_at, feed.last_at) if feed.is_publishing else "",
        )
        for feed in evidence.feeds[:60]
    )
    more = len(evidence.feeds) - len(rows)
    return Table(
        lines("movements.heads.feeds"),
        rows,
        "tnnnnt",
        say("movements.more_sites", n=more) if more > 0 else "",
    )


def files_table(evidence: LotEvidence) -> Table:
    """List the documents that the lot's history was read from."""
    rows = tuple(
        (
            file.path,
            name("codes.kinds", file.kind),
            number(file.record_count),
            number(file.set_aside_count),
            file.sha256,
        )
        for file in evidence.files.rows
    )
    return Table(
        lines("movements.heads.files"),
        rows,
        "xtnnx",
        rest(evidence.files, "documents"),
    )
