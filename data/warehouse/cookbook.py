"""What analysts need not write themselves: table macros and ready queries of ``sql/``.

``sql/macros/`` holds table macros in the trade's words (``trace``, ``who_has``); every published
copy of the warehouse carries them. ``sql/queries/`` holds questions with their SELECT, parameters
written ``$lot``. Each file is one SELECT under a header:

    -- macro:   who_has(of_gtin, of_lot)     (or query:  whom_to_call)
    -- purpose: one sentence
    -- try:     what gives an answer on the sample feed
    -- caveats: how it may mislead           (optional)
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

import duckdb

from data.errors import InputError, ModelError

_ENTRY = re.compile(r"-- (macro|query|purpose|try|caveats):\s+(.*)")
_MORE = re.compile(r"--\s{3,}(\S.*)")
_SIGNATURE = re.compile(r"(\w+)\((\w+(?:, \w+)*)\)")
_PARAMETER = re.compile(r"\$([a-z_]+)")


@dataclass(frozen=True)
class Macro:
    """A table macro: ``signature`` as one calls it, ``example`` a query to try."""

    name: str
    signature: str
    purpose: str
    example: str
    caveats: str
    text: str


@dataclass(frozen=True)
class Query:
    """A ready query: the names it ``takes``, and an ``example`` value of each for the sample."""

    name: str
    purpose: str
    takes: tuple[str, ...]
    example: dict[str, str]
    caveats: str
    text: str


def read_macros() -> list[Macro]:
    """All macros, by name. Raises ModelError for a file whose header does not hold."""
    macros = []
    for path, entries, text in _headed("macros"):
        signature = _SIGNATURE.fullmatch(entries.get("macro", ""))
        if not signature or path != f"sql/macros/{signature[1]}.sql" or "try" not in entries:
            raise ModelError(
                f"{path}: the header needs macro, named as the file, with arguments, and try."
            )
        macros.append(
            Macro(
                name=signature[1],
                signature=signature[0],
                purpose=entries["purpose"],
                example=entries["try"],
                caveats=entries.get("caveats", ""),
                text=text,
            )
        )
    return macros


def read_queries() -> list[Query]:
    """All ready queries, by name. Raises ModelError for a file whose header does not hold."""
    queries = []
    for path, entries, text in _headed("queries"):
        name = entries.get("query", "")
        takes = tuple(dict.fromkeys(_PARAMETER.findall(text)))
        example = dict(pair.partition("=")[::2] for pair in entries.get("try", "").split())
        if path != f"sql/queries/{name}.sql" or (example and set(example) != set(takes)):
            raise ModelError(
                f"{path}: the header needs query, named as the file, and in try a value of each "
                f"of {', '.join(takes) or 'nothing'}."
            )
        queries.append(
            Query(
                name=name,
                purpose=entries["purpose"],
                takes=takes,
                example=example,
                caveats=entries.get("caveats", ""),
                text=text,
            )
        )
    return queries


def ready_query(name: str) -> Query:
    """The ready query of a name. Raises InputError where there is none."""
    for query in read_queries():
        if query.name == name:
            return query
    raise InputError(f"{name}: no such query. touchstone queries lists all.")


def create_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Create all macros over the published views, whatever stood under their names before.

    Raises ModelError naming the file of a macro that cannot be made.
    """
    for macro in read_macros():
        try:
            con.execute(f"CREATE OR REPLACE MACRO {macro.signature} AS TABLE\n{macro.text}")
        except duckdb.Error as error:
            raise ModelError(f"sql/macros/{macro.name}.sql: cannot be made: {error}") from error


def _headed(folder: str) -> Iterator[tuple[str, dict[str, str], str]]:
    """Path, header entries and text of each file of a folder, by name."""
    for file in sorted((files("sql") / folder).iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".sql"):
            path = f"sql/{folder}/{file.name}"
            text = file.read_text(encoding="utf-8")
            entries = _entries(text)
            if not entries.get("purpose"):
                raise ModelError(f"{path}: the header has no purpose.")
            yield path, entries, text


def _entries(text: str) -> dict[str, str]:
    entries: dict[str, str] = {}
    current = ""
    for line in text.splitlines():
        if entry := _ENTRY.fullmatch(line):
            current = entry[1]
            entries[current] = entry[2].strip()
        elif current and (more := _MORE.fullmatch(line)):
            entries[current] += f" {more[1].strip()}"
        else:
            break
    return entries
