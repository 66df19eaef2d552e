"""Every word that a reader of a report sees, in each language; the views make pages of them.

``en`` and ``de`` hold the same files with the same keys: a file is a chapter, and a message of it
is had by ``say("chapter.key")``. A message names the values it takes in braces; one that counts
has a form for ``one`` and a form for ``other``, chosen by ``n``. A new language is a new folder,
and its name in ``LANGUAGES``.

The language is chosen around the making of a page (``with use("de"):``) and not handed from
function to function: nothing else about a page depends on it.
"""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import resources
from typing import Any, Final

LANGUAGES: Final = ("en", "de")

_language: ContextVar[str] = ContextVar("language", default="en")


@contextmanager
def use(language: str) -> Iterator[None]:
    """Speak a language of ``LANGUAGES`` for as long as the block lasts."""
    before = _language.set(language)
    try:
        yield
    finally:
        _language.reset(before)


def spoken() -> str:
    """Return the language chosen, as a tag of HTML."""
    return _language.get()


def say(key: str, /, **values: Any) -> str:
    """Return a message with its values set in; whole numbers are written as the language does.

    ``n`` chooses between the forms for one and for many, where the message has them.
    """
    message = _messages(spoken())[key]
    if isinstance(message, dict):
        message = message["one" if values["n"] == 1 else "other"]
    written = {name: _written(value) for name, value in values.items()}
    text: str = message.format_map(written)
    return text


def lines(key: str) -> tuple[str, ...]:
    """Return a message of several lines: the headings of a table, the points of a list."""
    return tuple(_messages(spoken())[key])


def table(key: str) -> dict[str, Any]:
    """Return all words of a table of codes, in its order."""
    words: dict[str, Any] = _messages(spoken())[key]
    return words


def page() -> dict[str, str]:
    """Return headings and fixed sentences by the names that templates use, and the language."""
    return {**table("page"), "language": spoken()}


def name(key: str, code: str | None, unknown: str | None = None) -> str:
    """Return the words for a code of a table; for one without words, ``unknown`` or the code."""
    words: str | None = table(key).get(code or "")
    if words is not None:
        return words
    return unknown if unknown is not None else (code or "").replace("_", " ")


def is_known(key: str, code: str | None) -> bool:
    """Tell whether a table has words for a code."""
    return (code or "") in table(key)


def marked(figure: str) -> str:
    """Return a figure, written as Python does, with the marks of the language."""
    return figure.translate(_marks(spoken()))


@cache
def messages_of(language: str) -> dict[str, Any]:
    """Return every message of a language by key: text, lines, or forms for one and other."""
    return {
        key: value
        for key, value in _messages(language).items()
        if not isinstance(value, dict) or is_counting(value)
    }


def is_counting(message: Any) -> bool:
    """Tell whether a message has forms for one and for many."""
    return isinstance(message, dict) and set(message) == {"one", "other"}


@cache
def _messages(language: str) -> dict[str, Any]:
    folder = resources.files(__name__).joinpath(language)
    chapters = {
        file.name.removesuffix(".toml"): tomllib.loads(file.read_text(encoding="utf-8"))
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".toml")
    }
    return dict(_entries("", chapters))


def _entries(prefix: str, tree: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        yield prefix + key, value
        if isinstance(value, dict) and not is_counting(value):
            yield from _entries(f"{prefix}{key}.", value)


@cache
def _marks(language: str) -> dict[int, str]:
    figures = _messages(language)["language.figures"]
    return str.maketrans({",": figures["thousands"], ".": figures["decimal"]})


def _written(value: Any) -> str:
    return marked(f"{value:,}") if isinstance(value, int) else str(value)
