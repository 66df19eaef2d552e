"""The detectors against their peers: how well they rank, how long they take.

``python -m tests.bench.detectors`` measures and prints the tables; ``--out FILE`` writes them into
the page between its markers. ``--extras`` adds PyOD, XGBoost and deep models where importable.
Every method has one setting for all tables. Rows of a table are timed in turn in one run, so that
a busy machine slows them alike; ratios are medians over the rounds.
"""

import argparse
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata, wilcoxon
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import LocalOutlierFactor

from detectors.counterfeit import CounterfeitDetector
from detectors.density import LocalDensity
from detectors.neighbours import NeighbourIndex, collapse
from tests.bench import detector_data as data
from tests.bench.detector_rivals import Method, ours, ours_with_labels, supervised, unsupervised

FloatArray = NDArray[np.float64]
Scores = dict[str, dict[str, list[tuple[float, float, float]]]]  # method, table: (AUC, AP, s)

_NEIGHBOURS = 20
_SIZES = ((10_000, 8), (10_000, 16), (10_000, 32), (100_000, 8), (100_000, 16))
_KINDS: dict[str, Callable[..., FloatArray]] = {
    "clusters": data.clusters,
    "isotropic": data.isotropic,
    "lattice": data.lattice,
}
_ROOT = Path(__file__).parents[2]


def local_outlier_factor(X: FloatArray, k: int) -> FloatArray:
    """LOF of every row (Breunig et al. 2000) by our search: the twin of scikit-learn's for speed.

    Equal rows are told apart here as there; the product's detectors weigh them instead.
    """
    rows, _, inverse, weights = collapse(X)
    found = NeighbourIndex(rows, weights).join(k)
    counts = found.counts
    away = np.sqrt(np.where(counts > 0, found.distance2, 0.0))
    k_distance = away.max(axis=1)
    reach = np.maximum(away, k_distance[found.positions]) * counts
    density = 1.0 / (reach.sum(axis=1) / counts.sum(axis=1) + 1e-10)
    ratio = (density[found.positions] * counts).sum(axis=1) / counts.sum(axis=1) / density
    return ratio[inverse]


def rank(tasks: Iterable[data.Task], methods: dict[str, Method], scores: Scores) -> None:
    """Score every task by every method; add to ``scores``."""
    for task in tasks:
        for name, method in methods.items():
            started = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                suspicion = method(task.train, task.labels, task.test)
            seconds = time.perf_counter() - started
            known = np.nan_to_num(suspicion, nan=0.0, posinf=1e300, neginf=-1e300)
            entry = (
                float(roc_auc_score(task.truth, known)),
                float(average_precision_score(task.truth, known)),
                seconds,
            )
            scores.setdefault(name, {}).setdefault(task.name, []).append(entry)


def summary(scores: Scores) -> list[dict[str, Any]]:
    """Means over the tables, best first, and how the first of ours compares with each."""
    names = list(scores)
    places = list(next(iter(scores.values())))
    mean = np.array([[np.mean(scores[n][t], axis=0) for t in places] for n in names])
    ranks = np.mean([rankdata(-mean[:, t, 0]) for t in range(len(places))], axis=0)
    rows = []
    for i, name in enumerate(names):
        gain = mean[0, :, 0] - mean[i, :, 0]
        p = float(wilcoxon(gain).pvalue) if len(places) > 5 and np.any(gain) else float("nan")
        rows.append(
            {
                "method": name,
                "auc": float(mean[i, :, 0].mean()),
                "ap": float(mean[i, :, 1].mean()),
                "rank": float(ranks[i]),
                "wins": int((gain > 0).sum()),
                "p": p,
                "seconds": float(mean[i, :, 2].mean()),
            }
        )
    return sorted(rows, key=lambda row: -row["auc"])


def table(scores: Scores) -> list[str]:
    """A summary as Markdown."""
    first = next(iter(scores))
    lines = [
        f"| method | AUC | AP | mean rank | {first} wins on | Wilcoxon p | s a table |",
        "|---|---|---|---|---|---|---|",
    ]
    count = len(next(iter(scores.values())))
    for row in summary(scores):
        is_first = row["method"] == first
        wins = "" if is_first else f"{row['wins']} of {count}"
        p = "" if np.isnan(row["p"]) else f"{row['p']:.3f}"
        name = f"**{row['method']}**" if row["method"].startswith("Touchstone") else row["method"]
        lines.append(
            f"| {name} | {row['auc']:.3f} | {row['ap']:.3f} | {row['rank']:.1f} | {wins} | {p} "
            f"| {row['seconds']:.2f} |"
        )
    return lines


def ranking_tables(seeds: int, *, extras: bool) -> dict[str, list[str]]:
    """All the protocols, as Markdown tables by title."""
    protocols: dict[str, tuple[Callable[[int], Iterable[data.Task]], str]] = {
        "P2 one class: learned from normal rows only": (data.one_class, "clean"),
        "P1 contaminated: odd rows among those learned from": (data.contaminated, "contaminated"),
        "P2 with 100 rows to learn from": (lambda seed: data.small(seed, 100), "clean"),
    }
    made = {}
    for title, (protocol, reference) in protocols.items():
        scores: Scores = {}
        for seed in range(seeds):
            methods = ours(reference) | unsupervised(seed, extras=extras)
            rank(protocol(seed), methods, scores)
        made[title] = table(scores)
        _show(title, made[title])
    for count in (5, 10, 20):
        scores = {}
        for seed in range(seeds):
            methods = ours_with_labels() | supervised(seed, extras=extras)
            rank(data.few_labels(seed, count), methods, scores)
        title = f"P3 with {count} labels"
        made[title] = table(scores)
        _show(title, made[title])
    return made


