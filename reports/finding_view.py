"""The findings of a lot as its page prints them: standing, explained, and open questions."""

from dataclasses import dataclass

from reports import phrases
from reports.change_view import set_aside_of
from reports.claims import Citation, Finding, LotEvidence, PatternTally, Test
from reports.parts import Query, Table, line_of, lot_filter, rest
from reports.phrases import as_title, moment, packs, quoted
from reports.picture_view import label_of
from reports.wording import is_known, lines, name, say


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingGroup:
    """All standing findings of one pattern, in one line of the summary."""

    labels: tuple[str, ...]
    title: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingView:
    """One standing finding, ready to print."""

    label: str
    title: str
    code: str
    severity: str
    severity_words: str
    family: str
    concerns: str
    definition: str
    observed: str
    history: str
    records: Table
    tests: Table
    queries: tuple[Query, ...]


def group_findings(evidence: LotEvidence) -> tuple[FindingGroup, ...]:
    """Gather the standing findings by pattern, the gravest first, counting those not listed too."""
    by_pattern: dict[str, list[tuple[str, Finding]]] = {}
    for index, finding in enumerate(evidence.standing.rows):
        by_pattern.setdefault(finding.pattern, []).append((label_of(index), finding))
    tallies = {one.pattern: one for one in evidence.standing_tally}
    return tuple(
        _group(evidence, group, tallies.get(pattern)) for pattern, group in by_pattern.items()
    )


def _group(
    evidence: LotEvidence, group: list[tuple[str, Finding]], tally: PatternTally | None
) -> FindingGroup:
    first = group[0][1]
    if tally is None or tally.findings == 1:
        concerns = _concerns(evidence, first)
    else:
        concerns = say(
            "findings.in_findings",
            packs=packs(tally.units),
            findings=tally.findings,
            n=tally.sites,
        )
        if len(group) < tally.findings:
            concerns = say("findings.listed", concerns=concerns, n=len(group))
    return FindingGroup(
        labels=tuple(label for label, _ in group),
        title=phrases.pattern_title(first.pattern),
        words=say("findings.group", grade=_grade(first), concerns=concerns),
    )


def _grade(finding: Finding) -> str:
    words = name("tiers.severities", finding.severity, "")
    return say("findings.grade", grade=finding.severity, words=words)


def number_notes(evidence: LotEvidence) -> dict[int, int]:
    """Number the cited records in the order the page first names them."""
    notes: dict[int, int] = {}
    for finding in evidence.standing.rows:
        for citation in finding.citations.rows:
            notes.setdefault(citation.record_ids[0], len(notes) + 1)
    return notes


def view_finding(
    evidence: LotEvidence, finding: Finding, label: str, notes: dict[int, int]
) -> FindingView:
    """Word one standing finding; ``notes`` are the numbers of the cited records."""
    return FindingView(
        label=label,
        title=phrases.pattern_title(finding.pattern),
        code=finding.pattern,
        severity=finding.severity,
        severity_words=name("tiers.severities", finding.severity, ""),
        family=name("tiers.families", finding.family),
        concerns=_concerns(evidence, finding),
        definition=phrases.definition(finding.pattern),
        observed=phrases.against(finding.observed, finding.threshold)
        or say("findings.see_records"),
        history=name("tiers.histories", finding.history, ""),
        records=_records(evidence, finding, notes),
        tests=_tests(finding.tests),
        queries=_finding_queries(evidence, finding),
    )


def _concerns(evidence: LotEvidence, finding: Finding) -> str:
    if finding.serial:
        what = say("findings.serial", serial=finding.serial)
    elif finding.sscc and finding.units:
        what = say("findings.container_of", sscc=finding.sscc, packs=packs(finding.units))
    elif finding.sscc:
        what = say("findings.container", sscc=finding.sscc)
    else:
        what = packs(finding.units) if finding.units else say("findings.the_lot")
    places = [
        line_of(evidence, site)
        for site in (finding.site_id, finding.other_site_id)
        if site is not None
    ]
    if not places:
        return what
    return say("findings.concerns", what=what, places=say("language.between_places").join(places))


