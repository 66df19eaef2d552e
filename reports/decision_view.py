"""What people decided on a lot, worded."""

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


def decisions_table(evidence: LotEvidence) -> Table:
    """List every decision on the lot in the order of entry."""
    rows = tuple(
        (
            str(one.decision_id),
            f"{moment(one.decided_at)}",
            one.outcome if one.is_latest else f"{one.outcome} (replaced)",
            one.decided_by,
            one.reason,
            one.run_id or "not recorded",
            (one.report_sha256 or "no page")[:16],
        )
        for one in evidence.decisions
    )
    heads = ("No.", "Decided (UTC)", "Outcome", "By", "Because", "On run", "Page, SHA-256 begins")
    return Table(heads, rows, "ndtttxx")


def tally_words(decided: dict[str, int]) -> str:
    """How many lots people decided on, by outcome, for the index."""
    if not decided:
        return ""
    total = sum(decided.values())
    parts = joined(f"{decided[name]:,} {name}" for name in _OUTCOMES if decided.get(name))
    verb = "is" if total == 1 else "are"
    return f"{counted(total, 'lot', 'lots')} {verb} decided by people: {parts}."
