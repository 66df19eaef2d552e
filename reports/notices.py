"""Drafts of what an officer would tell the authorities, filled from the evidence.

They are drafts for a person to complete, decide on and send; nothing here sends or decides. What
the evidence does not hold stays blank and is listed as such.
"""

from dataclasses import dataclass

from reports import phrases
from reports.claims import Finding, LotEvidence
from reports.conclusion import conclude, natures, speaks_of_falsification
from reports.parts import line_of, place_of
from reports.phrases import and_more, day, joined, joined_long, number, packs, place_line
from reports.wording import name, say

SUSPECT = ("hold", "investigate")
MOST_SERIALS = 60
MOST_FINDINGS = 12
MOST_PARTNERS = 20
MOST_EVENTS = 3  # of a finding


@dataclass(frozen=True, slots=True)
class NoticeItem:
    """One field of a form; ``value`` is empty where the evidence does not hold it."""

    no: str
    name: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A form as far as the evidence fills it, and the names of the fields left to a person."""

    code: str
    title: str
    status: str
    remark: str
    items: tuple[NoticeItem, ...]
    blanks: tuple[str, ...]


# The fields in the order of the form, which numbers them from 1; then what has no field there.
_FIELDS = {
    "fda_3911": (
        "type incident notified_on determined_on classification product ingredients use kind "
        "strength form quantity ndc serials lot expiry description termination other_reports "
        "company category facility contact submitter signed_on"
    ),
    # What competent authorities and verification organisations in the EU ask for.
    "eu": (
        "authority discovered product holder licence code lot expiry serials alerts quantity "
        "places partners kind description excluded patients examination measures samples company "
        "signed_on"
    ),
}
_BESIDE = {"fda_3911": "discovered places partners code", "eu": ""}


def draft_notices(evidence: LotEvidence) -> tuple[Notice, ...]:
    """Return the drafts for a suspect lot: Form FDA 3911 and the notice of the EU; else none."""
    if evidence.risk.tier not in SUSPECT or not evidence.standing.rows:
        return ()
    return (
        _notice("fda_3911", _values_3911(evidence), ""),
        _notice("eu", _values_eu(evidence), _eu_remark(evidence)),
    )


def _notice(code: str, values: dict[str, str], remark: str) -> Notice:
    numbered = [(str(no), key) for no, key in enumerate(_FIELDS[code].split(), 1)]
    items = tuple(
        NoticeItem(
            no,
            name(f"notices.{code}", key),
            values.get(key, ""),
            name(f"notices.{code}_notes", key, ""),
        )
        for no, key in [*numbered, *(("", key) for key in _BESIDE[code].split())]
    )
    return Notice(
        code=code,
        title=name("notices.titles", code),
        status=say("page.draft"),
        remark=remark,
        items=items,
        blanks=tuple(f"{item.no} {item.name}".strip() for item in items if not item.value),
    )


def _values_3911(evidence: LotEvidence) -> dict[str, str]:
    facts = evidence.facts
    return {
        **_common(evidence),
        "type": say("notices.initial"),
        "classification": _classification(evidence),
        "ndc": facts.ndc or "",
        "code": f"GTIN {facts.gtin}",
    }


def _values_eu(evidence: LotEvidence) -> dict[str, str]:
    facts = evidence.facts
    readings = natures(evidence.standing.rows)
    code = f"GTIN {facts.gtin}" + (f", NDC {facts.ndc}" if facts.ndc else "")
    return {
        **_common(evidence),
        "holder": place_line(facts.maker) if facts.maker else "",
        "code": code,
        "kind": joined((name("tiers.natures", one) for one in readings), "or"),
        "excluded": _excluded(evidence),
        "patients": _patients(evidence),
    }


def _common(evidence: LotEvidence) -> dict[str, str]:
    facts = evidence.facts
    return {
        "product": facts.product or "",
        "discovered": day(evidence.run.as_of) if evidence.run.as_of else "",
        "quantity": _quantity(evidence),
        "serials": _serials(evidence),
        "lot": "" if facts.lot == phrases.UNSTATED else facts.lot,
        "expiry": day(facts.expiry) if facts.expiry else "",
        "places": _places(evidence),
        "partners": _partners(evidence),
        "description": _description(evidence),
    }


def _classification(evidence: LotEvidence) -> str:
    """The class of the gravest finding: the form takes one; the others stand in item 17."""
    readings = natures(evidence.standing.rows)
    return name("notices.classes", readings[0]) if readings else ""


def _quantity(evidence: LotEvidence) -> str:
    named = evidence.risk.units_affected
    parts = [say("notices.concerned", packs=packs(named))] if named else []
    units = sum(row.units for row in evidence.reach)
    if units:
        parts.append(say("notices.on_record", packs=packs(units)))
    return "; ".join(parts)


def _serials(evidence: LotEvidence) -> str:
    findings = evidence.standing.rows
    named = list(dict.fromkeys(f.serial for f in findings if f.serial))
    named += dict.fromkeys(f"SSCC {f.sscc}" for f in findings if f.sscc)
    return and_more(named[:MOST_SERIALS], len(named) - MOST_SERIALS)


def _places(evidence: LotEvidence) -> str:
    sites = [s for f in evidence.standing.rows for s in (f.site_id, f.other_site_id)]
    named = list(dict.fromkeys(line_of(evidence, s) for s in sites if s is not None))
    return joined_long(named[:MOST_PARTNERS])


def _partners(evidence: LotEvidence) -> str:
    """Who had the packs before the places that findings name, and who got them after."""
    named: dict[str, None] = {}
    for row in evidence.exposure.rows:
        place = place_of(evidence, row.site_id)
        if place is not None and row.relation in ("source", "recipient"):
            gln = f" (GLN {place.gln})" if place.name and place.gln else ""
            relation = name("codes.relations", row.relation)
            named[say("notices.party", place=place_line(place) + gln, relation=relation)] = None
    text = joined_long(list(named)[:MOST_PARTNERS])
    more = len(named) - MOST_PARTNERS
    return say("notices.more_parties", listed=text, n=more) if more > 0 else text


def _description(evidence: LotEvidence) -> str:
    findings = evidence.standing.rows
    parts = [conclude(evidence).statement]
    parts += [
        _finding_words(evidence, index, f) for index, f in enumerate(findings[:MOST_FINDINGS])
    ]
    more = len(findings) - MOST_FINDINGS + evidence.standing.rest_count
    if more > 0:
        parts.append(say("notices.more_findings", n=more))
    return " ".join(parts)


def _finding_words(evidence: LotEvidence, index: int, finding: Finding) -> str:
    seen = phrases.measured(finding.observed)
    cited = [
        say("notices.event", id=citation.event_id)
        if citation.event_id
        else say("notices.record", id=str(citation.record_ids[0]))
        for citation in finding.citations.rows
    ] or [say("notices.record", id=str(record_id)) for record_id in finding.record_ids]
    values = {
        "label": f"F{index + 1}",
        "title": phrases.pattern_title(finding.pattern),
        "sources": and_more(cited[:MOST_EVENTS], len(finding.record_ids) - MOST_EVENTS),
    }
    if not seen:
        return say("notices.finding_unmeasured", **values)
    return say("notices.finding", seen=seen, **values)


def _excluded(evidence: LotEvidence) -> str:
    out = [
        phrases.benign(test.code)
        for finding in evidence.standing.rows
        for test in finding.tests
        if test.result == "ruled_out"
    ]
    return joined_long(dict.fromkeys(out))


def _patients(evidence: LotEvidence) -> str:
    """How many packs are recorded as dispensed; nothing where the data cannot say."""
    if not evidence.reach:
        return ""
    units = sum(row.units for row in evidence.reach if row.fate == "dispensed")
    return (
        say("notices.dispensed", figure=number(units)) if units else say("notices.none_dispensed")
    )


def _eu_remark(evidence: LotEvidence) -> str:
    if speaks_of_falsification(evidence.standing.rows):
        return ""
    return say("notices.not_falsified")
