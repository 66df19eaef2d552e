"""How far prototypes can shrink and be quantised before the ranking suffers, and what that spares.

The energy is that of a stated model, not a measurement: operations and memory accesses of one
decision times what each costs in a 45 nm process at 0.9 V (Horowitz, ISSCC 2014; as quoted in table
3 of PMC8934428): a 32-bit float addition 0.9 pJ and multiplication 3.7 pJ, a 32-bit whole addition
0.1 pJ (a comparison alike), and 10 pJ for 64 bits from an 8 kB cache. Fetching and steering
instructions, which cost a processor more than the arithmetic, are left out on all sides.
"""

import time
from typing import Any

import numpy as np

from detectors.prototype_classifier import PrototypeClassifier
from detectors.quantised import QuantisedPrototypeClassifier
from tests.bench import detector_data as data
from tests.bench.detector_ranking import Scores, rank, summary
from tests.bench.detector_rivals import Method

FLOAT_ADD_PJ, FLOAT_MULTIPLY_PJ, WHOLE_ADD_PJ = 0.9, 3.7, 0.1
CACHE_BYTE_PJ = 10.0 / 8
BITS = (8, 4, 2, 1)
SIZES = ((1, 1), (2, 2), (3, 5), (6, 10))
_LABELS = 20


def measure(tables: data.Tables, seeds: int) -> list[dict[str, Any]]:
    """Mean AUC and AP of P3 with 20 labels by prototypes and bits; what one decision costs."""
    rows = []
    d = int(np.median([X.shape[1] for X, _ in tables.values()]))
    for size in SIZES:
        methods: dict[str, Method] = {"64": _scored(PrototypeClassifier(size))}
        for bits in BITS:
            methods[str(bits)] = _scored(QuantisedPrototypeClassifier(bits, n_prototypes=size))
        scores: Scores = {}
        for seed in range(seeds):
            rank(data.few_labels(tables, seed, _LABELS), methods, scores)
        found = {row["method"]: row for row in summary(scores)}
        for bits in (64, *BITS):
            row = found[str(bits)]
            cost = float_cost(d, sum(size)) if bits == 64 else table_cost(d, sum(size), bits)
            rows.append(
                {
                    "prototypes": list(size),
                    "bits": bits,
                    "auc": row["auc"],
                    "ap": row["ap"],
                    "features": d,
                    **cost,
                    "measured_ns": _nanoseconds(size, bits, d),
                }
            )
    return rows


def float_cost(d: int, p: int) -> dict[str, float]:
    """Of p prototypes of d features in single precision: subtract, square, weigh, add."""
    arithmetic = d * p * (2 * FLOAT_ADD_PJ + 2 * FLOAT_MULTIPLY_PJ)
    read = 4 * d * (p + 1)
    return {
        "prototype_bytes": 4 * d * p,
        "bytes_read": read,
        "multiply_adds": 2 * d * p,
        "picojoule": round(arithmetic + read * CACHE_BYTE_PJ),
    }


def table_cost(d: int, p: int, bits: int) -> dict[str, float]:
    """Of comparators and table look-ups: no multiplication."""
    read = 2 * d * p
    arithmetic = (d * bits + d * p) * WHOLE_ADD_PJ
    return {
        "prototype_bytes": -(-d * p * bits // 8),
        "bytes_read": read,
        "multiply_adds": 0,
        "picojoule": round(arithmetic + read * CACHE_BYTE_PJ),
    }


def _scored(model: Any) -> Method:
    def score(X: Any, y: Any, new: Any) -> Any:
        return -model.fit(X, np.where(y == 1, -1, 1)).score_samples(new)

    return score


def _nanoseconds(size: tuple[int, int], bits: int, d: int) -> int:
    """Processor time of one row in a batch of 10,000, as the estimators answer."""
    X = data.clusters(2_000, d)
    y = np.ones(len(X), dtype=int)
    y[:20] = -1
    X[:20, :3] += 4
    model = (
        PrototypeClassifier(size)
        if bits == 64
        else QuantisedPrototypeClassifier(bits, n_prototypes=size)
    ).fit(X, y)
    rows = data.clusters(10_000, d, seed=1)
    model.score_samples(rows[:10])
    taken = []
    for _ in range(7):
        started = time.process_time()  # hardly changes with what else the machine does
        model.score_samples(rows)
        taken.append(time.process_time() - started)
    return round(min(taken) / len(rows) * 1e9)
