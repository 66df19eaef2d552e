"""Chance without a state: every draw is a hash of the seed, its purpose and what it is about.

A draw depends on nothing but its own keys, so lots can be lived in any order and in chunks of any
size, and no draw shifts another. All arithmetic on draws is in integers: the same seed gives the
same bytes on any machine, whatever its vector units do with logarithms.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from math import exp
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]
Key = I64 | U64 | int

_STEPS = 512  # intervals of a quantile table
_SCALE_BITS = 20  # a factor of 1 is 2 ** 20
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1, _M2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def mix(words: U64) -> U64:
    """A bijection of 64-bit words whose output looks like noise (the finaliser of SplitMix64)."""
    words = words + _GOLDEN
    words = (words ^ (words >> np.uint64(30))) * _M1
    words = (words ^ (words >> np.uint64(27))) * _M2
    return words ^ (words >> np.uint64(31))


@lru_cache(maxsize=4096)
def _root(seed: int, purpose: str) -> int:
    return int.from_bytes(blake2b(f"{seed}|{purpose}".encode(), digest_size=8).digest(), "little")


def _word(key: Key) -> U64:
    words = np.atleast_1d(np.asarray(key))
    return words if words.dtype == np.uint64 else words.astype(np.int64).view(np.uint64)


@dataclass(frozen=True)
class Chance:
    """The source of all draws of one simulated world."""

    seed: int

    def bits(self, purpose: str, *keys: Key) -> U64:
        """64 random bits for every row of the keys; keys broadcast."""
        out: U64 = np.array([_root(self.seed, purpose)], dtype=np.uint64)
        for key in keys:
            out = mix(np.asarray(out ^ _word(key), dtype=np.uint64))
        return out

    def below(self, limit: I64 | int, purpose: str, *keys: Key) -> I64:
        """Whole numbers from 0 to below a limit (at most 2 ** 31), all equally likely."""
        high = (self.bits(purpose, *keys) >> np.uint64(32)).astype(np.int64)
        return (high * limit) >> 32

    def happens(self, share: npt.NDArray[np.float64] | float, purpose: str, *keys: Key) -> Mask:
        """Whether something of a given probability (0 to 1) happens."""
        bar = np.asarray(np.asarray(share) * 2.0**53, dtype=np.uint64)
        return np.asarray((self.bits(purpose, *keys) >> np.uint64(11)) < bar)

    def spread_s(self, median_s: I64 | int, sigma: float, purpose: str, *keys: Key) -> I64:
        """Seconds around a median with a lognormal tail (``sigma`` of the logarithm)."""
        factor = self.factor(sigma, purpose, *keys)
        seconds: I64 = (np.asarray(median_s, dtype=np.int64) * factor) >> _SCALE_BITS
        return seconds

    def factor(self, sigma: float, purpose: str, *keys: Key) -> I64:
        """Factors around 1, in units of 2 ** -20, lognormal with ``sigma`` of the logarithm."""
        high = (self.bits(purpose, *keys) >> np.uint64(32)).astype(np.int64)
        table = _lognormal(sigma)
        place = high >> 23
        low, top = table[place], table[place + 1]
        between: I64 = low + (((top - low) * (high & ((1 << 23) - 1))) >> 23)
        return between

    def choose(self, shares: tuple[float, ...], purpose: str, *keys: Key) -> I64:
        """The number of one of several outcomes with given probabilities; the last takes the rest.

        Probabilities that sum to less than one leave the remainder to ``len(shares)``.
        """
        edges = np.cumsum(np.asarray(shares)) * 2.0**53
        word = self.bits(purpose, *keys) >> np.uint64(11)
        place: I64 = np.searchsorted(edges.astype(np.uint64), word, "right").astype(np.int64)
        return place


@lru_cache(maxsize=64)
def _lognormal(sigma: float) -> I64:
    """Quantiles of a lognormal of median 1 at equal steps, its ends cut at one in two thousand."""
    normal = NormalDist()
    shares = [min(max(step / _STEPS, 0.0005), 0.9995) for step in range(_STEPS + 1)]
    return np.array(
        [round(exp(sigma * normal.inv_cdf(share)) * 2**_SCALE_BITS) for share in shares],
        dtype=np.int64,
    )