def quality_tables(seeds: int, *, extras: bool) -> dict[str, list[str]]:
    """The real counterfeit labels, split by lot."""
    made = {}
    for count in (5, 20):
        scores: Scores = {}
        for seed in range(2 * seeds):
            methods = ours_with_labels() | supervised(seed, extras=extras)
            rank(data.quality(seed, count), methods, scores)
        if scores:
            title = f"Medicine samples with {count} known counterfeits"
            made[title] = table(scores)
            _show(title, made[title])
    return made


def speed_table(rounds: int) -> list[str]:
    """Exact LOF of all rows, ours against scikit-learn's with all cores."""
    lines = [
        "| data | rows | features | ours, s | scikit-learn n_jobs=-1, s | times faster "
        "| ours, MB | scikit-learn, MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    local_outlier_factor(data.clusters(2_000, 4), _NEIGHBOURS)  # compile, or read the cache
    for kind, make in _KINDS.items():
        for n, d in _SIZES:
            if kind != "clusters" and n > 10_000:
                continue
            X = make(n, d)
            mine, theirs = [], []
            for _ in range(rounds):
                mine.append(_seconds(lambda X=X: local_outlier_factor(X, _NEIGHBOURS)))
                theirs.append(
                    _seconds(lambda X=X: LocalOutlierFactor(_NEIGHBOURS, n_jobs=-1).fit(X))
                )
            ratio = median(b / a for a, b in zip(mine, theirs, strict=True))
            memory = [peak_mb(who, kind, n, d) for who in ("ours", "theirs")]
            lines.append(
                f"| {kind} | {n:,} | {d} | {median(mine):.3f} | {median(theirs):.3f} "
                f"| {ratio:.1f} | {memory[0]:.0f} | {memory[1]:.0f} |"
            )
    _show("Exact LOF", lines)
    return lines


def decision_table() -> list[str]:
    """What one row costs, scored and explained, alone and in a batch."""
    X = data.clusters(2_000, 20)
    y = np.ones(len(X), dtype=int)
    y[:10] = -1
    X[:10, :3] += 4
    lines = ["| | alone, µs | in a batch of 1,000, µs a row |", "|---|---|---|"]
    density = LocalDensity().fit(X)
    whole = CounterfeitDetector().fit(X, y)
    for name, ask in (
        ("LocalDensity, score", density.score_samples),
        ("LocalDensity, score and parts", density.explain),
        ("CounterfeitDetector, score", whole.score_samples),
        ("CounterfeitDetector, score and parts", whole.explain),
    ):
        ask(X[:2])
        alone = median(_seconds(lambda ask=ask: ask(X[:1])) for _ in range(50))
        batch = median(_seconds(lambda ask=ask: ask(X[:1000])) for _ in range(3)) / 1000
        lines.append(f"| {name} | {alone * 1e6:.0f} | {batch * 1e6:.0f} |")
    added = median(_seconds(lambda i=i: whole.add_case(X[100 + i])) for i in range(30))
    lines.append(f"| CounterfeitDetector, add_case | {added * 1e6:.0f} | |")
    _show("One decision", lines)
    return lines


def peak_mb(who: str, kind: str, n: int, d: int) -> float:
    """Memory that fitting takes beyond the table, MB, in a process of its own (Linux)."""
    command = [sys.executable, "-m", "tests.bench.detectors", "--peak", who, kind, str(n), str(d)]
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


def _seconds(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _show(title: str, lines: list[str]) -> None:
    print(f"\n## {title}\n\n" + "\n".join(lines), flush=True)


_START, _END = "<!-- measured -->", "<!-- end -->"


def write(path: Path, made: dict[str, list[str]]) -> None:
    """Put the tables between the page's markers."""
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(_START)
    _, _, after = rest.partition(_END)
    body = "\n\n".join(f"### {title}\n" + "\n".join(lines) for title, lines in made.items())
    path.write_text(f"{before}{_START}\n{body}\n{_END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--extras", action="store_true")
    parser.add_argument("--only", choices=("ranking", "quality", "speed"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--peak", nargs=4)
    chosen = parser.parse_args()
    if chosen.peak:
        who, kind, n, d = chosen.peak
        _print_peak(who, kind, int(n), int(d))
        return
    made = {}
    if chosen.only in (None, "speed"):
        made["Exact LOF, 20 neighbours, all rows"] = speed_table(chosen.rounds)
        made["One decision"] = decision_table()
    if chosen.only in (None, "ranking"):
        made |= ranking_tables(chosen.seeds, extras=chosen.extras)
    if chosen.only in (None, "quality"):
        made |= quality_tables(chosen.seeds, extras=chosen.extras)
    if chosen.out:
        write(chosen.out, made)


if __name__ == "__main__":
    main()
