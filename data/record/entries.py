"""An entry of the audit trail: its parts, its hash, its line; and how a file's lines hang together.

    {"action":"ingest","actor":"night","at":"2026-11-24T02:00:00.000000Z","hash":"…","key":null,
     "new":{…},"object":"file:12","old":null,"payload":"…","previous":"…","reason":null,"run":null,
     "sequence":12,"signature":null,"software":"touchstone 0.1.0","version":"…"}

``payload`` is the hash of object, version, old, new and reason; ``hash`` that of the entry without
them, so an extract that leaves payloads out can still be checked. ``previous`` is the hash of the
entry before.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from data.record.canonical import canonical, digest, parsed
from data.record.signing import is_signed

ACTIONS = {
    "begin": "a trail begins",
    "start": "a run starts",
    "finish": "a run ends, its manifest is written",
    "fail": "a command fails",
    "ingest": "a file is landed or set aside",
    "correct": "landed records are withdrawn by error declarations",
    "configure": "a threshold, setting or rule differs from the run before",
    "score": "the tier of a lot changes",
    "export": "a report or a readable copy is published, or cases are given away",
    "decide": "a person decides on a lot",
    "sign": "a second person signs a decision",
    "withdraw": "a person withdraws a decision or a case",
    "suppress": "a person sets findings aside until a date",
    "unsuppress": "a person ends that early",
    "reopen": "a lot is open again: its records or its judgement changed behind a decision",
    "learn": "cases are added to the case memory, or imported",
    "archive": "histories of closed lots move to the archive",
    "restore": "an archived lot is live again",
    "annotate": "a person adds a note",
    "approve": "a person approves",
    "clock": "the machine's clock stands before the entry before",
    "repair": "a line that a crash tore is closed off",
}
NEEDS_REASON = frozenset(
    {
        *("correct", "configure", "decide", "annotate", "approve", "repair"),
        *("sign", "withdraw", "suppress", "unsuppress", "reopen", "restore"),
    }
)
FIRST = "0" * 64  # what stands for the entry before the first
TORN = b"#torn"  # ends a line that a crash left unfinished

_PAYLOAD = ("object", "version", "old", "new", "reason")
_UNHASHED = {*_PAYLOAD, "hash", "signature"}
_FIELDS = {
    *_PAYLOAD,
    *("sequence", "at", "actor", "software", "action", "run", "payload", "previous", "key"),
    *("hash", "signature"),
}


@dataclass(frozen=True)
class Act:
    """What happened, for the trail. Lots are named by GTIN and lot, files by number and hash.

    ``object`` and ``version`` say what it was done to; ``old`` and ``new`` are JSON values.
    Serials and partners' names have no place here.
    """

    action: str
    object: str
    version: str | None = None
    old: Any = None
    new: Any = None
    reason: str | None = None
    run: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no reader of the trail would understand."""
        if self.action not in ACTIONS:
            raise ValueError(f"{self.action} is no action of the trail")
        if self.action in NEEDS_REASON and not (self.reason or "").strip():
            raise ValueError(f"{self.action} needs a reason")


@dataclass(frozen=True)
class Entry:
    """One whole entry, as read; ``fields`` are those of its line."""

    line: int  # 1-based line of the file
    fields: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        """The line's own fields by name."""
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass(frozen=True)
class Torn:
    """A line that a crash left unfinished; ``is_closed`` once a later writer closed it off."""

    line: int
    sha256: str
    is_closed: bool


@dataclass(frozen=True)
class Broken:
    """Where the trail does not hold: nothing after it can be trusted."""

    line: int
    sequence: int  # the entry that should stand there
    reason: str


def make_fields(
    act: Act, *, sequence: int, at: str, actor: str, software: str, previous: str, key: str | None
) -> dict[str, Any]:
    """The fields of a new entry, its signature still open."""
    payload = {name: getattr(act, name) for name in _PAYLOAD}
    fields = payload | {
        "sequence": sequence,
        "at": at,
        "actor": actor,
        "software": software,
        "action": act.action,
        "run": act.run,
        "payload": digest(payload),
        "previous": previous,
        "key": key,
        "signature": None,
    }
    return fields | {"hash": _hash(fields)}


def _hash(fields: dict[str, Any]) -> str:
    return digest({name: value for name, value in fields.items() if name not in _UNHASHED})


def walk(
    lines: Iterable[tuple[int, bytes]], sequence: int, previous: str
) -> Iterator[Entry | Torn | Broken]:
    """Check lines one after another; stop after the first that breaks the chain.

    Parameters
    ----------
    lines
        Numbered lines with their line ends; only the last may lack one.
    sequence, previous
        Number and hash of the entry before the first line.
    """
    open_torn: list[Torn] = []
    for number, line in lines:
        text, ended = (line[:-1], True) if line.endswith(b"\n") else (line, False)
        if not ended or text.endswith(TORN):
            kept = text.removesuffix(TORN) if ended else text
            torn = Torn(number, sha256(kept).hexdigest(), ended)
            open_torn.append(torn)
            yield torn
            continue
        fault, fields = _read(text, sequence + 1, previous)
        if not fault and open_torn and _repaired(fields) != [torn.sha256 for torn in open_torn]:
            fault = "an unfinished line before it is not accounted for"
        if fault:
            yield Broken(number, sequence + 1, fault)
            return
        open_torn.clear()
        sequence, previous = fields["sequence"], fields["hash"]
        yield Entry(number, fields)


def _repaired(fields: dict[str, Any]) -> list[str]:
    said = fields["old"] if fields["action"] == "repair" else None
    return list(said.get("lines", ())) if isinstance(said, dict) else []


def _read(text: bytes, sequence: int, previous: str) -> tuple[str, dict[str, Any]]:
    """The fault of one line, if any, and its fields."""
    try:
        fields = parsed(text)
    except ValueError as error:
        return f"the line is no entry ({_plain(error)})", {}
    if not isinstance(fields, dict) or set(fields) != _FIELDS:
        return "the line lacks fields of an entry, or has others", {}
    return _fault(fields, sequence, previous), fields


def _fault(fields: dict[str, Any], sequence: int, previous: str) -> str:
    if fields["sequence"] != sequence:
        return f"it calls itself entry {fields['sequence']!r}"
    if fields["previous"] != previous:
        return "it does not follow from the entry before"
    if fields["payload"] != digest({name: fields[name] for name in _PAYLOAD}):
        return "its object, values or reason were changed"
    if fields["hash"] != _hash(fields):
        return "its time, actor, action or hash was changed"
    return "" if _signature_holds(fields) else "its signature does not hold"


def _plain(error: ValueError) -> str:
    """The kind of fault; the text itself may hold anything."""
    return "not in canonical form" if "canonical" in str(error) else "not JSON"


def _signature_holds(fields: dict[str, Any]) -> bool:
    key, signature = fields["key"], fields["signature"]
    if key is None or signature is None:
        return key is signature
    return is_signed(str(key), str(signature), bytes.fromhex(fields["hash"]))


def line_of(fields: dict[str, Any]) -> bytes:
    """The entry as its line."""
    return canonical(fields) + b"\n"
