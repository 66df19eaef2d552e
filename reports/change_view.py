"""What people set aside, and what is otherwise than in the run before, as the pages say it."""

from reports import phrases, wording
from reports.claims import Decision, Finding, IndexEvidence, LotChange, LotEvidence, Suppression
from reports.parts import Table, rest
from reports.phrases import as_title, counted, day, joined, number

SHOWN_IDS = 3


def set_aside_words(suppression: Suppression | None) -> str:
    """Return who set a finding aside, until when and why."""
    if suppression is None:
        return "set aside; by whom is not recorded"
    return (
        f"set aside by {suppression.suppressed_by} until {day(suppression.until_on)} because "
        f"{suppression.reason}"
    )


def set_aside_of(evidence: LotEvidence, finding: Finding) -> str:
    """Return the same of one finding of a lot."""
    found = next(
        (s for s in evidence.suppressions if s.suppression_id == finding.suppression_id), None
    )
    return as_title(set_aside_words(found))


def suppressions_table(evidence: IndexEvidence) -> Table:
    """List what is set aside now."""
    rows = tuple(
        (
            number(one.suppression_id),
            phrases.signal(one.pattern),
            joined(_scope(one)),
            one.suppressed_by,
            day(one.suppressed_at),
            day(one.until_on),
            one.reason,
            number(one.findings),
            number(one.lots),
        )
        for one in evidence.suppressions
    )
    heads = ("No.", "Pattern", "Only", "By", "Since", "Until", "Because", "Findings", "Lots")
    return Table(heads, rows, "ntttddtnn")


def _scope(one: Suppression) -> list[str]:
    parts = [f"at {one.site_gln}"] if one.site_gln else []
    parts += [f"product {one.gtin}"] if one.gtin else []
    return parts + ([f"lot {one.lot}"] if one.lot else [])


def suppressions_words(evidence: IndexEvidence) -> str:
    """Return how many findings are set aside."""
    if not evidence.suppressions:
        return "Nobody has set findings aside."
    verb = "is" if evidence.suppressed == 1 else "are"
    return (
        f"{counted(evidence.suppressed, 'finding', 'findings')} {verb} set aside by people until a "
        "date. They stay in the reports of their lots and raise no tier."
    )


def changes_words(evidence: IndexEvidence) -> str:
    """Return what the table of changes compares, or that there is nothing to compare."""
    if evidence.run_before is None:
        return "This is the first run: there is nothing to compare with."
    if not evidence.changes.rows:
        return f"No lot is judged otherwise than in run {evidence.run_before}."
    return f"Compared with run {evidence.run_before}."


def changes_table(evidence: IndexEvidence) -> Table:
    """List the lots that are judged otherwise, from what to what, and because of what."""
    rows = tuple(
        (
            change.lot,
            change.gtin,
            _state(change.tier_before, change.standing_before, "not known"),
            _state(change.tier, change.standing, "no longer in the data"),
            joined(wording.CHANGES.get(code, code) for code in change.changes),
            joined(wording.CAUSES.get(code, code) for code in change.causes),
            _named(change),
        )
        for change in evidence.changes.rows
    )
    return Table(
        ("Lot", "GTIN", "Before", "Now", "What", "Because of", "Records"),
        rows,
        "ttttttx",
        rest=rest(evidence.changes, "further lots changed"),
    )


def change_words(evidence: LotEvidence) -> str:
    """Return in short what is otherwise on this lot than in the run before; nothing where all is
    as it was."""
    change = evidence.change
    if change is None:
        return ""
    text = (
        f"{_state(change.tier_before, change.standing_before, 'Not known')} in run "
        f"{change.run_before}, now {_state(change.tier, change.standing, 'gone')}. Because of: "
        f"{joined(wording.CAUSES.get(code, code) for code in change.causes)}."
    )
    if change.records:
        text += f" Records: {_named(change)}."
    return text + (f" {_reopened(change)}" if change.is_reopened else "")


def _reopened(change: LotChange) -> str:
    decision: Decision | None = change.decision
    if decision is None:
        return "The lot is open again."
    verb = "proposed" if decision.state == "proposed" else "decided"
    return (
        f"The lot is open again: {decision.decided_by} {verb} “{decision.outcome}” on "
        f"{day(decision.decided_at)}, before this change."
    )


def _state(tier: str | None, standing: int, absent: str) -> str:
    if tier is None:
        return absent
    name = wording.TIERS.get(tier, as_title(tier))
    return f"{name} with {counted(standing, 'finding', 'findings')} standing"


def _named(change: LotChange) -> str:
    """The records behind a change by event id, else by number; the first few."""
    if not change.records:
        return ""
    ids = change.event_ids or tuple(f"record {record_id}" for record_id in change.record_ids)
    more = change.records - len(ids[:SHOWN_IDS])
    return ", ".join(ids[:SHOWN_IDS]) + (f" and {more:,} more" if more > 0 else "")
