"""The first paragraph of a lot report: what is suspected, how sure, what would change it, what now.

Words follow the regulators: a lot is suspect, or a potential suspect falsification. Whether a
suspicion is confirmed is decided by people, and no sentence here anticipates it.
"""

from dataclasses import dataclass

from reports import phrases
from reports.claims import Finding, IndexEvidence, LotEvidence, Risk
from reports.exposure_view import IN_REACH
from reports.natures import COPIED, FRAUDULENT, NATURES
from reports.phrases import as_title, day, joined, joined_long, packs, share
from reports.wording import name, say


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
        tally=tally(evidence.risk),
        actions=_actions_of_suspect(evidence) if is_suspect else _actions_of_others(evidence),
    )


def natures(findings: tuple[Finding, ...]) -> list[str]:
    """Return the regulatory readings of the findings as codes, the gravest finding's first."""
    return list(dict.fromkeys(NATURES[f.pattern] for f in findings if f.pattern in NATURES))


def speaks_of_falsification(findings: tuple[Finding, ...]) -> bool:
    """Tell whether a reading of the findings is a falsification in the sense of the EU."""
    return any(nature in (COPIED, FRAUDULENT) for nature in natures(findings))


def tally(counts: Risk | IndexEvidence) -> str:
    """Return how many findings there are, and what became of them."""
    total = counts.standing + counts.explained + counts.suppressed
    parts = [
        say("conclusion.tally.found", n=total),
        say("conclusion.tally.explained", n=counts.explained),
        say("conclusion.tally.aside", n=counts.suppressed) if counts.suppressed else "",
        say("conclusion.tally.stand", n=counts.standing),
    ]
    text = ", ".join(part for part in parts if part)
    if counts.gaps:
        text = say("conclusion.tally.questions", tally=text, n=counts.gaps)
    return text


def _statement(evidence: LotEvidence) -> str:
    standing, facts, as_of = evidence.standing.rows, evidence.facts, evidence.run.as_of
    basis = (
        say("conclusion.statement.basis_of", day=day(as_of))
        if as_of
        else say("conclusion.statement.basis")
    )
    lot = phrases.lot_name(facts)
    if not standing:
        parts = [say("conclusion.statement.nothing", basis=basis, lot=lot)]
        if evidence.risk.suppressed:
            parts.append(say("conclusion.statement.aside", n=evidence.risk.suppressed))
        if evidence.risk.tier != "clear":
            parts.append(say("conclusion.statement.unlike"))
        return " ".join(parts)
    grave = tuple(f for f in standing if f.severity in ("S1", "S2")) or standing
    reason = _reason(grave[0], len({f.pattern for f in standing}) - 1)
    if evidence.risk.tier not in ("hold", "investigate"):
        return say("conclusion.statement.lesser", basis=basis, lot=lot, reason=reason)
    readings = joined((name("tiers.natures", one) for one in natures(grave)), "or")
    readings = readings or say("conclusion.statement.not_as_they_seem")
    if not _is_grave(evidence):
        return say(
            "conclusion.statement.agreeing", basis=basis, lot=lot, readings=readings, reason=reason
        )
    regime = "suspect_falsification" if speaks_of_falsification(grave) else "suspect_product"
    return say(
        f"conclusion.statement.{'suspect_packs' if facts.lot == phrases.UNSTATED else 'suspect'}",
        basis=basis,
        lot=lot,
        regime=say(f"conclusion.statement.{regime}"),
        readings=readings,
        reason=reason,
    )


def _reason(finding: Finding, more: int) -> str:
    title = phrases.pattern_within(finding.pattern)
    seen = phrases.measured(finding.observed[:3])
    others = say("conclusion.statement.more_kinds", n=more) if more else ""
    if not seen:
        return say("conclusion.statement.reason", title=title, more=others)
    return say("conclusion.statement.reason_seen", title=title, seen=seen, more=others)


def _is_grave(evidence: LotEvidence) -> bool:
    """Tell whether a finding stands that alone is grave: only then is a lot called suspect."""
    return any(finding.severity in ("S1", "S2") for finding in evidence.standing.rows)


