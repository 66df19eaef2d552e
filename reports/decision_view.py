"""What people decided on a lot, worded."""

from reports.claims import Decision, LotEvidence
from reports.parts import Table
from reports.phrases import joined, moment, plain_day
from reports.wording import lines, name, say

_OUTCOMES = ("illegitimate", "suspect", "cleared")


def decided_words(decision: Decision | None) -> str:
    """Who decided what and why; nothing where nobody did."""
    if decision is None:
        return ""
    return say(
        "changes.decided",
        outcome=name("codes.outcomes", decision.outcome),
        by=decision.decided_by,
        day=plain_day(decision.decided_at),
        reason=decision.reason,
    )


def latest_words(evidence: LotEvidence) -> str:
    """The decision that counts, in a line for the facts; nothing where there is none."""
    counting = [one for one in evidence.decisions if one.is_latest]
    return decided_words(counting[0]) if counting else ""


def proposed_words(evidence: LotEvidence) -> str:
    """The decision that waits for a second person, in a line for the facts; nothing without one."""
    waiting = [one for one in evidence.decisions if one.state == "proposed"]
    return decided_words(waiting[-1]) if waiting else ""


def decisions_table(evidence: LotEvidence) -> Table:
    """List every decision on the lot in the order of entry, with who signed or withdrew it."""
    rows = tuple(
        (
            str(one.decision_id),
            moment(one.decided_at),
            _outcome(one),
            _signers(one),
            _reasons(one),
            one.run_id or say("language.not_recorded"),
            (one.report_sha256 or say("changes.no_page"))[:16],
        )
        for one in evidence.decisions
    )
    return Table(lines("changes.heads.decisions"), rows, "ndtttxx")


def _outcome(decision: Decision) -> str:
    outcome = name("codes.outcomes", decision.outcome)
    if decision.is_latest:
        return outcome
    return say(f"changes.states.{decision.state}", outcome=outcome)


def _signers(one: Decision) -> str:
    if one.second_by is None or one.second_at is None:
        return one.decided_by
    second = say(
        "changes.second",
        by=one.second_by,
        meaning=one.second_meaning,
        day=plain_day(one.second_at),
    )
    return f"{one.decided_by}; {second}"


def _reasons(one: Decision) -> str:
    parts = [one.reason, one.second_reason or ""]
    if one.withdrawn_by is not None and one.withdrawn_at is not None:
        parts.append(
            say(
                "changes.withdrawn",
                by=one.withdrawn_by,
                day=plain_day(one.withdrawn_at),
                reason=one.withdrawn_reason,
            )
        )
    return "; ".join(part for part in parts if part)


def waiting_words(lots: int) -> str:
    """On how many lots a decision waits for a second person, for the index."""
    return say("changes.lots_proposed", n=lots) if lots else ""


def tally_words(decided: dict[str, int]) -> str:
    """How many lots people decided on, by outcome, for the index."""
    if not decided:
        return ""
    parts = joined(
        say("changes.by_outcome", n=decided[code], outcome=name("codes.outcomes", code))
        for code in _OUTCOMES
        if decided.get(code)
    )
    return say("changes.lots_decided", n=sum(decided.values()), outcomes=parts)
