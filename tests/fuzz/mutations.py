"""Ways to spoil a document, all drawn from one seeded generator."""

import ast
import codecs
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

READERS = Path(__file__).parents[2] / "data" / "readers"
USUAL_BYTES = 1 << 15
LARGEST_BYTES = 1 << 20
_GROWN_ONE_IN = 400  # large inputs are slow; a few show whether time grows faster than size
_TOKEN = re.compile(rb"<[^<>]{0,200}>|\"[^\"\n]{0,200}\"|[A-Za-z0-9_.:+-]+|[^\w\s]")
_NUMBER = re.compile(rb"[+-]?\d+(?:\.\d+)?")
_ODD = (
    *(b"", b"0", b"-0", b"-1", b"00", b"NaN", b"Infinity", b"1e400", b"-1e-400", b"9" * 30),
    *(b"9223372036854775808", b"9007199254740993", b"0.1e1", b"1,5", b"1.234,5", b"null", b"true"),
    *(b"0000-00-00T00:00:00Z", b"9999-12-31T23:59:59.999999999-23:59", b"2024-02-30", b"240200"),
    *(b"2016-12-31T23:59:60Z", b"1677-01-01T00:00:00Z", b"-0001-01-01", b"24:00:00", b"+99:99"),
    *(b"\x00", b"\x1d", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xe2\x80\xae", b"\xef\xbb\xbf"),
    *(b"\\ud800", b"\\u0000", b"%00", b"%", b"%ZZ", b"&#0;", b"&lt;", b"&x;", b"]]>", b"<![CDATA["),
    *(b"<!--", b"-->", b"<?x?>", b"<!DOCTYPE x>", b'"', b'""', b"'", b"\\", b";", b",", b"\t"),
    *(b"\r\n", b"\n", b"[]", b"{}", b"[[", b"{{", b"}", b"]", b"=1+1", b"'; DROP TABLE x; --"),
)


@cache
def dictionary() -> tuple[bytes, ...]:
    """Words that the readers know: the short texts in their own sources."""
    words = set()
    for path in sorted(READERS.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
                if 0 < len(text) <= 60 and not text.count(" ") > 2:
                    words.add(text.encode("utf-8", errors="surrogatepass"))
    return tuple(sorted(words))


def mutated(data: bytes, other: bytes, rng: Random) -> bytes:
    """The document spoiled in one to five ways; ``other`` is one to take parts from."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5))):
        data = rng.choice(_WAYS)(data, other, rng)
    if rng.randrange(_GROWN_ONE_IN) == 0:
        return _grown(data, rng)
    return data[:USUAL_BYTES]


def _span(data: bytes, rng: Random, longest: int = 400) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.randrange(1, longest))


def _flip(data: bytes, _: bytes, rng: Random) -> bytes:
    if not data:
        return data
    place = rng.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]


def _byte(data: bytes, _: bytes, rng: Random) -> bytes:
    place = rng.randrange(len(data) + 1)
    return data[:place] + bytes([rng.randrange(256)]) + data[place + rng.randrange(2) :]


def _insert(data: bytes, _: bytes, rng: Random) -> bytes:
    place = rng.randrange(len(data) + 1)
    return data[:place] + _word(rng) + data[place:]


def _word(rng: Random) -> bytes:
    return rng.choice(_ODD if rng.random() < 0.5 else dictionary())


def _delete(data: bytes, _: bytes, rng: Random) -> bytes:
    start, end = _span(data, rng)
    return data[:start] + data[end:]


def _cut(data: bytes, _: bytes, rng: Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _double(data: bytes, _: bytes, rng: Random) -> bytes:
    start, end = _span(data, rng)
    return data[:end] + data[start:end] * rng.choice((1, 1, 2, 20)) + data[end:]


def _splice(data: bytes, other: bytes, rng: Random) -> bytes:
    start, end = _span(other, rng, 1_000)
    place, gone = _span(data, rng)
    return data[:place] + other[start:end] + data[place if rng.random() < 0.5 else gone :]


def _other_token(data: bytes, other: bytes, rng: Random) -> bytes:
    """A token in the place of another: of the same document, of another, or a word."""
    chosen = _somewhere(_TOKEN, data, rng)
    if chosen is None:
        return data
    found = _somewhere(_TOKEN, rng.choice((data, other)), rng) if rng.random() < 0.6 else None
    new = found[0] if found else _word(rng)
    if chosen[0][:1] == b'"' and new[:1] != b'"' and rng.random() < 0.8:
        new = b'"' + new.replace(b'"', b"") + b'"'
    return data[: chosen.start()] + new + data[chosen.end() :]


def _other_number(data: bytes, _: bytes, rng: Random) -> bytes:
    chosen = _somewhere(_NUMBER, data, rng)
    if chosen is None:
        return data
    return data[: chosen.start()] + rng.choice(_ODD) + data[chosen.end() :]


def _somewhere(pattern: re.Pattern[bytes], data: bytes, rng: Random) -> re.Match[bytes] | None:
    """The next match behind a place by chance; listing all of them would cost the most time."""
    return pattern.search(data, rng.randrange(len(data) + 1)) or pattern.search(data)


def _other_line(data: bytes, other: bytes, rng: Random) -> bytes:
    lines, more = data.split(b"\n"), other.split(b"\n")
    place = rng.randrange(len(lines))
    way = rng.randrange(3)
    if way == 0:
        lines.insert(place, rng.choice(more))
    elif way == 1:
        lines[place] = rng.choice(lines)
    else:
        del lines[place]
    return b"\n".join(lines)


def _encoded(data: bytes, _: bytes, rng: Random) -> bytes:
    text = data.decode("utf-8", errors="replace")
    mark, name = rng.choice(
        (
            (codecs.BOM_UTF16_LE, "utf-16-le"),
            (b"", "utf-16-be"),
            (codecs.BOM_UTF8, "utf-8"),
            (b"", "cp1252"),
        )
    )
    return mark + text.encode(name, errors="replace")


def _grown(data: bytes, rng: Random) -> bytes:
    """One part of it so often that the document is large."""
    start, end = _span(data, rng, 2_000)
    part = data[start:end] or b" "
    times = rng.randrange(USUAL_BYTES, LARGEST_BYTES) // len(part)
    return data[:end] + part * times + data[end:]


_WAYS: tuple[Callable[[bytes, bytes, Random], bytes], ...] = (
    *(_flip, _byte, _insert, _insert, _delete, _cut, _double, _splice, _splice),
    *(_other_token, _other_token, _other_token, _other_token, _other_number, _other_line, _encoded),
)
