"""``touchstone case``: the case memory listed, shown, added to, and exchanged with others."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb

from data.cases import exchange, library, memory, share
from data.errors import InputError, NotFoundError, WarehouseError
from data.record.canonical import file_digest
from data.record.disk import write_file
from data.record.entries import Act
from data.warehouse.connection import open_memory, open_read_only, open_warehouse
from data.warehouse.snapshot import newest_snapshot
from flows.record import Recording, recorded

KINDS = ("own", "imported", "public", "benign", "simulated")
_NO_CASE = "no case of one's own is there yet: touchstone decide makes one of a lot."
_MOST_NAME = 200
_SHOWN = (
    *("happened_on", "product", "product_class", "chain_shape", "mechanism_class", "mechanism"),
    "outcome",
)
_ACTS = {
    "proposed": "proposed only: a second person has to sign, since {reason} stood",
    "second": "signed by {acted_by} as second person",
    "withdrawn": "withdrawn by {acted_by}",
}
_HIDDEN = {"serial": "[serial]", "name": "[name]"}
# A pack's identity in any of its spellings, whether or not the warehouse knows the serial.
_IDENTITY = re.compile(r"urn:epc:id:sgtin:\S+|\S*/21/\S+|\(21\)\s*\S+")


def case_lines(warehouse: Path, kind: str | None) -> Iterator[str]:
    """One line a case: own and imported ones first."""
    if kind is not None and kind not in KINDS:
        raise InputError(f"--kind {kind}: unknown; choose {', '.join(KINDS)}.")
    with _reading(warehouse) as con:
        rows = _rows(con, "listed", {"kind": kind})
    for row in rows:
        when = f" ({row['happened_on']})" if row["happened_on"] else ""
        state = f"  [{row['state']}]" if row["state"] else ""
        line = f"{row['case_id']}  {row['kind']}  {row['title']}{when}  {row['signals']}"
        yield line.rstrip() + state
    yield f"{len(rows)} cases. One of them: touchstone case show CASE."


def shown_lines(warehouse: Path, case_id: str) -> Iterator[str]:
    """All that is known of one case. Raises NotFoundError."""
    with _reading(warehouse) as con:
        cases = _of_case(con, "raw_case", case_id)
        if not cases:
            raise NotFoundError(f"{case_id}: no such case. touchstone case list names them.")
        signals = _of_case(con, "raw_case_signal", case_id)
        origins = _of_case(con, "raw_case_origin", case_id)
        traits = _of_case(con, "raw_case_trait", case_id)
        decisions = _table(
            con,
            "SELECT raw_decision.* FROM raw_decision JOIN raw_case_origin USING (decision_id) "
            "WHERE case_id = ?",
            [case_id],
        )
        done = _of_case(con, "raw_case_act", case_id)
    case = cases[0]
    yield f"{case['case_id']} ({case['kind']}): {case['title']}"
    for name in _SHOWN:
        if case[name]:
            yield f"  {name.replace('_', ' ')}: {case[name]}"
    for name in ("markets", "lots"):
        if case[name]:
            yield f"  {name}: {', '.join(case[name])}"
    yield from _story_lines(decisions, done, origins)
    yield "  signals:"
    for signal in signals:
        yield f"    {signal['signal']}  {signal['why']}"
    if traits:
        known = [f"{t['trait']} {_said(t['value'])}" for t in traits]
        yield f"  as it was: {', '.join(known)}"
    for source in json.loads(case["sources"] or "[]"):
        yield f"  source: {source['title']} {source['url']}"


def _story_lines(
    decisions: list[dict[str, Any]], done: list[dict[str, Any]], origins: list[dict[str, Any]]
) -> Iterator[str]:
    """Who decided, signed, withdrew or added a case, and what it rests on."""
    for one in decisions:
        yield (
            f"  decided: {one['outcome']}, by {one['decided_by']}, "
            f"{one['decided_at']:%Y-%m-%d %H:%M} UTC, because: {one['reason']}"
        )
    for one in done:
        meaning = f" ({one['meaning']})" if one["meaning"] else ""
        said = _ACTS[one["act"]].format(**one)
        yield f"  {said}{meaning}, {one['acted_at']:%Y-%m-%d %H:%M} UTC{_because(one)}"
    for one in origins:
        if one["run_id"]:
            page = one["report_sha256"] or "none"
            yield f"  rests on run {one['run_id']}, page {page}"
        if one["file_sha256"]:
            told = f", told by {one['told_by']}" if one["told_by"] else ""
            yield (
                f"  added by {one['added_by']}, {one['known_at']:%Y-%m-%d %H:%M} UTC, from file "
                f"{one['file_sha256'][:16]}{told}"
            )
    if not origins:
        yield "  shipped with Touchstone"


def add(path: Path, warehouse: Path, recording: Recording) -> str:
    """Add a case that somebody wrote down; return what was done."""
    case, traits = exchange.read_added(path)
    with recorded(warehouse, recording) as trail, open_warehouse(warehouse) as con:
        library.store(con)
        con.begin()
        now = _now(recording)
        if not memory.add_cases(con, [(case, traits)], now, recording.actor, file_digest(path)):
            raise InputError(
                f"{path}: there is a case {case.case_id} already, and a case is never changed. "
                "Give yours another case_id."
            )
        reason = f"added from a file by {recording.actor}"
        new = {"kind": case.kind, "signals": [signal.code for signal in case.signals]}
        act = Act("learn", f"case:{case.case_id}", file_digest(path), new=new, reason=reason)
        trail.append([act])
        con.commit()
    return (
        f"Case {case.case_id} is added. Runs that look back from {now:%Y-%m-%d %H:%M} UTC or later "
        f"cite it. See it: touchstone case show {case.case_id}"
    )


def import_cases(path: Path, told_by: str | None, warehouse: Path, recording: Recording) -> str:
    """Import cases of another company; none of one's own is touched. Return what was done.

    Takes a file of cases, or a pack (``data.cases.share``). ``told_by`` says whose it is.
    """
    is_pack = share.is_pack(path)
    told = {} if is_pack else {str(n): one for n, one in enumerate(exchange.read_import(path))}
    if is_pack:
        told = share.read_pack(path)
    if told_by is not None and (not told_by.strip() or len(told_by) > _MOST_NAME):
        raise InputError(f"--from: give a name of {_MOST_NAME} characters at most.")
    with recorded(warehouse, recording) as trail, open_warehouse(warehouse) as con:
        library.store(con)
        con.begin()
        if is_pack:
            mine = _own_ids(con, salt_path(warehouse))
            foreign = [one for name, one in told.items() if name not in mine]
        else:
            ours = _own_marks(con)
            foreign = [(case, traits) for case, traits in told.values() if _mark(case) not in ours]
        now, sha256 = _now(recording), file_digest(path)
        added = memory.add_cases(con, foreign, now, recording.actor, sha256, told_by)
        new = {"cases": len(told), "added": added, "form": share.FORMAT if is_pack else "cases"}
        trail.append([Act("learn", "cases", sha256, new=new, reason="imported from a file")])
        con.commit()
    return (
        f"{added} of {len(told)} cases are imported; {len(foreign) - added} were here already, "
        f"{len(told) - len(foreign)} are of lots decided here. "
        "See them: touchstone case list --kind imported"
    )


def salt_path(warehouse: Path) -> Path:
    """Where the salt of shared ids lies, unless another file is named: beside the warehouse."""
    return warehouse.with_name(f"{warehouse.stem}.share-salt")


def export_share(path: Path, salt_file: Path | None, warehouse: Path, recording: Recording) -> str:
    """Write one's own cases as a pack that a trading partner may see; return what was done."""
    _check_target(path, warehouse)
    salt_file = salt_file or salt_path(warehouse)
    if salt_file.resolve().parent == path.resolve().parent and salt_file.name == path.name:
        raise InputError(f"{path}: pack and salt must be two files.")
    with recorded(warehouse, recording) as trail, open_warehouse(warehouse) as con:
        own = list(_shared(con))
        if not own:
            raise NotFoundError(_NO_CASE)
        text = share.pack(own, share.read_salt(salt_file))
        count = len(json.loads(text)["cases"])
        write_file(path, text)
        new = {"cases": count, "form": share.FORMAT}
        trail.append([Act("export", "cases", file_digest(path), new=new)])
    return (
        f"{count} cases are in {path}: signals and coarse features, without serials, lots, "
        f"products, names or anyone's words. Keep {salt_file} to yourself: with it the ids tell "
        "which case is which, and the next pack has the same ones."
    )