def _certainty(evidence: LotEvidence) -> str:
    return f"{_sureness(evidence)} {_coverage_words(evidence)}"


def _sureness(evidence: LotEvidence) -> str:
    standing = evidence.standing.rows
    if not standing:
        if evidence.risk.suppressed:
            return say("conclusion.certainty.on_a_word")
        if evidence.risk.explained:
            return say("conclusion.certainty.all_explained", n=evidence.risk.explained)
        return say("conclusion.certainty.none_spoke")
    families = list(dict.fromkeys(f.family for f in standing))
    worst = min(f.severity for f in standing)
    if not any(f.history == "conflicting" for f in standing):
        return say("conclusion.certainty.absence")
    if len(families) > 1 and worst in ("S1", "S2"):
        degree = "strong"
    elif worst == "S1":
        degree = "moderate"
    elif len(families) > 1:
        degree = "apart" if evidence.risk.tier == "watch" else "lesser"
    else:
        degree = "one_kind"
    kinds = joined(name("tiers.families", family) for family in families)
    return say(f"conclusion.certainty.{degree}", n=len(families), kinds=kinds)


def _coverage_words(evidence: LotEvidence) -> str:
    facts = evidence.facts
    if facts.is_covered:
        return say("conclusion.certainty.complete")
    if facts.coverage is None:
        return say("conclusion.certainty.unknown")
    return say("conclusion.certainty.covered", share=share(facts.coverage))


def _change(evidence: LotEvidence) -> str:
    standing = evidence.standing.rows
    if not standing:
        return say("conclusion.change.nothing")
    patterns = list(dict.fromkeys(f.pattern for f in standing))[:3]
    clears = [words for words in map(phrases.clears, patterns) if words]
    parts = [say("conclusion.change.clears", clears=joined_long(clears))] if clears else []
    untested = list(
        dict.fromkeys(
            phrases.benign(test.code)
            for finding in standing
            for test in finding.tests
            if test.result == "not_testable"
        )
    )
    if untested:
        parts.append(say("conclusion.change.untested", tests=joined_long(untested[:4])))
    return " ".join(parts)


def _action(when: str, what: str, **values: object) -> Action:
    return Action(say(f"conclusion.when.{when}"), say(f"conclusion.actions.{what}", **values))


def _actions_of_suspect(evidence: LotEvidence) -> tuple[Action, ...]:
    # Packs that were only ever verified may not exist: they are listed, and not counted on.
    units = sum(row.units for row in evidence.reach if row.fate in (*IN_REACH, "unplaced"))
    sites = {
        row.site_id
        for row in evidence.exposure.rows
        if row.relation not in ("same_site", "unplaced") and (row.held_units or row.coming_units)
    }
    what = (
        say("conclusion.actions.known_places", packs=packs(units), n=len(sites))
        if units
        else say("conclusion.actions.every_pack")
    )
    is_hold = evidence.risk.tier == "hold"
    return (
        _action("now", "quarantine", packs=what)
        if is_hold
        else _action("today", "set_aside", packs=what),
        _action("now" if is_hold else "today", "own_stock"),
        _action("today", "ask_maker"),
        _action("at_decision", "notify"),
        _action("after", "keep"),
    )


def _actions_of_others(evidence: LotEvidence) -> tuple[Action, ...]:
    tier = evidence.risk.tier
    if evidence.standing.rows:
        is_urgent = tier in ("hold", "investigate")
        return _action("today" if is_urgent else "in_turn", "read"), _action("then", "record")
    if evidence.risk.suppressed:
        return (_action("in_turn", "look_again"),)
    if tier == "clear":
        return (_action("now", "nothing"),)
    return (_action("in_turn", "unlike"),)


def headline(evidence: LotEvidence) -> str:
    """Return one line for the top of the page and for lists."""
    standing = evidence.standing.rows
    if not standing:
        return say("conclusion.none_stands")
    return as_title(phrases.pattern_title(standing[0].pattern))
