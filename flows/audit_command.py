"""``touchstone audit``: the trail for people, and as JSON for programs."""

import json
from collections.abc import Iterator
from pathlib import Path

from data.errors import InputError, RecordError
from data.record.entries import ACTIONS, Broken, Entry, Torn
from data.record.trail import trail_path, walk_trail

FORMS = ("text", "jsonl", "json")


def export(
    warehouse: Path, form: str = "text", action: str | None = None, about: str | None = None
) -> Iterator[str]:
    """Lines of the trail, checked while they are read.

    Parameters
    ----------
    warehouse
        Whose trail.
    form
        ``text`` for people; ``jsonl`` gives the lines as they lie; ``json`` one array.
    action, about
        Only entries of this action; only those whose object begins so (``threshold:P01``).

    Raises
    ------
    InputError
        An unknown form or action, or no trail.
    RecordError
        After the last entry that holds.
    """
    if form not in FORMS:
        raise InputError(f"--format {form}: unknown; choose {', '.join(FORMS)}.")
    if action is not None and action not in ACTIONS:
        raise InputError(f"--action {action}: unknown; choose {', '.join(ACTIONS)}.")
    path = trail_path(warehouse)
    if not path.is_file():
        raise InputError(f"{path}: there is no trail here yet. Make one: touchstone run.")
    return _lines(path, form, action, about)


def _lines(path: Path, form: str, action: str | None, about: str | None) -> Iterator[str]:
    opening = "["
    for item in walk_trail(path):
        if isinstance(item, Broken):
            raise RecordError(f"{path}: entry {item.sequence} does not hold: {item.reason}.")
        if isinstance(item, Torn):
            if form == "text":
                yield f"line {item.line}: left unfinished by a crash"
        elif action in (None, item.action) and item.object.startswith(about or ""):
            if form == "text":
                yield from _told(item)
            elif form == "jsonl":
                yield json.dumps(
                    item.fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")
                )
            else:
                yield opening + json.dumps(item.fields, ensure_ascii=False, sort_keys=True)
                opening = ","
    if form == "json":
        yield "]" if opening == "," else "[]"


def _told(entry: Entry) -> Iterator[str]:
    run = f" (run {entry.run})" if entry.run else ""
    yield f"{entry.sequence:>6}  {entry.at}  {entry.actor}  {entry.action}  {entry.object}{run}"
    if entry.old is not None or entry.new is not None:
        yield f"        {_value(entry.old)} -> {_value(entry.new)}"
    if entry.reason:
        yield f"        because: {entry.reason}"


def _value(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(inner)}" for name, inner in sorted(value.items()))
    if isinstance(value, list):
        return "; ".join(_value(inner) for inner in value) or "none"
    return "none" if value is None else str(value)
