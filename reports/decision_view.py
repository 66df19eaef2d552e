"""What people decided on a lot, worded."""

from reports import wording
from reports.claims import Decision, LotEvidence
from reports.parts import Table
from reports.phrases import counted, joined, moment

_OUTCOMES = ("illegitimate", "suspect", "cleared")


def decided_words(decision: Decision | None) -> str:
    """Who decided what and why; nothing where nobody did."""
    if decision is None:
        return ""
    day = f"{decision.decided_at:%Y-%m-%d}"
    return f"{decision.outcome} by {decision.decided_by} on {day}, because: {decision.reason}"


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
            f"{moment(one.decided_at)}",
            one.outcome
            if one.is_latest
            else wording.DECISION_STATES[one.state].format(outcome=one.outcome),
            _signers(one),
            _reasons(one),
            one.run_id or "not recorded",
            (one.report_sha256 or "no page")[:16],
        )
        for one in evidence.decisions
    )
    heads = ("No.", "Decided (UTC)", "Outcome", "By", "Because", "On run", "Page, SHA-256 begins")
    return Table(heads, rows, "ndtttxx")


def _signers(one: Decision) -> str:
    if one.second_by is None or one.second_at is None:
        return one.decided_by
    second = wording.DECISION_SECOND.format(
        by=one.second_by, meaning=one.second_meaning, day=f"{one.second_at:%Y-%m-%d}"
    )
    return f"{one.decided_by}; {second}"


def _reasons(one: Decision) -> str:
    parts = [one.reason, one.second_reason or ""]
    if one.withdrawn_by is not None and one.withdrawn_at is not None:
        parts.append(
            wording.DECISION_WITHDRAWN.format(
                by=one.withdrawn_by,
                day=f"{one.withdrawn_at:%Y-%m-%d}",
                reason=one.withdrawn_reason,
            )
        )
    return "; ".join(part for part in parts if part)


def waiting_words(lots: int) -> str:
    """On how many lots a decision waits for a second person, for the index."""
    if not lots:
        return ""
    return wording.DECISIONS_PROPOSED["one" if lots == 1 else "many"].format(count=f"{lots:,}")


def tally_words(decided: dict[str, int]) -> str:
    """How many lots people decided on, by outcome, for the index."""
    if not decided:
        return ""
    total = sum(decided.values())
    parts = joined(f"{decided[name]:,} {name}" for name in _OUTCOMES if decided.get(name))
    verb = "is" if total == 1 else "are"
    return f"{counted(total, 'lot', 'lots')} {verb} decided by people: {parts}."
