"""What a run did, as acts for the trail: pure functions from what was to what is."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from data.record.entries import Act
from data.record.known import CaseAct, Decision, KnownFile
from data.warehouse.archive import ArchivedFile, Restored
from data.warehouse.suppressions import SuppressionEntry

NO_REASON = "no reason was given"
_LATE = "landed by a run that was interrupted before it could be recorded"


def ingested(
    files: Iterable[KnownFile], recorded: Collection[tuple[str, str | None]], this_run: Any
) -> Iterator[Act]:
    """An act for each landed file that the trail does not know; ``this_run`` is its clock."""
    for file in files:
        name = f"file:{file.file_id}"
        if (name, file.sha256) not in recorded:
            yield Act(
                "ingest",
                name,
                version=file.sha256,
                new={
                    "kind": file.kind,
                    "bytes": file.byte_count,
                    "read": file.read_count,
                    "set_aside": file.set_aside_count,
                    "layouts": list(file.layouts),
                },
                reason=None if file.ingested_at == this_run else _LATE,
            )


def configured(
    before: Mapping[str, Any] | None, now: Mapping[str, Any], reason: str, run: str
) -> Iterator[Act]:
    """An act for each threshold, rule or part of the software that differs from the run before.

    ``before`` and ``now`` are manifests, or what there is of one; the first run changes nothing.
    ``reason`` is for those thresholds whose own table in the settings gives none.
    """
    if before is None:
        return
    tuning = now.get("tuning", {})
    for key, (old, new) in _differing(before["settings"], now["settings"]):
        said = tuning.get(key.partition(".")[0], {})
        person = said.get("by")
        told = {"value": new, "decided_by": person} if person else new
        yield Act("configure", f"threshold:{key}", None, old, told, said.get("reason", reason), run)
    ours = f"the software was changed: {now['code']['version']}"
    for key, value in _differing(before["sql"], now["sql"]):
        yield Act("configure", f"rule:{key}", None, *value, ours, run)
    for key, value in _differing(before["code"], now["code"]):
        yield Act("configure", f"code:{key}", None, *value, ours, run)
    for key, value in _differing(before["packages"], now["packages"]):
        yield Act("configure", f"package:{key}", None, *value, ours, run)


def scored(before: Mapping[str, str], now: Mapping[str, str], run: str) -> Iterator[Act]:
    """An act for each lot (``GTIN/LOT``) whose tier changed; a lot met first was clear."""
    for lot, (old, new) in _differing(before, now):
        if (old or "clear") != (new or "clear"):
            yield Act("score", f"lot:{lot}", old=old, new=new, run=run)


def corrected(before: Mapping[str, Any] | None, void: int, run: str) -> Iterator[Act]:
    """An act where the number of records withdrawn by error declarations changed."""
    old = before["counts"]["void"] if before else 0
    if old != void:
        reason = "error declarations in the landed documents; both versions stay in the warehouse"
        yield Act(
            "correct", "records", old={"void": old}, new={"void": void}, reason=reason, run=run
        )


def decided(
    before: Decision | None,
    decision: Decision,
    run: str | None = None,
    report_sha256: str | None = None,
    proposal: CaseAct | None = None,
) -> Act:
    """The act of a person's decision on a lot, taken on a run's page; the actor entered it.

    A ``proposal`` says that it waits for a second person, and because of which S1 findings.
    """
    waits = {} if proposal is None else {"proposed": proposal.act_no, "s1": proposal.reason}
    return Act(
        "decide",
        f"lot:{decision.gtin}/{decision.lot}",
        version=f"decision:{decision.decision_id}",
        old=before.outcome if before else None,
        new={
            "outcome": decision.outcome,
            "decided_by": decision.decided_by,
            "decided_at": decision.decided_at.isoformat(),
            "report": report_sha256,
            **waits,
        },
        reason=decision.reason,
        run=run,
    )


def signed(decision: Decision, act: CaseAct) -> Act:
    """The act of the second person who signs a decision; the actor entered it."""
    return Act(
        "sign",
        f"lot:{decision.gtin}/{decision.lot}",
        version=f"act:{act.act_no}",
        old="proposed",
        new=_acted(act) | {"outcome": decision.outcome, "meaning": act.meaning},
        reason=act.reason,
    )


def withdrawn(state: str, decision: Decision | None, act: CaseAct) -> Act:
    """The act of the person who withdraws a decision, or a case that no decision made."""
    lot = f"lot:{decision.gtin}/{decision.lot}" if decision else f"case:{act.case_id}"
    return Act(
        "withdraw",
        lot,
        version=f"act:{act.act_no}",
        old=state,
        new=_acted(act),
        reason=act.reason,
    )


def _acted(act: CaseAct) -> dict[str, Any]:
    """What the record says of an act, beside its reason."""
    return {
        "case": act.case_id,
        "decision": act.decision_id,
        "acted_by": act.acted_by,
        "acted_at": act.acted_at.isoformat(),
    }


def suppressed(begin: SuppressionEntry) -> Act:
    """The act of a person who sets findings aside; the person is the trail's actor."""
    scope = {
        "pattern": begin.pattern,
        "site": begin.site_gln,
        "gtin": begin.gtin,
        "lot": begin.lot,
        "until": str(begin.until_on),
        "suppressed_by": begin.acted_by,
        "from": begin.acted_at.isoformat(),
    }
    return Act(
        "suppress",
        f"suppression:{begin.suppression_id}",
        new={name: value for name, value in scope.items() if value is not None},
        reason=begin.reason,
    )


def unsuppressed(end: SuppressionEntry) -> Act:
    """The act of a person who ends a suppression early."""
    return Act(
        "unsuppress",
        f"suppression:{end.suppression_id}",
        new={"ended_by": end.acted_by, "from": end.acted_at.isoformat()},
        reason=end.reason,
    )


def reopened(changes: Iterable[Mapping[str, Any]], run: str) -> Iterator[Act]:
    """An act for each lot that is open again (rows of ``lot_change``), with old and new values."""
    parts = ("tier", "top_pattern", "findings_standing")
    for row in changes:
        decision = row["decision_id"]
        yield Act(
            "reopen",
            f"lot:{row['gtin']}/{row['lot']}",
            None if decision is None else f"decision:{decision}",
            {part: row[f"{part}_before"] for part in parts},
            {part: row[part] for part in parts} | {"records": list(row["record_ids"])},
            f"since the run before: {', '.join(row['causes'])}",
            run,
        )


def archived(files: Iterable[ArchivedFile], recorded: Collection[str]) -> Iterator[Act]:
    """An act for each file of the archive that the trail does not know."""
    for file in files:
        if (name := f"archive:{file.name}") not in recorded:
            new = {"lots": file.lot_count, "rows": file.row_count, "bytes": file.byte_count}
            yield Act("archive", name, version=file.sha256, new=new)


def restored(lots: Iterable[Restored]) -> Iterator[Act]:
    """An act for each lot that was archived and is live again."""
    for lot in lots:
        yield Act("restore", f"lot:{lot.gtin}/{lot.lot}", reason=lot.reason)


def _differing(
    before: Mapping[str, Any], now: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for key in sorted({*before, *now}):
        if before.get(key) != now.get(key):
            yield key, (before.get(key), now.get(key))
