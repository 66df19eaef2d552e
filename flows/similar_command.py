"""``touchstone case similar``: the past cases nearest to a lot or to a case, in the terminal."""

from collections.abc import Iterator
from pathlib import Path

from data.errors import InputError, NotFoundError, WarehouseError
from data.warehouse.connection import open_read_only
from data.warehouse.snapshot import newest_snapshot

MOST = 50


def similar_lines(thing: list[str], count: int, warehouse: Path) -> Iterator[str]:
    """The nearest cases, as the last published run knew them, with what is shared and what not.

    Parameters
    ----------
    thing
        A case's id, or GTIN and lot.
    count
        How many cases.
    warehouse
        Whose newest published copy is read.

    Raises
    ------
    InputError
        Neither a case nor a lot is named, or the count is none.
    NotFoundError
        No run has judged such a lot, or knew such a case.
    """
    if len(thing) not in (1, 2):
        raise InputError("case similar: name a case, or GTIN and LOT.")
    if not 1 <= count <= MOST:
        raise InputError(f"-k {count}: choose 1 to {MOST}.")
    published = newest_snapshot(warehouse)
    if published is None:
        raise WarehouseError(f"{warehouse}: no run has judged any lot here yet: touchstone run.")
    from detectors.screen import similar_to_case, similar_to_lot

    with open_read_only(published) as con:
        try:
            found = (
                similar_to_case(con, thing[0], count)
                if len(thing) == 1
                else similar_to_lot(con, thing[0].zfill(14), thing[1], count)
            )
        except LookupError:
            raise NotFoundError(_unknown(thing)) from None
        known = con.execute("SELECT case_id, title, outcome FROM raw_case").fetchall()
    words = {case_id: (title, outcome) for case_id, title, outcome in known}
    here = "lot" if len(thing) == 2 else "case asked for"
    if not any(case.is_near for case in found):
        yield "None of the known cases is near. The nearest there are, for comparison:"
    for case in found:
        title, outcome = words[case.case_id]
        near = "near" if case.is_near else "not near"
        yield f"{case.distance:.2f}  {case.case_id}  {case.kind}, {near}: {title}"
        yield f"    outcome: {outcome}"
        yield f"    signals shared: {_joined(case.shared)}"
        yield f"    of the case alone: {_joined(case.only_case)}"
        yield f"    of the {here} alone: {_joined(case.only_here)}"
        if case.alike or case.unlike:
            yield f"    features alike: {_joined(case.alike)}"
            apart = [f"{name} {of_case:.4g} / {ours:.4g}" for name, of_case, ours in case.unlike]
            yield f"    unlike (case / {here}): {', '.join(apart) or 'none'}"
        else:
            yield "    features: the case has none on record"
    yield (
        "Distance runs from 0, the same, to 1, nothing in common. Likeness is a lead, not proof. "
        "One of them: touchstone case show CASE."
    )


def _unknown(thing: list[str]) -> str:
    if len(thing) == 2:
        return (
            f"{thing[0]} {thing[1]}: no run has judged such a lot. Look it up: touchstone sql "
            "'FROM lot'."
        )
    return (
        f"{thing[0]}: the last run compared lots with no such case. It may be unknown, newer than "
        "that run, proposed or withdrawn, or one that event data cannot show: touchstone case "
        f"show {thing[0]}."
    )


def _joined(names: tuple[str, ...]) -> str:
    return " ".join(names) or "none"
