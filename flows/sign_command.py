"""A second person's signature under a decision, and the withdrawal of a decision or a case.

Rows are added: what was decided stays in the record and in the lot's decision log.
"""

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from data.cases import memory
from data.errors import InputError, NotFoundError, WarehouseError
from data.record import acts
from data.record.entries import Act
from data.record.known import (
    PROPOSED,
    SECOND,
    WITHDRAWN,
    CaseAct,
    Decision,
    known_acts,
    known_decisions,
)
from data.warehouse.connection import open_warehouse
from flows.decide_command import check_said, next_act
from flows.record import Recording, recorded


@dataclass(frozen=True)
class Signature:
    """Who signs, why and when; ``at`` is UTC without an offset."""

    by: str
    reason: str
    at: datetime
    meaning: str = memory.MEANINGS[0]


@dataclass(frozen=True)
class Signed:
    """What came of it; ``decision`` is None for a case that no decision made."""

    decision: Decision | None
    act: CaseAct


def sign_second(
    gtin: str,
    lot: str,
    number: int | None,
    signature: Signature,
    warehouse: Path,
    recording: Recording,
) -> Signed:
    """Sign a proposed decision as second person; from then on it counts.

    ``number`` names the decision; by default the one of the lot that was proposed last.

    Raises
    ------
    InputError
        The same person decided, or the signature says too little.
    NotFoundError
        No decision on the lot waits for a second person.
    WarehouseError
        A batch holds the warehouse.
    """
    if signature.meaning not in memory.MEANINGS:
        raise InputError(
            f"--meaning {signature.meaning}: unknown; choose {', '.join(memory.MEANINGS)}."
        )

    def choose(known: list[Decision], done: list[CaseAct]) -> tuple[Decision, str]:
        decision = _one(known, done, gtin, lot, number, (PROPOSED,))
        if _person(signature.by) == _person(decision.decided_by):
            raise InputError(
                "--by: the same person decided it. A lot with an S1 finding needs the signature of "
                "a second, different person."
            )
        if signature.at < decision.decided_at:
            raise InputError("--at lies before the decision. Say when the second person signed.")
        return decision, PROPOSED

    return _add(SECOND, choose, signature, warehouse, recording)


def withdraw_decision(
    gtin: str,
    lot: str,
    number: int | None,
    signature: Signature,
    warehouse: Path,
    recording: Recording,
) -> Signed:
    """Withdraw a decision: it stops counting, and its case is cited no more.

    ``number`` names the decision; by default the lot's last one that was not withdrawn. Raises as
    ``sign_second`` does.
    """

    def choose(known: list[Decision], done: list[CaseAct]) -> tuple[Decision, str]:
        decision = _one(known, done, gtin, lot, number, ("signed", PROPOSED))
        return decision, memory.state_of(decision.decision_id, done)

    return _add(WITHDRAWN, choose, signature, warehouse, recording)


def withdraw_case(
    case_id: str, signature: Signature, warehouse: Path, recording: Recording
) -> Signed:
    """Withdraw a case that was decided, added or imported: it is cited and learned from no more.

    A case of a decision goes with its decision. Shipped cases belong to the software and stay.
    """
    check_said(signature.reason, signature.by, signature.at, recording)
    _is_there(warehouse)
    with recorded(warehouse, recording) as trail, open_warehouse(warehouse) as con:
        found = con.execute(
            "SELECT decision_id, gtin, lot FROM raw_case_origin WHERE case_id = ?", [case_id]
        ).fetchall()
        if not found:
            raise NotFoundError(
                f"{case_id}: no case that was decided, added or imported here. touchstone case "
                "list names them; a shipped case is not withdrawn."
            )
        done = known_acts(con)
        if any(one.case_id == case_id and one.act == WITHDRAWN for one in done):
            raise InputError(f"{case_id}: is withdrawn already.")
        number = found[0][0]
        decision = next((d for d in known_decisions(con) if d.decision_id == number), None)
        state = "known" if decision is None else memory.state_of(decision.decision_id, done)
        act = _act(next_act(con, trail), case_id, number, WITHDRAWN, signature)
        _write(con, act, acts.withdrawn(state, decision, act), trail.append)
    return Signed(decision, act)


def lines(done: Signed) -> Iterator[str]:
    """What was done, for the terminal."""
    act, decision = done.act, done.decision
    when = f"{act.acted_at:%Y-%m-%d %H:%M} UTC"
    if act.act == SECOND and decision is not None:
        yield (
            f"Decision {decision.decision_id} is signed by {act.acted_by} as second person "
            f"({act.meaning}), {when}: lot {decision.lot} is {decision.outcome}. Case "
            f"{act.case_id} is cited from the next run on."
        )
        return
    what = f"Decision {decision.decision_id}, case" if decision else "Case"
    yield (
        f"{what} {act.case_id} is withdrawn by {act.acted_by}, {when}. It stays in the record; "
        "runs that look back from then or later neither cite it nor learn from it."
    )


def _add(
    act_name: str,
    choose: Callable[[list[Decision], list[CaseAct]], tuple[Decision, str]],
    signature: Signature,
    warehouse: Path,
    recording: Recording,
) -> Signed:
    check_said(signature.reason, signature.by, signature.at, recording)
    _is_there(warehouse)
    with recorded(warehouse, recording) as trail, open_warehouse(warehouse) as con:
        decision, state = choose(known_decisions(con), known_acts(con))
        case_id = memory.case_name(decision.decision_id)
        number = next_act(con, trail)
        act = _act(number, case_id, decision.decision_id, act_name, signature)
        said = (
            acts.signed(decision, act)
            if act_name == SECOND
            else acts.withdrawn(state, decision, act)
        )
        _write(con, act, said, trail.append)
    return Signed(decision, act)


def _act(
    number: int, case_id: str, decision_id: int | None, name: str, signature: Signature
) -> CaseAct:
    meaning = signature.meaning if name == SECOND else None
    reason, by = signature.reason.strip(), signature.by.strip()
    return CaseAct(number, case_id, decision_id, name, meaning, reason, by, signature.at)


def _write(
    con: duckdb.DuckDBPyConnection,
    act: CaseAct,
    said: Act,
    append: Callable[[list[Act]], object],
) -> None:
    con.begin()
    memory.add_act(con, act)
    append([said])  # the record first: what readers see is always in it
    con.commit()


def _one(
    known: list[Decision],
    done: list[CaseAct],
    gtin: str,
    lot: str,
    number: int | None,
    states: tuple[str, ...],
) -> Decision:
    """The lot's last decision in one of the states, or the named one."""
    of_lot = [one for one in known if (one.gtin, one.lot) == (gtin, lot)]
    fitting = [one for one in of_lot if memory.state_of(one.decision_id, done) in states]
    if number is not None:
        fitting = [one for one in fitting if one.decision_id == number]
    if not fitting:
        named = "decision" if number is None else f"decision {number}"
        what = "waits for a second person" if states == (PROPOSED,) else "is there to withdraw"
        raise NotFoundError(
            f"{gtin} {lot}: no {named} on this lot {what}. See them: touchstone sql "
            "'FROM decision'."
        )
    return max(fitting, key=lambda one: one.decision_id)


def _person(name: str) -> str:
    """A name without what a slip of the keyboard makes different."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _is_there(warehouse: Path) -> None:
    if not warehouse.is_file():  # else a slip of the pen would begin a trail beside it
        raise WarehouseError(
            f"{warehouse}: there is no warehouse here yet. Make one: touchstone run."
        )