def _shared(con: duckdb.DuckDBPyConnection) -> Iterator[share.Own]:
    for row in _rows(con, "exported", {}):
        case_id = row["case_id"]
        yield share.Own(
            case_id=case_id,
            happened_on=row["happened_on"],
            outcome=row["decided_outcome"] or "",
            mechanism_class=row["mechanism_class"],
            product_class=row["product_class"],
            chain_shape=row["chain_shape"],
            visible_in_event_data=row["visible_in_event_data"],
            codes=tuple(one["signal"] for one in _of_case(con, "raw_case_signal", case_id)),
            traits={one["trait"]: one["value"] for one in _of_case(con, "raw_case_trait", case_id)},
        )


def _own_ids(con: duckdb.DuckDBPyConnection, salt_file: Path) -> set[str]:
    """What one's own cases are called in packs; nothing where none was ever made."""
    if not salt_file.is_file():
        return set()
    salt = share.read_salt(salt_file)
    own = con.execute("SELECT case_id FROM raw_case WHERE kind = 'own'").fetchall()
    return {share.shared_id(case_id, salt) for (case_id,) in own}


def export(path: Path, with_names: bool, warehouse: Path, recording: Recording) -> str:
    """Write one's own cases to a file, without serials; return what was done."""
    _check_target(path, warehouse)
    with recorded(warehouse, recording) as trail, open_warehouse(warehouse) as con:
        entries = list(_exported(con, with_names))
        if not entries:
            raise NotFoundError(_NO_CASE)
        write_file(path, exchange.written(entries))
        new = {"cases": len(entries), "names": with_names}
        trail.append([Act("export", "cases", file_digest(path), new=new)])
    names = "with" if with_names else "without"
    return (
        f"{len(entries)} cases are in {path}, without serials and {names} names. Read it before "
        "you give it away: what somebody wrote by hand may say more."
    )


