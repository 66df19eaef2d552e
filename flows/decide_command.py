"""``touchstone decide``: what a person decided on a lot, recorded, and made a case."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from data.cases import memory
from data.cases.library import Case
from data.cases.memory import OUTCOMES, Basis
from data.errors import InputError, NotFoundError, WarehouseError
from data.record import acts
from data.record.known import PROPOSED, SECOND, CaseAct, Decision, known_acts, known_decisions
from data.record.manifest import run_files, runs_folder
from data.warehouse.connection import open_read_only, open_warehouse
from data.warehouse.snapshot import newest_snapshot
from flows.record import Recording, recorded

if TYPE_CHECKING:
    import duckdb

    from data.record.trail import Trail

_MOST_REASON, _MOST_NAME = 2000, 200


@dataclass(frozen=True)
class Judgement:
    """What a person says of a lot; ``at`` is UTC without an offset."""

    gtin: str
    lot: str
    outcome: str
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Recorded:
    """What came of it."""

    decision: Decision
    before: Decision | None
    case: Case
    basis: Basis
    proposal: CaseAct | None = None  # where a second person has to sign


def decide(judgement: Judgement, warehouse: Path, recording: Recording) -> Recorded:
    """Add a decision to the warehouse and to the trail; nothing that stands there is changed.

    A lot on which an S1 finding stands is cleared or found illegitimate by two persons: the
    decision is proposed until the second one signs (``flows.sign_command``).

    Raises
    ------
    InputError
        No reason or name, an unknown outcome, or a time yet to come.
    NotFoundError
        No run has judged such a lot.
    WarehouseError
        A batch holds the warehouse.
    """
    if judgement.outcome not in OUTCOMES:
        raise InputError(f"--outcome {judgement.outcome}: unknown; choose {', '.join(OUTCOMES)}.")
    check_said(judgement.reason, judgement.by, judgement.at, recording)
    if not warehouse.is_file():  # else a slip of the pen would begin a trail beside it
        raise WarehouseError(
            f"{warehouse}: there is no warehouse here yet. Make one: touchstone run."
        )
    with recorded(warehouse, recording) as trail:
        basis = _basis(warehouse, judgement, trail)
        with open_warehouse(warehouse) as con:
            known = known_decisions(con)
            decision = Decision(
                _next_number(known, trail),
                judgement.gtin,
                judgement.lot,
                judgement.outcome,
                judgement.reason.strip(),
                judgement.by.strip(),
                judgement.at,
            )
            before = counting(known, known_acts(con), judgement.gtin, judgement.lot)
            proposal = None
            if memory.needs_second(decision.outcome, basis):
                proposal = _proposal(next_act(con, trail), decision, basis)
            con.begin()
            case = memory.add_decision(con, decision, basis, proposal)
            # The record first: a decision that readers see is always in it.
            act = acts.decided(before, decision, basis.run_id, basis.report_sha256, proposal)
            trail.append([act])
            con.commit()
    return Recorded(decision, before, case, basis, proposal)


def counting(known: list[Decision], done: list[CaseAct], gtin: str, lot: str) -> Decision | None:
    """The decision on a lot that counts now: the one signed last."""
    signed_at = {one.decision_id: one.acted_at for one in done if one.act == SECOND}
    of_lot = [
        one
        for one in known
        if (one.gtin, one.lot) == (gtin, lot) and memory.state_of(one.decision_id, done) == "signed"
    ]
    return max(
        of_lot,
        key=lambda one: (
            max(one.decided_at, signed_at.get(one.decision_id, one.decided_at)),
            one.decision_id,
        ),
        default=None,
    )


def next_act(con: "duckdb.DuckDBPyConnection", trail: "Trail") -> int:
    """A number for an act that neither the warehouse nor the trail has given."""
    said = [
        int(entry.version.removeprefix("act:"))
        for entry in trail.read()
        if entry.action in ("sign", "withdraw") and entry.version
    ]
    said += [
        entry.new["proposed"]
        for entry in trail.read()
        if entry.action == "decide" and "proposed" in entry.new
    ]
    return 1 + max([*said, memory.last_act(con)], default=0)


def _proposal(number: int, decision: Decision, basis: Basis) -> CaseAct:
    return CaseAct(
        number,
        memory.case_name(decision.decision_id),
        decision.decision_id,
        PROPOSED,
        None,
        " ".join(basis.gravest),
        decision.decided_by,
        decision.decided_at,
    )


def lines(done: Recorded) -> Iterator[str]:
    """What was done and where it is seen, for the terminal."""
    decision, basis = done.decision, done.basis
    product = f" of {basis.product}" if basis.product else ""
    verb = "is proposed to be" if done.proposal else "is"
    yield (
        f"Decision {decision.decision_id}: lot {decision.lot}{product} {verb} {decision.outcome}, "
        f"by {decision.decided_by}, {decision.decided_at:%Y-%m-%d %H:%M} UTC."
    )
    page = f", page {basis.report_sha256[:16]}" if basis.report_sha256 else ", which wrote no page"
    yield f"It rests on run {basis.run_id}{page}."
    if done.before:
        yield (
            f"Before it: {done.before.outcome}, decision {done.before.decision_id}; that one stays "
            "in the record."
        )
    if done.proposal:
        yield (
            f"An S1 finding stands on the lot ({done.proposal.reason}): until a second person "
            "signs, it does not count, and no run learns from it. That person signs with: "
            f"touchstone decide {decision.gtin} {decision.lot} --second --by NAME --reason WHY"
        )
        return
    codes = " ".join(signal.code for signal in done.case.signals)
    yield (
        f"It is case {done.case.case_id} now, with {codes}; runs that look back from then or later "
        "cite it and learn from it."
        if codes
        else "Nothing was found on the lot, so no other lot can be like it; it counts as a "
        "reference of lots that were looked at."
        if decision.outcome == memory.CLEARED
        else f"It is case {done.case.case_id} now; no signal was found on it, so none cites it."
    )
    yield (
        f"See it: touchstone case show {done.case.case_id}; "
        f"touchstone audit --about 'lot:{decision.gtin}/{decision.lot}'; after the next run, the "
        "lot's report."
    )


def check_said(reason: str, by: str, at: datetime, recording: Recording) -> None:
    """Refuse a signature that says too little, or lies in the future. Raises InputError."""
    for option, text, most in (("--reason", reason, _MOST_REASON), ("--by", by, _MOST_NAME)):
        if not text.strip():
            raise InputError(f"{option} is empty. An inspector will ask: say it in a sentence.")
        if len(text) > most:
            raise InputError(f"{option} has {len(text):,} characters; {most:,} at most.")
        if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text):
            raise InputError(f"{option} holds control characters; write plain text on one line.")
    if at > recording.now().replace(tzinfo=None):
        raise InputError(f"--at {at:%Y-%m-%dT%H:%M:%SZ} is yet to come. Say when it was decided.")


def _basis(warehouse: Path, judgement: Judgement, trail: "Trail") -> Basis:
    """The lot as the published run judged it, and the page that was there to read."""
    from detectors.screen import lot_traits

    published = newest_snapshot(warehouse)
    if published is None:
        raise NotFoundError(f"{warehouse}: no run has judged any lot here yet: touchstone run.")
    with open_read_only(published) as con:
        found = con.execute(
            "SELECT product, run_id, report FROM lot_risk WHERE gtin = ? AND lot = ?",
            [judgement.gtin, judgement.lot],
        ).fetchall()
        if not found:
            raise NotFoundError(
                f"{judgement.gtin} {judgement.lot}: no run has judged such a lot. Look it up: "
                "touchstone sql 'FROM lot'."
            )
        product, run_id, report = found[0]
        traits = lot_traits(con, judgement.gtin, judgement.lot)
        gravest = con.execute(
            "SELECT DISTINCT pattern FROM finding WHERE gtin = ? AND lot = ? "
            # Set aside is not explained: else one person could set aside first, and clear then.
            "AND status IN ('stands', 'suppressed') AND severity = 'S1' ORDER BY pattern",
            [judgement.gtin, judgement.lot],
        ).fetchall()
        storage = con.execute(
            "SELECT max(storage) FROM core_product WHERE gtin = ?", [judgement.gtin]
        ).fetchall()
    page = _page_hash(warehouse, trail, run_id, report)
    codes = tuple(code for (code,) in gravest)
    return Basis(product, run_id, page, traits, codes, storage[0][0])


def _page_hash(warehouse: Path, trail: "Trail", run_id: str, report: str) -> str | None:
    """SHA-256 of the lot's page as it was written last; None where the run wrote none."""
    again = [
        entry.version
        for entry in trail.read()
        if entry.action == "export" and entry.object == f"page:{report}" and entry.run == run_id
    ]
    of_run = [run for run in run_files(runs_folder(warehouse)) if run.run_id == run_id]
    written = of_run[-1].outputs.get(report) if of_run else None
    return str(again[-1]) if again else written


def _next_number(known: list[Decision], trail: "Trail") -> int:
    """A number that neither the warehouse nor the trail has given: a crash may lie between them."""
    said = [
        int(entry.version.removeprefix("decision:"))
        for entry in trail.read()
        if entry.action == "decide" and entry.version
    ]
    return 1 + max([*said, *(one.decision_id for one in known)], default=0)
