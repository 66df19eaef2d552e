"""Serial numbers by a maker's scheme: distinct by construction, made for whole columns.

A pack's number in its maker's pool goes through a keyed bijection, so no list of issued serials is
needed and memory does not depend on how many there are.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from data.simulator.chance import I64, U64, mix

LETTERS_AND_DIGITS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
UPPER_36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
LOT_BITS = 17  # packs of a lot number below 2 ** 17
_ROUNDS = 4
_GAP_EVERY = 97  # a sequential printer skips two numbers after so many

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class SerialScheme:
    """How a maker numbers packs.

    ``kind`` is ``random`` (any text of the alphabet) or ``sequential`` (counted up within a lot,
    with small gaps; each lot in a range of its own). ``prefix`` stands before; ``length`` counts
    the characters after it.
    """

    kind: str
    alphabet: str
    length: int
    prefix: str
    key: int

    @property
    def width(self) -> int:
        """Characters of a serial."""
        return len(self.prefix) + self.length


def serial_bytes(scheme: SerialScheme, lot_no: I64, pack_no: I64) -> Bytes:
    """The serials of packs as a matrix of characters, one row a pack."""
    number = (lot_no << LOT_BITS) + pack_no
    out = np.empty((len(number), scheme.width), dtype=np.uint8)
    out[:, : len(scheme.prefix)] = np.frombuffer(scheme.prefix.encode(), dtype=np.uint8)
    body = out[:, len(scheme.prefix) :]
    if scheme.kind == "sequential":
        _write_digits(body, number + 2 * (pack_no // _GAP_EVERY) + scheme.key % 1_000, DIGITS)
        return out
    half = scheme.length // 2
    left_size, right_size = (
        len(scheme.alphabet) ** half,
        len(scheme.alphabet) ** (scheme.length - half),
    )
    left, right = number // right_size % left_size, number % right_size
    for turn in range(_ROUNDS):
        left = (left + _noise(right, scheme.key + 2 * turn, left_size)) % left_size
        right = (right + _noise(left, scheme.key + 2 * turn + 1, right_size)) % right_size
    _write_digits(body[:, :half], left, scheme.alphabet)
    _write_digits(body[:, half:], right, scheme.alphabet)
    return out


def _noise(values: I64, key: int, size: int) -> I64:
    words: U64 = values.astype(np.uint64) ^ mix(np.array([key], dtype=np.uint64))
    return (mix(words) >> np.uint64(1)).astype(np.int64) % size


def _write_digits(out: Bytes, values: I64, alphabet: str) -> None:
    letters = _letters(alphabet)
    base = len(alphabet)
    rest = values
    for place in range(out.shape[1] - 1, -1, -1):
        above = rest // base
        out[:, place] = letters[rest - above * base]
        rest = above


@lru_cache(maxsize=16)
def _letters(alphabet: str) -> Bytes:
    return np.frombuffer(alphabet.encode(), dtype=np.uint8)