def _records(evidence: LotEvidence, finding: Finding, notes: dict[int, int]) -> Table:
    rows = tuple(_record(evidence, citation, notes) for citation in finding.citations.rows)
    more = finding.citations.rest_count
    return Table(
        lines("findings.heads.records"),
        rows,
        "nddttxx",
        rest=say("findings.more_records", n=more) if more > 0 else "",
    )


def _record(evidence: LotEvidence, citation: Citation, notes: dict[int, int]) -> tuple[str, ...]:
    where = citation.path
    if citation.position:
        where = say("findings.position", path=citation.path, position=str(citation.position))
    return (
        f"{notes[citation.record_ids[0]]}",
        moment(citation.event_at),
        moment(citation.recorded_at),
        phrases.step(citation.step) if citation.step else name("codes.kinds", citation.kind),
        line_of(evidence, citation.site_id),
        where,
        citation.event_id or say("findings.no_event_id", id=str(citation.record_ids[0])),
    )


def _tests(tests: tuple[Test, ...]) -> Table:
    order = {"supported": 0, "not_testable": 1, "ruled_out": 2}
    rows = [
        (
            as_title(phrases.benign(test.code)),
            test.code if is_known("explanations", test.code) else "",
            phrases.test_result(test),
            phrases.measured(test.numbers),
        )
        for test in sorted(tests, key=lambda test: order.get(test.result, 1))
    ]
    return Table(lines("findings.heads.tests"), tuple(rows), "tttt")


def _finding_queries(evidence: LotEvidence, finding: Finding) -> tuple[Query, ...]:
    by_id = f"finding_id = {quoted(finding.finding_id)}"
    queries = [
        Query(say("findings.query_finding"), f"SELECT * FROM finding WHERE {by_id}"),  # noqa: S608
        Query(
            say("findings.query_records"),
            f"SELECT * FROM evid_finding_record WHERE {by_id} ORDER BY record_no",  # noqa: S608
        ),
    ]
    if finding.model:
        lot = f"SELECT lot_id FROM core_lot WHERE {lot_filter(evidence)}"  # noqa: S608
        queries.append(
            Query(
                say("findings.query_rule", model=finding.model),
                f"SELECT * FROM {finding.model} WHERE lot_id = ({lot})",  # noqa: S608
            )
        )
    return tuple(queries)


def explained_table(evidence: LotEvidence) -> Table:
    """List the findings that a test explained away, with the numbers that decided."""
    rows = []
    for finding in evidence.explained.rows:
        test = next((t for t in finding.tests if t.code == finding.benign), None)
        rows.append(
            (
                phrases.pattern_title(finding.pattern),
                finding.pattern,
                _concerns(evidence, finding),
                phrases.against(finding.observed, finding.threshold),
                as_title(phrases.benign(finding.benign)),
                finding.benign or "",
                phrases.measured(test.numbers) if test else "",
            )
        )
    return Table(
        lines("findings.heads.explained"),
        tuple(rows),
        rest=rest(evidence.explained, "explained"),
    )


def suppressed_table(evidence: LotEvidence) -> Table:
    """List the findings that a person set aside, as grave as they were found."""
    rows = tuple(
        (
            phrases.pattern_title(finding.pattern),
            finding.pattern,
            _grade(finding),
            _concerns(evidence, finding),
            phrases.against(finding.observed, finding.threshold),
            set_aside_of(evidence, finding),
        )
        for finding in evidence.suppressed.rows
    )
    return Table(
        lines("findings.heads.suppressed"),
        rows,
        rest=rest(evidence.suppressed, "suppressed"),
    )


def gaps_table(evidence: LotEvidence) -> Table:
    """List what was asked and could not be answered from the data."""
    rows = tuple(
        (
            phrases.pattern_title(gap.pattern),
            gap.pattern,
            line_of(evidence, gap.site_id)
            if gap.site_id is not None
            else say("findings.lot_as_a_whole"),
            phrases.against(gap.observed, gap.threshold) or say("findings.not_covered"),
        )
        for gap in evidence.gaps.rows
    )
    return Table(
        lines("findings.heads.gaps"),
        rows,
        rest=rest(evidence.gaps, "gaps"),
    )