def _check_target(path: Path, warehouse: Path) -> None:
    if path.exists():
        raise InputError(f"{path}: is there already. Name a new file.")
    if not warehouse.is_file():
        raise WarehouseError(
            f"{warehouse}: there is no warehouse here yet. Make one: touchstone run."
        )


def _exported(con: duckdb.DuckDBPyConnection, with_names: bool) -> Iterator[dict[str, Any]]:
    rows = _rows(con, "exported", {})
    hidden = _hidden(con, rows, with_names)
    for row in rows:
        case_id = row["case_id"]
        words = hidden.get(case_id, [])
        by = f" by {row['decided_by']}" if with_names and row["decided_by"] else ""
        entry = {
            "case_id": case_id,
            "title": _scrubbed(row["title"], words),
            "happened_on": row["happened_on"],
            "product": row["product"],
            "mechanism_class": row["mechanism_class"],
            "mechanism": _scrubbed(row["reason"] or row["mechanism"] or "", words),
            "outcome": _scrubbed(row["outcome"], words) + by,
            "visible_in_event_data": row["visible_in_event_data"],
            "markets": row["markets"],
            "lots": row["lots"],
            "signals": [
                {"code": one["signal"], "why": _scrubbed(one["why"], words)}
                for one in _of_case(con, "raw_case_signal", case_id)
            ],
            "traits": {
                one["trait"]: one["value"] for one in _of_case(con, "raw_case_trait", case_id)
            },
            "sources": json.loads(row["sources"] or "[]"),
            "product_class": row["product_class"],
            "chain_shape": row["chain_shape"],
        }
        if entry["signals"]:  # nothing was found on the lot: no other lot can be like it
            yield {name: value for name, value in entry.items() if value not in (None, [], {}, "")}


