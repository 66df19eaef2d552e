"""Which rows of a table are equal."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

BitArray = NDArray[np.uint64]
IntArray = NDArray[np.int64]

_START = np.uint64(0x9E3779B97F4A7C15)
_FACTOR = np.uint64(0xFF51AFD7ED558CCD)  # of MurmurHash3's last step: every bit moves the others
_SHIFT = np.uint64(32)


@njit(cache=True, fastmath=False, nogil=True)
def number(rows: BitArray) -> tuple[IntArray, IntArray, IntArray]:
    """Number unlike rows in the order they first occur, by a hash table with open addresses.

    Parameters
    ----------
    rows
        (n, d), the bits of the values: equal bits are equal values.

    Returns
    -------
    Where each unlike row first occurs, which of them each row is, (n,), and how often each occurs.
    """
    n, d = rows.shape
    size = 2
    while size < 2 * n:
        size *= 2
    mask = np.uint64(size - 1)
    table = np.full(size, -1, dtype=np.int32)
    first = np.empty(n, dtype=np.int64)
    which = np.empty(n, dtype=np.int64)
    count = np.zeros(n, dtype=np.int64)
    unlike = 0
    for i in range(n):
        key = _START
        for f in range(d):
            key = (key ^ rows[i, f]) * _FACTOR
            key = key ^ (key >> _SHIFT)
        at = np.int64(key & mask)
        while True:
            j = table[at]
            if j < 0:
                j = unlike
                table[at], first[j] = j, i
                unlike += 1
                break
            f = 0
            while f < d and rows[first[j], f] == rows[i, f]:
                f += 1
            if f == d:
                break
            at = (at + 1) & (size - 1)
        which[i] = j
        count[j] += 1
    return first[:unlike].copy(), which, count[:unlike].copy()
