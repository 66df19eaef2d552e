"""The case memory: what people decided on lots, and the cases that came of it or from elsewhere.

Rows are added, never changed, and each says when it became known, so that a run of the past can be
made again with what was known then. The shipped library is not in here: it belongs to the code.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import duckdb
import polars as pl

from data.cases.coarse import chain_shape, product_class
from data.cases.library import (
    BENIGN_CODES,
    CASE_SCHEMA,
    PATTERN_CODES,
    SIGNAL_SCHEMA,
    Case,
    Signal,
    case_row,
    signal_rows,
)
from data.record.canonical import digest
from data.record.known import (
    PROPOSED,
    SECOND,
    WITHDRAWN,
    CaseAct,
    Decision,
    known_acts,
    known_decisions,
)

# Signals and features by name; None: could not be tested. See detectors.screen.lot_traits.
Traits = Mapping[str, float | None]

OWN, IMPORTED, SIMULATED = "own", "imported", "simulated"
CLEARED = "cleared"
OUTCOMES = (CLEARED, "suspect", "illegitimate")
FINAL = (CLEARED, "illegitimate")  # where an S1 finding stands, no one person decides these alone
MEANINGS = ("approval", "review", "responsibility")  # of a second signature

_CODES = frozenset(PATTERN_CODES + BENIGN_CODES)
_ORIGIN_SCHEMA: dict[str, Any] = {
    "case_id": pl.String,
    "entry": pl.Int32,
    "known_at": pl.Datetime("us"),
    "added_by": pl.String,
    "decision_id": pl.Int32,
    "gtin": pl.String,
    "lot": pl.String,
    "run_id": pl.String,
    "report_sha256": pl.String,
    "file_sha256": pl.String,
    "told_by": pl.String,
}
_TRAIT_SCHEMA: dict[str, Any] = {"case_id": pl.String, "trait": pl.String, "value": pl.Float64}
_TABLES = ("raw_case", "raw_case_signal", "raw_case_origin", "raw_case_trait")


@dataclass(frozen=True)
class Basis:
    """What an officer looked at: the lot as the run judged it, and the page it wrote."""

    product: str | None
    run_id: str
    report_sha256: str | None
    traits: Traits
    gravest: tuple[str, ...] = ()  # patterns of S1 findings that stood or were set aside
    storage: str | None = None  # of the product, as its owner's list has it


@dataclass(frozen=True)
class Memory:
    """Decisions, what became of them, and cases; ``cases`` by table, in a stable order."""

    decisions: tuple[Decision, ...]
    cases: Mapping[str, pl.DataFrame]
    acts: tuple[CaseAct, ...] = ()

    def decisions_digest(self) -> str:
        """SHA-256 over the decisions."""
        return digest([_plain(asdict(one)) for one in self.decisions])

    def cases_digest(self) -> str:
        """SHA-256 over the cases, with their signals, traits and origins."""
        return digest(
            {table: [_plain(row) for row in rows.to_dicts()] for table, rows in self.cases.items()}
        )

    def acts_digest(self) -> str:
        """SHA-256 over the second signatures and withdrawals."""
        return digest([_plain(asdict(one)) for one in self.acts])

    @property
    def case_count(self) -> int:
        """How many cases."""
        return self.cases["raw_case"].height


def read_memory(
    con: duckdb.DuckDBPyConnection,
    until: datetime | None = None,
    last_decision: int | None = None,
    last_entry: int | None = None,
    last_act: int | None = None,
) -> Memory:
    """What was known at a moment (UTC), or up to the given entries; all of it by default."""
    until = until or datetime.max
    decisions = tuple(
        one
        for one in known_decisions(con, until)
        if last_decision is None or one.decision_id <= last_decision
    )
    acts = tuple(
        one for one in known_acts(con, until) if last_act is None or one.act_no <= last_act
    )
    if not _has_tables(con):  # made by an earlier version, which knew of no such cases
        empty = pl.DataFrame()
        return Memory(decisions, dict.fromkeys(_TABLES, empty), acts)
    chosen = con.execute(
        "SELECT case_id FROM raw_case_origin WHERE known_at <= ? AND entry <= ? ORDER BY entry",
        [until, 2**31 - 1 if last_entry is None else last_entry],
    ).fetchall()
    ids = [case_id for (case_id,) in chosen]
    rows = {
        table: con.sql(
            f"SELECT * FROM {table} WHERE list_contains($ids, case_id) ORDER BY ALL",  # noqa: S608
            params={"ids": ids},
        ).pl()
        for table in _TABLES
    }
    return Memory(decisions, rows, acts)


def restore(con: duckdb.DuckDBPyConnection, memory: Memory) -> None:
    """Put what was known into a warehouse that knows nothing yet."""
    for one in memory.decisions:
        _insert_decision(con, one)
    for table, rows in memory.cases.items():
        if rows.height:
            _append(con, table, rows)
    for act in memory.acts:
        add_act(con, act)


def last_entries(con: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """The numbers given last: of decisions, and of cases."""
    [(decision,)] = con.execute("SELECT coalesce(max(decision_id), 0) FROM raw_decision").fetchall()
    [(entry,)] = con.execute("SELECT coalesce(max(entry), 0) FROM raw_case_origin").fetchall()
    return decision, entry


def last_act(con: duckdb.DuckDBPyConnection) -> int:
    """The number given last of what was done to decisions and cases."""
    return max((one.act_no for one in known_acts(con)), default=0)


def add_act(con: duckdb.DuckDBPyConnection, act: CaseAct) -> None:
    """Add what was done to a decision or a case."""
    con.execute(
        "INSERT INTO raw_case_act BY NAME SELECT ? AS act_no, ? AS case_id, ? AS decision_id, "
        "? AS act, ? AS meaning, ? AS reason, ? AS acted_by, ? AS acted_at",
        list(asdict(act).values()),
    )


def needs_second(outcome: str, basis: Basis) -> bool:
    """Whether a second person has to sign: a final outcome, and an S1 finding that stands."""
    return outcome in FINAL and bool(basis.gravest)


def state_of(decision_id: int, acts: Iterable[CaseAct]) -> str:
    """``signed``, ``proposed`` or ``withdrawn``, by what was done to a decision."""
    done = {one.act for one in acts if one.decision_id == decision_id}
    if WITHDRAWN in done:
        return WITHDRAWN
    return PROPOSED if PROPOSED in done and SECOND not in done else "signed"


def case_name(decision_id: int) -> str:
    """The id of the case that a decision makes."""
    return f"own-{decision_id:04d}"


def add_decision(
    con: duckdb.DuckDBPyConnection,
    decision: Decision,
    basis: Basis,
    proposal: CaseAct | None = None,
) -> Case:
    """Add a decision, and the case that it makes of the lot as it stood then; return the case.

    With a ``proposal`` it is not cited and nothing learns from it until a second person has signed.
    """
    _insert_decision(con, decision)
    if proposal is not None:
        add_act(con, proposal)
    case = own_case(decision, basis)
    origin = {
        "decision_id": decision.decision_id,
        "gtin": decision.gtin,
        "lot": decision.lot,
        "run_id": basis.run_id,
        "report_sha256": basis.report_sha256,
    }
    _add(con, [(case, basis.traits)], decision.decided_at, decision.decided_by, origin)
    return case


def own_case(decision: Decision, basis: Basis) -> Case:
    """The case that a decision makes of its lot.

    A cleared lot is a harmless look-alike. Its signals are what stood and what was explained.
    """
    shown = [code for code, value in sorted(basis.traits.items()) if value and code in _CODES]
    why = dict.fromkeys(BENIGN_CODES, "an honest cause shown")
    product = basis.product or decision.gtin
    return Case(
        case_id=case_name(decision.decision_id),
        kind=OWN,
        title=f"Lot {decision.lot} of {product}, {decision.outcome}",
        mechanism_class="benign" if decision.outcome == CLEARED else "not_stated",
        mechanism="",
        outcome=decision.outcome,
        visible_in_event_data="full",
        signals=tuple(Signal(code, why.get(code, "stood when decided")) for code in shown),
        happened_on=f"{decision.decided_at:%Y-%m-%d}",
        product=product,
        lots=(decision.lot,),
        product_class=product_class(basis.storage),
        chain_shape=chain_shape(shown, basis.traits),
    )


def add_cases(
    con: duckdb.DuckDBPyConnection,
    cases: Iterable[tuple[Case, Traits]],
    known_at: datetime,
    added_by: str,
    file_sha256: str,
    told_by: str | None = None,
) -> int:
    """Add cases with their traits, but for those that are there already; return how many.

    Nothing that is there is changed, whatever it holds.
    """
    known = {row[0] for row in con.execute("SELECT case_id FROM raw_case").fetchall()}
    fresh = [(case, traits) for case, traits in cases if case.case_id not in known]
    _add(con, fresh, known_at, added_by, {"file_sha256": file_sha256, "told_by": told_by})
    return len(fresh)


def _add(
    con: duckdb.DuckDBPyConnection,
    cases: Sequence[tuple[Case, Traits]],
    known_at: datetime,
    added_by: str,
    origin: Mapping[str, Any],
) -> None:
    first = last_entries(con)[1] + 1
    whole = {
        **dict.fromkeys(_ORIGIN_SCHEMA),
        **origin,
        **{"known_at": known_at, "added_by": added_by},
    }
    origins = [
        whole | {"case_id": case.case_id, "entry": entry}
        for entry, (case, _) in enumerate(cases, first)
    ]
    traits = [
        {"case_id": case.case_id, "trait": name, "value": value}
        for case, of_case in cases
        for name, value in of_case.items()
    ]
    signals = [row for case, _ in cases for row in signal_rows(case)]
    rows = [case_row(case) for case, _ in cases]
    _append(con, "raw_case", pl.DataFrame(rows, schema=CASE_SCHEMA))
    _append(con, "raw_case_signal", pl.DataFrame(signals, schema=SIGNAL_SCHEMA))
    _append(con, "raw_case_origin", pl.DataFrame(origins, schema=_ORIGIN_SCHEMA))
    _append(con, "raw_case_trait", pl.DataFrame(traits, schema=_TRAIT_SCHEMA))


def _insert_decision(con: duckdb.DuckDBPyConnection, one: Decision) -> None:
    con.execute(
        "INSERT INTO raw_decision BY NAME SELECT ? AS decision_id, ? AS gtin, ? AS lot, "
        "? AS outcome, ? AS reason, ? AS decided_by, ? AS decided_at",
        list(asdict(one).values()),
    )


def _append(con: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame) -> None:
    con.register("remembered", rows)
    con.execute(f"INSERT INTO {table} BY NAME SELECT * FROM remembered")  # noqa: S608
    con.unregister("remembered")


def _has_tables(con: duckdb.DuckDBPyConnection) -> bool:
    found = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name IN ('raw_case_origin', "
        "'raw_case_trait')"
    ).fetchall()
    return bool(found == [(2,)])


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
    }
