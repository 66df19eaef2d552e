"""Are the explanations true, steady and useful? Against chance, and against SHAP at its cost.

Of each public table half of the normal rows (300 at most) are learned, and the oddest odd rows are
explained. Deletion (see ``detectors.faithfulness``): features are set to their median in the order
that an explanation names them; the sooner the score rises, the truer the explanation. The figure is
the mean of the score along the way, less that of a chance order, in units of the score.

Cost is counted in scored rows. Our parts cost about what scoring a few rows costs, whatever the
number of features; kernel SHAP (Lundberg and Lee 2017; against the median row) is given as many
scored rows as take the same time, then ten and a hundred times as many.
"""

import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.density import LocalDensity
from detectors.faithfulness import counterfactual, deletion_curve, stability
from tests.bench import detector_data as data

FloatArray = NDArray[np.float64]

_LEARNED = 300
_EXPLAINED = 10  # rows of each table
_REFITTED = 2  # of these, explained again over resamples
_RESAMPLES = 8
_TOP = 3
_CHANCES = 10
MULTIPLES = (1, 10, 100)


def measure(tables: data.Tables, *, extras: bool) -> dict[str, Any]:
    """Mean gains over chance, stability and counterfactuals, over the tables."""
    has_shap = extras and find_spec("shap") is not None
    gains: dict[str, list[float]] = {"parts": []}
    beats: dict[str, list[bool]] = {}
    costs, kept, changed, cleared = [], [], [], []
    for task in data.one_class(tables, 0):
        train = task.train[:_LEARNED]
        model = LocalDensity().fit(train)
        odd = task.test[task.truth == 1]
        rows = odd[np.argsort(model.score_samples(odd), kind="stable")[:_EXPLAINED]]
        typical = np.median(train, axis=0)
        cost = _cost_in_rows(model, rows)
        costs.append(cost)
        explanations = model.explain(rows)
        random = np.random.default_rng(0)
        for row, explanation in zip(rows, explanations, strict=True):
            along = _along(model, row, typical)
            chance = float(np.mean([along(random.permutation(len(row))) for _ in range(_CHANCES)]))
            ours = along(np.argsort(explanation.by_feature(), kind="stable")) - chance
            gains["parts"].append(ours)
            for multiple in MULTIPLES if has_shap else ():
                values = _shap(model, row, typical, max(2, round(cost * multiple)))
                gain = along(np.argsort(values, kind="stable")) - chance
                gains.setdefault(str(multiple), []).append(gain)
                beats.setdefault(str(multiple), []).append(ours >= gain - 1e-9)
            found = counterfactual(model, row, explanation, train)
            cleared.append(found is not None)
            if found is not None:
                changed.append(len(found.changed))
        for row, explanation in zip(rows[:_REFITTED], explanations, strict=False):
            often = stability(model, train, None, row, top=_TOP, resamples=_RESAMPLES)
            named = np.argsort(explanation.by_feature(), kind="stable")[:_TOP]
            kept.append(float(often[named].mean()))
    return {
        "rows": len(gains["parts"]),
        "cost_in_scored_rows": round(float(np.median(costs)), 1),
        "gain": {name: round(float(np.mean(values)), 3) for name, values in gains.items()},
        "at_least_as_good": {name: round(float(np.mean(v)), 3) for name, v in beats.items()},
        "top_kept": round(float(np.mean(kept)), 3),
        "counterfactual_found": round(float(np.mean(cleared)), 3),
        "features_changed": float(np.median(changed)) if changed else None,
        "has_shap": has_shap,
    }


def _along(model: LocalDensity, row: FloatArray, typical: FloatArray) -> Callable[[Any], float]:
    return lambda order: float(deletion_curve(model, row, order, typical).mean())


def _cost_in_rows(model: LocalDensity, rows: FloatArray) -> float:
    """Processor time of a row's parts over that of its score, in a batch."""

    def taken(ask: Callable[[FloatArray], Any]) -> float:
        begun = time.process_time()
        for _ in range(5):
            ask(rows)
        return time.process_time() - begun

    taken(model.score_samples)
    return max(1.0, taken(model.explain) / max(taken(model.score_samples), 1e-9))


def _shap(model: LocalDensity, row: FloatArray, typical: FloatArray, samples: int) -> FloatArray:
    import shap

    state = np.random.get_state()
    np.random.seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        explainer = shap.KernelExplainer(model.score_samples, typical[None])
        found = explainer.shap_values(row[None], nsamples=samples, silent=True, l1_reg=0)
    np.random.set_state(state)
    values: FloatArray = np.asarray(found, dtype=np.float64).reshape(-1)
    return values
