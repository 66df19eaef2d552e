"""How fast the detectors are against exact peers: neighbour search, LOF, one decision, the start.

The two sides of a ratio are timed in turn in one run, so that a busy machine slows them alike;
ratios are medians over the rounds, of wall time and of processor time of all threads. The second
hardly changes with what else the machine does.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

from detectors.counterfeit import CounterfeitDetector
from detectors.density import LocalDensity
from detectors.neighbours import NeighbourIndex, collapse
from tests.bench import detector_data as data

FloatArray = NDArray[np.float64]
Timing = tuple[float, float]  # seconds of the wall clock, and of the processor

_NEIGHBOURS = 20
_SMALL, _LARGE = 10_000, 100_000
# Rows, features, and the peers of the search; a ball tree of many features takes minutes.
_SIZES: tuple[tuple[int, int, tuple[str, ...]], ...] = (
    (_SMALL, 8, ("kd_tree", "ball_tree", "brute")),
    (_SMALL, 16, ("kd_tree", "ball_tree", "brute")),
    (_SMALL, 32, ("kd_tree", "ball_tree", "brute")),
    (_LARGE, 8, ("kd_tree", "ball_tree", "brute")),
    (_LARGE, 16, ("kd_tree", "ball_tree", "brute")),
)
_KINDS: dict[str, Callable[..., FloatArray]] = {
    "clusters": data.clusters,
    "isotropic": data.isotropic,
    "lattice": data.lattice,
}
_ROOT = Path(__file__).parents[2]
_START = """
import time
begun = time.process_time()
import numpy, scipy, sklearn.neighbors
peers = time.process_time()
from detectors.neighbours import NeighbourIndex
imported = time.process_time()
rows = numpy.random.default_rng(0).normal(size=(1000, 8))
NeighbourIndex(rows).join(20)
called = time.process_time()
sklearn.neighbors.NearestNeighbors(n_neighbors=20, algorithm="kd_tree").fit(rows).kneighbors()
theirs = time.process_time()
print([peers - begun, imported - peers, called - imported, theirs - called])
"""


def local_outlier_factor(X: FloatArray, k: int) -> FloatArray:
    """LOF of every row (Breunig et al. 2000) by our search: the twin of scikit-learn's for speed.

    Equal rows are told apart here as there; the product's detectors weigh them instead.
    """
    rows, _, inverse, weights = collapse(X)
    found = NeighbourIndex(rows, weights).join(k)
    counts, total = found.counts, found.counts.sum(axis=1)
    is_weighted = len(rows) < len(X)  # else every neighbour counts once
    found.distance2[counts == 0] = 0.0
    away = np.sqrt(found.distance2, out=found.distance2)
    reach = away.max(axis=1)[found.positions]
    np.maximum(reach, away, out=reach)
    if is_weighted:
        reach *= counts
    density = 1.0 / (reach.sum(axis=1) / total + 1e-10)
    near = density[found.positions]
    if is_weighted:
        near *= counts
    ratio = near.sum(axis=1) / total / density
    whole: FloatArray = ratio[inverse]
    return whole


def neighbour_distances(X: FloatArray, k: int) -> FloatArray:
    """Distances (n, k) to the nearest other rows by our search; X without equal rows."""
    return np.sqrt(NeighbourIndex(X).join(k).distance2)


def peer_distances(X: FloatArray, k: int, algorithm: str) -> FloatArray:
    """The same by scikit-learn, with all cores."""
    peer = NearestNeighbors(n_neighbors=k, algorithm=algorithm, n_jobs=-1).fit(X)
    distances: FloatArray = peer.kneighbors()[0]
    return distances


def measure_search(rounds: int, *, largest: int = _LARGE) -> list[dict[str, Any]]:
    """Time index and nearest 20 of all rows, ours and scikit-learn's, and compare the answers."""
    neighbour_distances(data.clusters(2_000, 4), _NEIGHBOURS)  # compile, or read the cache
    rows = []
    for kind, n, d, peers in _cases(("clusters", "isotropic"), largest):
        X = _KINDS[kind](n, d)
        times: dict[str, list[Timing]] = {name: [] for name in ("ours", *peers)}
        differs = 0.0
        for _ in range(rounds if n <= _SMALL else 1):
            mine, taken = _timed(neighbour_distances, X, _NEIGHBOURS)
            times["ours"].append(taken)
            for peer in peers:
                theirs, taken = _timed(peer_distances, X, _NEIGHBOURS, peer)
                times[peer].append(taken)
                differs = max(differs, float(np.abs(theirs - mine).max()))
        rows.append(
            {
                "kind": kind,
                "rows": n,
                "features": d,
                "differs": differs,
                "wall_s": {name: _median(taken, 0) for name, taken in times.items()},
                "processor_s": {name: _median(taken, 1) for name, taken in times.items()},
                "times_faster": {p: _ratio(times["ours"], times[p], 0) for p in peers},
                "times_less_processor": {p: _ratio(times["ours"], times[p], 1) for p in peers},
            }
        )
    return rows