def _hidden(
    con: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]], with_names: bool
) -> dict[str, list[tuple[str, str]]]:
    """What must not leave in the texts of each case, longest first, with what stands for it."""
    if not _is_built(con):
        return {}
    texts = [f"{row['title']} {row['reason'] or row['mechanism']} {row['outcome']}" for row in rows]
    given = {
        "cases": [row["case_id"] for row in rows],
        "gtins": [row["gtin"] for row in rows],
        "lots": [row["lot"] for row in rows],
        "texts": texts,
    }
    found: dict[str, list[tuple[str, str]]] = {}
    for row in _rows(con, "words_to_hide", given):
        if row["kind"] == "serial" or not with_names:
            found.setdefault(row["case_id"], []).append((row["word"], _HIDDEN[row["kind"]]))
    for row in rows:
        if row["decided_by"] and not with_names:
            found.setdefault(row["case_id"], []).append((row["decided_by"], _HIDDEN["name"]))
    return {case: sorted(words, key=lambda w: (-len(w[0]), w)) for case, words in found.items()}


def _scrubbed(text: str, words: list[tuple[str, str]]) -> str:
    text = _IDENTITY.sub(_HIDDEN["serial"], text)
    for word, instead in words:
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", instead, text, flags=re.IGNORECASE)
    return text


def _is_built(con: duckdb.DuckDBPyConnection) -> bool:
    found = con.execute(
        "SELECT count(*) FROM duckdb_tables() "
        "WHERE table_name IN ('core_unit', 'core_lot', 'core_site', 'core_partner')"
    ).fetchall()
    return bool(found == [(4,)])


def _own_marks(con: duckdb.DuckDBPyConnection) -> set[tuple[Any, ...]]:
    rows = _table(con, "SELECT product, lots, happened_on FROM raw_case WHERE kind = 'own'", [])
    return {(row["product"], tuple(row["lots"] or ()), row["happened_on"]) for row in rows}


def _mark(case: library.Case) -> tuple[Any, ...]:
    """What tells a case of one's own that comes back from elsewhere."""
    return case.product, case.lots, case.happened_on


@contextmanager
def _reading(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The working file; the newest copy while a batch holds it; the shipped cases before any."""
    if not warehouse.is_file():
        with open_memory() as con:
            library.store(con)
            yield con
        return
    try:
        con = open_read_only(warehouse)
    except WarehouseError:
        published = newest_snapshot(warehouse)
        if published is None:
            raise
        con = open_read_only(published)
    with con:
        try:
            yield con
        except duckdb.CatalogException as error:
            raise WarehouseError(
                f"{warehouse}: was made by an earlier version, without a case memory. Run the "
                "batch once: touchstone run."
            ) from error


def _of_case(con: duckdb.DuckDBPyConnection, table: str, case_id: str) -> list[dict[str, Any]]:
    query = f"SELECT * FROM {table} WHERE case_id = ? ORDER BY ALL"  # noqa: S608 - names of ours
    return _table(con, query, [case_id])


def _rows(con: duckdb.DuckDBPyConnection, name: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    text = (files("sql") / "cases" / f"{name}.sql").read_text(encoding="utf-8")
    return _table(con, text, given)


def _table(con: duckdb.DuckDBPyConnection, query: str, given: Any) -> list[dict[str, Any]]:
    cursor = con.execute(query, given)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]


def _now(recording: Recording) -> datetime:
    return recording.now().replace(tzinfo=None, microsecond=0)


def _because(act: dict[str, Any]) -> str:
    return "" if act["act"] == "proposed" else f", because: {act['reason']}"


def _said(value: float | None) -> str:
    return "not tested" if value is None else f"{value:.4g}"
