"""The first paragraph of a lot report: what is suspected, how sure, what would change it, what now.

Words follow the regulators: a lot is suspect, or a potential suspect falsification. Whether a
suspicion is confirmed is decided by people, and no sentence here anticipates it.
"""

from dataclasses import dataclass

from reports import phrases, wording
from reports.claims import Finding, LotEvidence
from reports.exposure_view import IN_REACH
from reports.phrases import as_title, counted, day, joined, joined_long, packs, share


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do: by when, and what."""

    when: str
    what: str


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The paragraph in four parts, the tally, and what to do."""

    statement: str
    certainty: str
    change: str
    tally: str
    actions: tuple[Action, ...]


def conclude(evidence: LotEvidence) -> Conclusion:
    """Word the conclusion from what stands, what was explained and what could not be seen."""
    is_suspect = evidence.risk.tier in ("hold", "investigate") and _is_grave(evidence)
    return Conclusion(
        statement=_statement(evidence),
        certainty=_certainty(evidence),
        change=_change(evidence),
        tally=_tally(evidence),
        actions=_actions_of_suspect(evidence) if is_suspect else _actions_of_others(evidence),
    )


def natures(findings: tuple[Finding, ...]) -> list[str]:
    """Return the regulatory readings of the findings, the gravest finding's first."""
    known = [wording.PATTERNS[f.pattern].nature for f in findings if f.pattern in wording.PATTERNS]
    return list(dict.fromkeys(known))


def _tally(evidence: LotEvidence) -> str:
    risk = evidence.risk
    total = risk.standing + risk.explained + risk.suppressed
    aside = f"{risk.suppressed:,} set aside, " if risk.suppressed else ""
    text = (
        f"{counted(total, 'finding', 'findings')}, {risk.explained:,} explained, {aside}"
        f"{risk.standing:,} {'stands' if risk.standing == 1 else 'stand'}"
    )
    if risk.gaps:
        text += f"; {counted(risk.gaps, 'question', 'questions')} the data cannot answer"
    return text


def _statement(evidence: LotEvidence) -> str:
    standing, facts, as_of = evidence.standing.rows, evidence.facts, evidence.run.as_of
    basis = f"On the records read up to {day(as_of)}" if as_of else "On the records read"
    lot = phrases.lot_name(facts)
    if not standing:
        text = f"{basis}, no finding against {lot} stands."
        if evidence.risk.suppressed:
            found = evidence.risk.suppressed
            text += f" {counted(found, 'finding', 'findings')} would, and a person set "
            text += f"{'it' if found == 1 else 'them'} aside until a date (section 2)."
        if evidence.risk.tier != "clear":
            text += " It is listed because it is unlike other lots as a whole (section 8)."
        return text
    grave = tuple(f for f in standing if f.severity in ("S1", "S2")) or standing
    reason = phrases.pattern_title(grave[0].pattern).lower()
    seen = phrases.measured(grave[0].observed[:3])
    reason += f" ({seen})" if seen else ""
    more = len({f.pattern for f in standing}) - 1
    also = f", with {counted(more, 'further kind', 'further kinds')} of finding" if more else ""
    verb = "are" if facts.lot == phrases.UNSTATED else "is"
    readings = joined(natures(grave), "or") or "not what they seem"
    if evidence.risk.tier not in ("hold", "investigate"):
        return (
            f"{basis}, nothing that stands against {lot} is grave enough to call it suspect. "
            f"What weighs most is: {reason}{also}."
        )
    if not _is_grave(evidence):
        return (
            f"{basis}, no finding against {lot} is grave by itself, but lesser ones of different "
            f"kinds agree: it should be looked into whether packs are {readings}. "
            f"What weighs most is: {reason}{also}."
        )
    regime = "suspect product in the sense of the DSCSA"
    if wording.COPIED in natures(grave) or wording.FRAUDULENT in natures(grave):
        regime += " and a potential suspect falsification in EU terms"
    return (
        f"{basis}, {lot} {verb} {regime}: there is reason to believe that some of the packs are "
        f"{readings}. The gravest finding is: {reason}{also}."
    )


def _is_grave(evidence: LotEvidence) -> bool:
    """Tell whether a finding stands that alone is grave: only then is a lot called suspect."""
    return any(finding.severity in ("S1", "S2") for finding in evidence.standing.rows)


