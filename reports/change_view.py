"""What people set aside, and what is otherwise than in the run before, as the pages say it."""

from reports import phrases
from reports.claims import Decision, Finding, IndexEvidence, LotChange, LotEvidence, Suppression
from reports.parts import Table, rest
from reports.phrases import and_more, as_title, day, joined, number, tier_name
from reports.wording import lines, name, say

SHOWN_IDS = 3


def set_aside_words(suppression: Suppression | None) -> str:
    """Return who set a finding aside, until when and why."""
    if suppression is None:
        return say("changes.unknown_setter")
    return say(
        "changes.set_aside",
        by=suppression.suppressed_by,
        day=day(suppression.until_on),
        reason=suppression.reason,
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
    return Table(lines("changes.heads.suppressions"), rows, "ntttddtnn")


def _scope(one: Suppression) -> list[str]:
    parts = [say("changes.at_site", gln=one.site_gln)] if one.site_gln else []
    parts += [say("changes.of_product", gtin=one.gtin)] if one.gtin else []
    return parts + ([say("changes.of_lot", lot=one.lot)] if one.lot else [])


def suppressions_words(evidence: IndexEvidence) -> str:
    """Return how many findings are set aside."""
    if not evidence.suppressions:
        return say("changes.none_set_aside")
    return say("changes.are_set_aside", n=evidence.suppressed)


def changes_words(evidence: IndexEvidence) -> str:
    """Return what the table of changes compares, or that there is nothing to compare."""
    if evidence.run_before is None:
        return say("changes.first_run")
    if not evidence.changes.rows:
        return say("changes.nothing_changed", run=evidence.run_before)
    return say("changes.compared", run=evidence.run_before)


def changes_table(evidence: IndexEvidence) -> Table:
    """List the lots that are judged otherwise, from what to what, and because of what."""
    rows = tuple(
        (
            change.lot,
            change.gtin,
            _state(change.tier_before, change.standing_before, "not_known"),
            _state(change.tier, change.standing, "gone_from_data"),
            joined(name("codes.changes", code) for code in change.changes),
            joined(name("codes.causes", code) for code in change.causes),
            _named(change),
        )
        for change in evidence.changes.rows
    )
    return Table(
        lines("changes.heads.changes"), rows, "ttttttx", rest=rest(evidence.changes, "changes")
    )


def change_words(evidence: LotEvidence) -> str:
    """Return in short what is otherwise on this lot than in the run before; nothing where all is
    as it was."""
    change = evidence.change
    if change is None:
        return ""
    parts = [
        say(
            "changes.changed",
            before=_state(change.tier_before, change.standing_before, "was_not_known"),
            run=change.run_before,
            now=_state(change.tier, change.standing, "gone"),
            causes=joined(name("codes.causes", code) for code in change.causes),
        )
    ]
    if change.records:
        parts.append(say("changes.records", records=_named(change)))
    if change.is_reopened:
        parts.append(_reopened(change.decision))
    return " ".join(parts)


def _reopened(decision: Decision | None) -> str:
    if decision is None:
        return say("changes.reopened")
    form = "reopened_after_proposal" if decision.state == "proposed" else "reopened_after"
    return say(
        f"changes.{form}",
        by=decision.decided_by,
        outcome=name("codes.outcomes", decision.outcome),
        day=day(decision.decided_at),
    )


def _state(tier: str | None, standing: int, absent: str) -> str:
    if tier is None:
        return say(f"changes.{absent}")
    return say("changes.state", tier=tier_name(tier), n=standing)


def _named(change: LotChange) -> str:
    """The records behind a change by event id, else by number; the first few."""
    if not change.records:
        return ""
    ids = change.event_ids or tuple(say("changes.record", id=str(one)) for one in change.record_ids)
    return and_more(ids[:SHOWN_IDS], change.records - len(ids[:SHOWN_IDS]))
