"""One way to write a value as bytes (RFC 8785), so that a hash means one thing everywhere."""

import hashlib
import json
from pathlib import Path

import rfc8785


def canonical(value: object) -> bytes:
    """The value as canonical JSON, without a line end.

    Raises ValueError for what JSON cannot say exactly: NaN, or whole numbers past 2^53.
    """
    return rfc8785.dumps(value)  # type: ignore[arg-type]


def digest(value: object) -> str:
    """SHA-256 of the canonical bytes, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def parsed(text: bytes) -> object:
    """The value of canonical bytes; ValueError where they are not JSON in its canonical form.

    A text that only means the same is refused: otherwise a changed space would go unseen.
    """
    try:
        value = json.loads(text)
        again = canonical(value)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if again != text:
        raise ValueError("not in canonical form")
    return value


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
