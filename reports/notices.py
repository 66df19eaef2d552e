"""Drafts of what an officer would tell the authorities, filled from the evidence.

They are drafts for a person to complete, decide on and send; nothing here sends or decides. What
the evidence does not hold stays blank and is listed as such.
"""

from dataclasses import dataclass

from reports import phrases, wording
from reports.claims import Finding, LotEvidence
from reports.conclusion import conclude, natures
from reports.parts import line_of, place_of
from reports.phrases import counted, day, joined, joined_long, number, packs, place_line

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


def draft_notices(evidence: LotEvidence) -> tuple[Notice, ...]:
    """Return the drafts for a suspect lot: Form FDA 3911 and the notice of the EU; else none."""
    if evidence.risk.tier not in SUSPECT or not evidence.standing.rows:
        return ()
    return (
        _notice("fda_3911", wording.FORM_3911, _values_3911(evidence), ""),
        _notice("eu", wording.FORM_EU, _values_eu(evidence), _eu_remark(evidence)),
    )


def _notice(
    code: str, form: tuple[tuple[str, str, str, str], ...], values: dict[str, str], remark: str
) -> Notice:
    items = tuple(NoticeItem(no, name, values.get(key, ""), note) for key, no, name, note in form)
    return Notice(
        code=code,
        title=wording.NOTICE_TITLES[code],
        status=wording.PAGE["draft"],
        remark=remark,
        items=items,
        blanks=tuple(f"{item.no} {item.name}".strip() for item in items if not item.value),
    )


def _values_3911(evidence: LotEvidence) -> dict[str, str]:
    facts = evidence.facts
    return {
        **_common(evidence),
        "type": wording.PAGE["initial_notice"],
        "classification": _classification(evidence),
        "ndc": facts.ndc or "",
        "code": f"GTIN {facts.gtin}",
    }


def _values_eu(evidence: LotEvidence) -> dict[str, str]:
    facts = evidence.facts
    code = f"GTIN {facts.gtin}" + (f", NDC {facts.ndc}" if facts.ndc else "")
    return {
        **_common(evidence),
        "holder": place_line(facts.maker) if facts.maker else "",
        "code": code,
        "kind": joined(natures(evidence.standing.rows), "or"),
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
    return wording.CLASSES_3911.get(readings[0], "") if readings else ""


def _quantity(evidence: LotEvidence) -> str:
    named = evidence.risk.units_affected
    parts = [f"{packs(named)} concerned by the findings"] if named else []
    units = sum(row.units for row in evidence.reach)
    if units:
        parts.append(f"{packs(units)} of the lot on record")
    return "; ".join(parts)


def _serials(evidence: LotEvidence) -> str:
    findings = evidence.standing.rows
    named = list(dict.fromkeys(f.serial for f in findings if f.serial))
    named += dict.fromkeys(f"SSCC {f.sscc}" for f in findings if f.sscc)
    text = ", ".join(named[:MOST_SERIALS])
    more = len(named) - MOST_SERIALS
    return f"{text} and {more:,} more" if more > 0 else text


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
            named[f"{place_line(place)}{gln}: {wording.RELATIONS[row.relation]}"] = None
    text = joined_long(list(named)[:MOST_PARTNERS])
    more = len(named) - MOST_PARTNERS
    return f"{text}; {counted(more, 'further party', 'further parties')}" if more > 0 else text


def _description(evidence: LotEvidence) -> str:
    findings = evidence.standing.rows
    parts = [conclude(evidence).statement]
    parts += [
        _finding_words(evidence, index, f) for index, f in enumerate(findings[:MOST_FINDINGS])
    ]
    more = len(findings) - MOST_FINDINGS + evidence.standing.rest_count
    if more > 0:
        parts.append(f"{counted(more, 'further finding', 'further findings')} in the report.")
    return " ".join(parts)


def _finding_words(evidence: LotEvidence, index: int, finding: Finding) -> str:
    seen = phrases.measured(finding.observed)
    cited = [
        f"event {citation.event_id}" if citation.event_id else f"record {citation.record_ids[0]}"
        for citation in finding.citations.rows
    ] or [f"record {record_id}" for record_id in finding.record_ids]
    text = f"F{index + 1} {phrases.pattern_title(finding.pattern)}"
    text += f": {seen}" if seen else ""
    more = len(finding.record_ids) - MOST_EVENTS
    source = ", ".join(cited[:MOST_EVENTS]) + (f" and {more:,} more" if more > 0 else "")
    return f"{text} ({source})."


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
    return f"{number(units)} dispensed on record" if units else "none dispensed on record"


def _eu_remark(evidence: LotEvidence) -> str:
    readings = natures(evidence.standing.rows)
    if wording.COPIED in readings or wording.FRAUDULENT in readings:
        return ""
    return wording.PAGE["not_falsified"]