def measure_lof(rounds: int, *, largest: int = _LARGE) -> list[dict[str, Any]]:
    """Exact LOF of all rows, ours against scikit-learn's with all cores."""
    local_outlier_factor(data.clusters(2_000, 4), _NEIGHBOURS)
    rows = []
    for kind, n, d, _ in _cases(tuple(_KINDS), largest):
        X = _KINDS[kind](n, d)
        mine, theirs = [], []
        for _ in range(rounds if n <= _SMALL else 1):
            mine.append(_timed(local_outlier_factor, X, _NEIGHBOURS)[1])
            theirs.append(_timed(LocalOutlierFactor(_NEIGHBOURS, n_jobs=-1).fit, X)[1])
        rows.append(
            {
                "kind": kind,
                "rows": n,
                "features": d,
                "ours": _median(mine, 0),
                "sklearn": _median(theirs, 0),
                "times_faster": _ratio(mine, theirs, 0),
                "times_less_processor": _ratio(mine, theirs, 1),
                "ours_mb": round(peak_mb("ours", kind, n, d)),
                "sklearn_mb": round(peak_mb("theirs", kind, n, d)),
            }
        )
    return rows


def _cases(kinds: tuple[str, ...], largest: int) -> Iterator[tuple[str, int, int, tuple[str, ...]]]:
    """Kind, rows, features and peers of each table; the large ones are of clusters."""
    for kind in kinds:
        for n, d, peers in _SIZES:
            if n <= largest and (kind == "clusters" or n <= _SMALL):
                yield kind, n, d, peers


def measure_start() -> dict[str, float]:
    """Processor seconds of import and first call, in processes of their own: one that compiles, and
    one that finds the cache of the first."""
    with tempfile.TemporaryDirectory() as cache:
        runs = []
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, "-c", _START],
                check=True,
                cwd=_ROOT,
                env=os.environ | {"NUMBA_CACHE_DIR": cache},
                capture_output=True,
                text=True,
            )
            runs.append(json.loads(done.stdout))
    cold, warm = runs
    return {
        "import_of_peers": round(warm[0], 2),
        "import_on_top": round(warm[1], 2),
        "first_call_compiling": round(cold[2], 2),
        "first_call_from_cache": round(warm[2], 3),
        "first_call_of_sklearn": round(warm[3], 3),
    }


def measure_decisions() -> list[dict[str, Any]]:
    """What one row costs, scored and explained, alone and in a batch, processor microseconds."""
    X = data.clusters(2_000, 20)
    y = np.ones(len(X), dtype=int)
    y[:10] = -1
    X[:10, :3] += 4
    density = LocalDensity().fit(X)
    whole = CounterfeitDetector().fit(X, y)
    peer = LocalOutlierFactor(_NEIGHBOURS, novelty=True).fit(X)
    rows: list[dict[str, Any]] = []
    asked: tuple[tuple[str, Callable[[FloatArray], Any]], ...] = (
        ("LocalDensity, score", density.score_samples),
        ("LocalDensity, score and parts", density.explain),
        ("CounterfeitDetector, score", whole.score_samples),
        ("CounterfeitDetector, score and parts", whole.explain),
        ("LOF (scikit-learn), score", peer.score_samples),
    )
    for name, ask in asked:
        ask(X[:2])
        alone = _median([_timed(ask, X[:1])[1] for _ in range(50)], 1)
        batch = _median([_timed(ask, X[:1000])[1] for _ in range(3)], 1) / 1000
        rows.append(
            {"what": name, "alone_us": round(alone * 1e6), "batch_us": round(batch * 1e6, 1)}
        )
    added = _median([_timed(whole.add_case, X[100 + i])[1] for i in range(30)], 1)
    rows.append({"what": "CounterfeitDetector, add_case", "alone_us": round(added * 1e6)})
    return rows


def peak_mb(who: str, kind: str, n: int, d: int) -> float:
    """Memory that fitting takes beyond the table, MB, in a process of its own (Linux)."""
    command = [sys.executable, "-m", "tests.bench.detector_speed", who, kind, str(n), str(d)]
    done = subprocess.run(command, check=True, cwd=_ROOT, capture_output=True, text=True)
    return float(json.loads(done.stdout))


def _print_peak(who: str, kind: str, n: int, d: int) -> None:
    def fit(X: FloatArray) -> None:
        if who == "ours":
            local_outlier_factor(X, _NEIGHBOURS)
        else:
            LocalOutlierFactor(_NEIGHBOURS, n_jobs=-1).fit(X)

    fit(data.clusters(1_000, d))
    X = _KINDS[kind](n, d)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak so far
    before = _peak_kb()
    fit(X)
    print(json.dumps((_peak_kb() - before) / 1024))


def _peak_kb() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def _timed(call: Callable[..., Any], *arguments: Any) -> tuple[Any, Timing]:
    wall, processor = time.perf_counter(), time.process_time()
    answer = call(*arguments)
    return answer, (time.perf_counter() - wall, time.process_time() - processor)


def _median(taken: list[Timing], which: int) -> float:
    return round(median(one[which] for one in taken), 6)


def _ratio(mine: list[Timing], theirs: list[Timing], which: int) -> float:
    return round(median(b[which] / a[which] for a, b in zip(mine, theirs, strict=True)), 2)


if __name__ == "__main__":
    _print_peak(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