def _certainty(evidence: LotEvidence) -> str:
    standing = evidence.standing.rows
    if not standing:
        found = evidence.risk.explained
        if evidence.risk.suppressed:
            return "This rests on a person's word, not on a test." + _coverage_words(evidence)
        return (
            f"Every one of the {counted(found, 'finding', 'findings')} was explained by a test."
            if found
            else "No pattern spoke."
        ) + _coverage_words(evidence)
    families = list(dict.fromkeys(f.family for f in standing))
    kinds = joined(wording.FAMILIES.get(f, f) for f in families)
    worst = min(f.severity for f in standing)
    is_conflict = any(f.history == "conflicting" for f in standing)
    if not is_conflict:
        text = (
            "Limited: what stands is the absence of records, and absent records have many honest "
            "causes."
        )
    elif len(families) > 1 and worst in ("S1", "S2"):
        text = f"Strong: {len(families)} independent kinds of evidence agree ({kinds})."
    elif worst == "S1":
        text = f"Moderate: the evidence is grave but of one kind ({kinds})."
    elif len(families) > 1 and evidence.risk.tier == "watch":
        text = f"Limited: {len(families)} kinds of evidence ({kinds}), about different partners."
    elif len(families) > 1:
        text = f"Limited: {len(families)} kinds of evidence agree ({kinds}), each of lesser weight."
    else:
        text = f"Limited: the evidence is of one kind ({kinds})."
    return text + _coverage_words(evidence)


def _coverage_words(evidence: LotEvidence) -> str:
    facts = evidence.facts
    if facts.is_covered:
        return " The maker's data on the lot is complete."
    if facts.coverage is None:
        return " How much of the lot the data covers is not known."
    return f" The data holds {share(facts.coverage)} of the lot as made."


def _change(evidence: LotEvidence) -> str:
    standing = evidence.standing.rows
    if not standing:
        return "New or corrected records may change this; each run judges the lot again."
    patterns = list(dict.fromkeys(f.pattern for f in standing))[:3]
    clears = [wording.PATTERNS[p].clears for p in patterns if p in wording.PATTERNS]
    text = f"It would change with {joined_long(clears)}." if clears else ""
    untested = list(
        dict.fromkeys(
            phrases.benign(test.code)
            for finding in standing
            for test in finding.tests
            if test.result == "not_testable"
        )
    )
    if untested:
        text += f" Not tested for want of data: {joined_long(untested[:4])}."
    return text.strip()


def _actions_of_suspect(evidence: LotEvidence) -> tuple[Action, ...]:
    # Packs that were only ever verified may not exist: they are listed, and not counted on.
    units = sum(row.units for row in evidence.reach if row.fate in (*IN_REACH, "unplaced"))
    sites = {
        row.site_id
        for row in evidence.exposure.rows
        if row.relation not in ("same_site", "unplaced") and (row.held_units or row.coming_units)
    }
    where = (
        f"the {packs(units)} last known at {counted(len(sites), 'site', 'sites')} (section 6)"
        if units
        else "every pack of the lot that can be found"
    )
    is_hold = evidence.risk.tier == "hold"
    first = (
        Action("Now", f"Quarantine {where}; do not supply, sell, return or destroy any of it.")
        if is_hold
        else Action("Today", f"Set aside {where} until the findings below are looked into.")
    )
    return (
        first,
        Action(
            "Now" if is_hold else "Today",
            "Look for other packs of this lot and product code in your own stock, and tell those "
            "who may hold them.",
        ),
        Action(
            "Today",
            "Ask the maker to verify the product identifiers of the packs named below, and its "
            "first sale of the lot.",
        ),
        Action(
            "At decision",
            "If the investigation confirms the suspicion: in the US tell FDA and immediate trading "
            "partners within 24 hours of that determination; in the EU tell the competent "
            "authority and the marketing authorisation holder at once. That decision is yours, "
            "signed; this report does not make it.",
        ),
        Action("After", "Keep this report and your reasons for at least six years."),
    )


def _actions_of_others(evidence: LotEvidence) -> tuple[Action, ...]:
    if not evidence.standing.rows and evidence.risk.suppressed:
        return (Action("In turn", "Look again before the day on which the setting aside ends."),)
    if not evidence.standing.rows and evidence.risk.tier == "clear":
        return (Action("Now", "Nothing to do on this evidence; keep the report with the lot."),)
    if not evidence.standing.rows:
        return (Action("In turn", "Look at what sets the lot apart, in section 8."),)
    is_urgent = evidence.risk.tier in ("hold", "investigate")
    return (
        Action(
            "Today" if is_urgent else "In turn",
            "Read the findings below with the partners concerned.",
        ),
        Action("Then", "Record the outcome, so that later runs know it."),
    )


def headline(evidence: LotEvidence) -> str:
    """Return one line for the top of the page and for lists."""
    standing = evidence.standing.rows
    return as_title(phrases.pattern_title(standing[0].pattern)) if standing else "No finding stands"
