"""The methods that the detectors are compared with: each a function to suspicion scores.

What needs scikit-learn only is always there. ``extras`` adds what is importable of the project's
extra ``bench`` (PyOD, XGBoost, PyTorch); ``absent`` names the rest. None of it is a dependency of
the product. All have the settings their makers ship.
"""

from collections.abc import Callable
from contextlib import redirect_stdout
from importlib.util import find_spec
from io import StringIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from detectors.counterfeit import CounterfeitDetector
from detectors.density import LocalDensity
from detectors.prototype_classifier import PrototypeClassifier

FloatArray = NDArray[np.float64]
# (training rows, 1 where a case is labelled, new rows) -> suspicion, higher is worse
Method = Callable[[FloatArray, NDArray[Any], FloatArray], FloatArray]

_BATCH = 32  # rows that PyOD's networks learn from at a time, as shipped


def ours(reference: str) -> dict[str, Method]:
    return {
        "Touchstone LocalDensity": lambda X, y, new: (
            -LocalDensity(reference=reference).fit(X).score_samples(new)
        )
    }


def ours_with_labels() -> dict[str, Method]:
    return {
        "Touchstone CounterfeitDetector": lambda X, y, new: (
            -CounterfeitDetector().fit(X, _labels(y)).score_samples(new)
        ),
        "Touchstone PrototypeClassifier": lambda X, y, new: (
            -PrototypeClassifier().fit(X, _labels(y)).score_samples(new)
        ),
    }


def unsupervised(seed: int, *, extras: bool) -> dict[str, Method]:
    def of(make: Callable[[], Any]) -> Method:
        def score(X: FloatArray, y: NDArray[Any], new: FloatArray) -> FloatArray:
            model = make_pipeline(StandardScaler(), make()).fit(X)
            return np.asarray(-model.score_samples(new))

        return score

    methods = {
        "LOF (scikit-learn)": of(lambda: LocalOutlierFactor(20, novelty=True)),
        "IsolationForest (scikit-learn)": of(lambda: IsolationForest(random_state=seed)),
        "OneClassSVM (scikit-learn)": of(OneClassSVM),
    }
    if extras and find_spec("pyod"):
        methods |= _pyod(seed)
    return methods


def supervised(seed: int, *, extras: bool) -> dict[str, Method]:
    def of(make: Callable[[], Any]) -> Method:
        def score(X: FloatArray, y: NDArray[Any], new: FloatArray) -> FloatArray:
            model = make_pipeline(StandardScaler(), make()).fit(X, y)
            return np.asarray(model.predict_proba(new)[:, 1])

        return score

    methods = {
        "LogisticRegression (scikit-learn)": of(
            lambda: LogisticRegression(max_iter=1000, class_weight="balanced")
        ),
        "HistGradientBoosting (scikit-learn)": of(
            lambda: HistGradientBoostingClassifier(random_state=seed)
        ),
    }
    if extras and find_spec("xgboost"):
        from xgboost import XGBClassifier

        methods["XGBoost"] = of(lambda: XGBClassifier(random_state=seed, n_jobs=2))
    if extras and find_spec("pyod"):
        methods |= _pyod_with_labels(seed)
    if extras and find_spec("torch"):
        methods |= _deep_with_labels(seed)
    return methods


_NEEDED = {
    "KNN (PyOD)": ("pyod",),
    "ECOD (PyOD)": ("pyod",),
    "INNE (PyOD)": ("pyod",),
    "CBLOF (PyOD)": ("pyod",),
    "MCD (PyOD)": ("pyod",),
    "AutoEncoder (PyOD)": ("pyod", "torch"),
    "DeepSVDD (PyOD)": ("pyod", "torch"),
}
_NEEDED_WITH_LABELS = {
    "XGBoost": ("xgboost",),
    "XGBOD (PyOD)": ("pyod", "xgboost"),
    "DeepSAD (PyTorch)": ("torch",),
    "DevNet (PyTorch)": ("torch",),
}


def absent(*, needs_labels: bool | None = None) -> list[str]:
    """Methods of ``extras`` that cannot run here, for want of a package; None: of both kinds."""
    needed = (_NEEDED if not needs_labels else {}) | (
        _NEEDED_WITH_LABELS if needs_labels is not False else {}
    )
    return [name for name, packages in needed.items() if not all(map(find_spec, packages))]


def _pyod(seed: int) -> dict[str, Method]:
    from pyod.models.cblof import CBLOF
    from pyod.models.ecod import ECOD
    from pyod.models.inne import INNE
    from pyod.models.knn import KNN
    from pyod.models.mcd import MCD

    makers: dict[str, Callable[[int, int], Any]] = {
        "KNN (PyOD)": lambda n, d: KNN(n_neighbors=10, method="mean"),
        "ECOD (PyOD)": lambda n, d: ECOD(),
        "INNE (PyOD)": lambda n, d: INNE(random_state=seed),
        "CBLOF (PyOD)": lambda n, d: CBLOF(random_state=seed),
        "MCD (PyOD)": lambda n, d: MCD(random_state=seed),
    }
    if find_spec("torch"):
        from pyod.models.auto_encoder import AutoEncoder
        from pyod.models.deep_svdd import DeepSVDD

        # Their batches of 32 leave out what does not fill one: with fewer rows nothing is learned.
        makers["AutoEncoder (PyOD)"] = lambda n, d: AutoEncoder(
            preprocessing=False, random_state=seed, verbose=0, batch_size=min(n, _BATCH)
        )
        makers["DeepSVDD (PyOD)"] = lambda n, d: DeepSVDD(
            n_features=d,
            preprocessing=False,
            random_state=seed,
            verbose=0,
            batch_size=min(n, _BATCH),
        )
    return {name: _fit_pyod(make, needs_labels=False) for name, make in makers.items()}


def _pyod_with_labels(seed: int) -> dict[str, Method]:
    makers: dict[str, Callable[[int, int], Any]] = {}
    if find_spec("xgboost"):
        from pyod.models.xgbod import XGBOD

        makers["XGBOD (PyOD)"] = lambda n, d: XGBOD(random_state=seed)
    return {name: _fit_pyod(make, needs_labels=True) for name, make in makers.items()}


def _deep_with_labels(seed: int) -> dict[str, Method]:
    from tests.bench.deep_rivals import deep_sad, dev_net

    def of(learn: Callable[..., FloatArray]) -> Method:
        def score(X: FloatArray, y: NDArray[Any], new: FloatArray) -> FloatArray:
            scaler = StandardScaler().fit(X)
            return learn(scaler.transform(X), y, scaler.transform(new), seed)

        return score

    return {"DeepSAD (PyTorch)": of(deep_sad), "DevNet (PyTorch)": of(dev_net)}


def _fit_pyod(make: Callable[[int, int], Any], *, needs_labels: bool) -> Method:
    def score(X: FloatArray, y: NDArray[Any], new: FloatArray) -> FloatArray:
        scaler = StandardScaler().fit(X)
        model = make(*X.shape)
        with redirect_stdout(StringIO()):  # some report each epoch
            model.fit(scaler.transform(X), *((y,) if needs_labels else ()))
        return np.asarray(model.decision_function(scaler.transform(new)))

    return score


def _labels(y: NDArray[Any]) -> NDArray[Any]:
    return np.where(y == 1, -1, 1)
