"""Tables for the detectors' benchmark, and how they are split."""

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from tests.shared_data import SHARED

FloatArray = NDArray[np.float64]


class Task(NamedTuple):
    """One table, split."""

    name: str
    train: FloatArray
    labels: NDArray[Any]  # of the training rows: 1 where a case is known
    test: FloatArray
    truth: NDArray[Any]  # of the test rows: 1 where odd


Tables = dict[str, tuple[FloatArray, NDArray[Any]]]
ADBENCH = SHARED / "adbench"
QUALITY = SHARED / "quality" / "usp_mqdb_excl_africa.csv.gz"


def read_tables(folder: Path = ADBENCH) -> Tables:
    """The public anomaly-detection tables of a folder, by name; none where it does not exist."""
    found = {}
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as held:
            found[path.stem] = (held["X"].astype(float), held["y"].ravel().astype(int))
    return found


def contaminated(tables: Tables, seed: int) -> Iterator[Task]:
    """P1: 70 % to learn from, odd rows among them and nothing labelled; 30 % to score."""
    for name, (X, y) in tables.items():
        train, test = train_test_split(
            np.arange(len(y)), test_size=0.3, random_state=seed, stratify=y
        )
        yield Task(name, X[train], np.zeros(len(train), dtype=int), X[test], y[test])


def one_class(tables: Tables, seed: int) -> Iterator[Task]:
    """P2: half of the normal rows to learn from; the other half and all odd ones to score."""
    for name, (X, y) in tables.items():
        normal = np.random.default_rng(seed).permutation(np.flatnonzero(y == 0))
        train = normal[: len(normal) // 2]
        test = np.concatenate([normal[len(normal) // 2 :], np.flatnonzero(y == 1)])
        yield Task(name, X[train], np.zeros(len(train), dtype=int), X[test], y[test])


def few_labels(tables: Tables, seed: int, count: int) -> Iterator[Task]:
    """P3: as P1, with ``count`` odd rows labelled; all others are unlabelled."""
    for name, (X, y) in tables.items():
        train, test = train_test_split(
            np.arange(len(y)), test_size=0.3, random_state=seed, stratify=y
        )
        odd = np.random.default_rng(seed + 100).permutation(np.flatnonzero(y[train] == 1))
        labels = np.zeros(len(train), dtype=int)
        labels[odd[:count]] = 1
        yield Task(name, X[train], labels, X[test], y[test])


def small(tables: Tables, seed: int, size: int) -> Iterator[Task]:
    """P2 with no more than ``size`` rows to learn from."""
    for task in one_class(tables, seed):
        yield task._replace(train=task.train[:size], labels=task.labels[:size])


# What stays on one side of a split. Samples of one lot are one thing sampled twice; samples of one
# maker and substance may tell of one incident in several lots.
GROUPS = {"lot": ("Batch Lot Number", "API"), "maker": ("Manufacturer", "API")}


def quality(
    seed: int, count: int | None = None, path: Path = QUALITY, *, group: str = "lot"
) -> Iterator[Task]:
    """Real medicine samples, of which 74 of 12,545 were called counterfeit by a laboratory.

    What is known before any test: maker, product, place, year, how it was sold. Rare values are
    turned into numbers by how often they occur in the training half, so no label leaks into a
    feature. Equal groups (see ``GROUPS``) stay on one side. ``count``: known counterfeits in the
    training half; None: all of them.
    """
    if not path.is_file():
        return
    rows = _read(path)
    truth = np.array([row["Counterfeit Medicine"].strip().lower() == "yes" for row in rows])
    groups = [_key(row, GROUPS[group]) for row in rows]
    names = sorted(set(groups))
    random = np.random.default_rng(seed)
    in_train = dict(zip(names, random.random(len(names)) < 0.5, strict=True))
    train = np.array([in_train[name] for name in groups])
    learned = [row for row, is_in in zip(rows, train, strict=True) if is_in]
    values = _features(rows, learned)
    odd = random.permutation(np.flatnonzero(truth[train]))
    labels = np.zeros(int(train.sum()), dtype=int)
    labels[odd[: count if count is not None else len(odd)]] = 1
    yield Task("quality", values[train], labels, values[~train], truth[~train].astype(int))


def _read(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", errors="replace", newline="") as file:
        return list(csv.DictReader(file))


_COUNTED = (
    ("Manufacturer",),
    ("Medicine/Brand Name",),
    ("API",),
    ("Province",),
    ("Manufacturer", "API"),
    ("Medicine/Brand Name", "Manufacturer"),
    ("Province", "Manufacturer"),
    ("Country", "API"),
    ("Batch Lot Number", "API"),
)
_CHOICES = ("Country", "Dosage Form", "Drug Registered", "Facility Sector", "Facility Type")
_NOT_STATED = {"", "unknown", "missing", "n/a", "no information available"}


def _features(rows: list[dict[str, str]], learned: list[dict[str, str]]) -> FloatArray:
    columns = []
    for names in _COUNTED:
        often = Counter(_key(row, names) for row in learned)
        columns.append([np.log1p(often[_key(row, names)]) for row in rows])
    for name in ("Manufacturer", "Batch Lot Number", "Drug Registered"):
        columns.append([float(row[name].strip().lower() in _NOT_STATED) for row in rows])
    for name in _CHOICES:
        often = Counter(_key(row, (name,)) for row in learned)
        for value, _ in often.most_common(6):
            columns.append([float(_key(row, (name,)) == value) for row in rows])
    columns.append([float(row["Year"] or "nan") for row in rows])
    return np.array(columns, dtype=float).T


def _key(row: dict[str, str], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(row[name].strip().lower() for name in names)


def clusters(n: int, d: int, seed: int = 0) -> FloatArray:
    """Twenty clusters of unlike width: the kind of table where neighbours are worth looking for."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(20, d)) * 3
    spread = random.uniform(0.3, 1.0, (1, d))
    return centres[random.integers(0, 20, n)] + random.normal(size=(n, d)) * spread


def isotropic(n: int, d: int, seed: int = 0) -> FloatArray:
    """One ball: the kind of table where boxes spare nothing."""
    return np.random.default_rng(seed).normal(size=(n, d))


def lattice(n: int, d: int, seed: int = 0) -> FloatArray:
    """Whole numbers 0 to 3: equal distances and equal rows everywhere."""
    return np.random.default_rng(seed).integers(0, 4, (n, d)).astype(float)
