"""The combined detector: like known cases, beyond a learned border, unlike authentic rows."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from detectors.calibration import conformal_p_values
from detectors.contrast import CaseContrast, label_cases
from detectors.density import LocalDensity
from detectors.explanation import Explanation, merge
from detectors.prototype_classifier import PrototypeClassifier

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_CONTRAST, _PROTOTYPES, _DENSITY = 1.0, 0.3, 0.3  # weights of the standardised scores


@dataclass(frozen=True, eq=False)
class Component:
    """One detector in the sum: ``weight (score - middle) / spread``.

    ``rows`` are the positions of its fitted rows among all fitted rows.
    """

    detector: Any
    weight: float
    middle: float
    spread: float
    rows: IntArray

    def apply(self, score: FloatArray) -> FloatArray:
        """Its share of the sum; 0 where it has no answer."""
        scaled: FloatArray = self.weight * (score - self.middle) / self.spread
        return np.nan_to_num(scaled)


class CounterfeitDetector(OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """Score a row by its neighbours among authentic rows and its likeness to confirmed cases.

    The score is a sum of three, each standardised by median and spread over the reference rows,
    which are scored as if they had not been fitted::

        score = z(CaseContrast) + 0.3 z(PrototypeClassifier) + 0.3 z(LocalDensity)

    Without a confirmed case it is z(LocalDensity) alone; one case is enough for all three.

    Parameters
    ----------
    reference
        ``contaminated``: rows without a label were never examined. ``clean``: they were cleared.
    alarm_quantile
        Share of the reference that ``predict`` would call odd, scored without itself.
    random_state
        Seeds what the components draw.

    Attributes
    ----------
    score_training_
        (n,), scores of the fitted rows, each as if it had not been fitted.
    is_reference_
        (n,), rows that calibrate: those that are no case.
    components_
        The detectors in the sum.
    """

    def __init__(
        self,
        *,
        reference: str = "contaminated",
        alarm_quantile: float = 0.05,
        random_state: Any = 0,
    ) -> None:
        """Keep the settings; the components check them."""
        self.reference = reference
        self.alarm_quantile = alarm_quantile
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn from rows ``X`` (n, d), NaN where unknown; ``y`` is -1 for a confirmed case."""
        rows: FloatArray = validate_data(
            self, X, dtype=np.float64, order="C", ensure_all_finite="allow-nan"
        )
        is_case = label_cases(y, len(rows))
        if is_case.all():
            raise ValueError("every row is a confirmed case: there is no reference to compare with")
        others = np.flatnonzero(~is_case)
        density = LocalDensity(reference=self.reference, random_state=self.random_state)
        density.fit(rows[others])
        own = np.empty(len(rows))
        own[others] = density.score_training_
        has_cases = bool(is_case.any()) and len(others) > 1
        weight = _DENSITY if has_cases else 1.0
        if is_case.any():
            own[is_case] = density.score_samples(rows[is_case])
        self.components_ = [_standardized(density, weight, own, others, is_case)]
        self.score_training_ = self.components_[0].apply(own)
        if has_cases:
            labels = np.where(is_case, -1, 1)
            contrast = CaseContrast().fit(rows, labels)
            # Rows that look like cases may be cases that nobody found: no prototype from them.
            kept = np.flatnonzero(is_case | contrast.is_reference_)
            prototypes = PrototypeClassifier(random_state=self.random_state)
            prototypes.fit(rows[kept], labels[kept])
            for detector, weight, score, fitted in (
                (prototypes, _PROTOTYPES, prototypes.score_samples(rows), kept),
                (contrast, _CONTRAST, contrast.score_training_, np.arange(len(rows))),
            ):
                component = _standardized(detector, weight, score, fitted, is_case)
                self.components_.append(component)
                self.score_training_ = self.score_training_ + component.apply(score)
        self.n_fitted_ = len(rows)
        self.is_reference_ = ~is_case
        known = self.score_training_[self.is_reference_]
        self.offset_ = float(np.quantile(known, self.alarm_quantile))
        return self

    def score_samples(self, X: ArrayLike) -> FloatArray:
        """Score per row, (n,): higher is more normal; 0 is a typical reference row."""
        rows = self._check(X)
        total = np.zeros(len(rows))
        for one in self.components_:
            total += one.apply(one.detector.score_samples(rows))
        return total

    def decision_function(self, X: ArrayLike) -> FloatArray:
        """Score above the alarm threshold: negative is odd."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> IntArray:
        """Return -1 for rows to look at and 1 for the rest."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X: ArrayLike) -> FloatArray:
        """How often reference rows look at least as odd, (n,); see ``calibration``."""
        known = self.score_training_[self.is_reference_]
        return conformal_p_values(-self.score_samples(X), -known)

    def explain(self, X: ArrayLike) -> list[Explanation]:
        """Split each score by neighbour or prototype, and feature.

        ``base`` and the parts add up to the score. Neighbours are named by their position in the
        fitted rows, added cases by the number after the last of them.
        """
        rows = self._check(X)
        scores = self.score_samples(rows)
        answers = [one.detector.explain(rows) for one in self.components_]
        explanations = []
        for row, score in enumerate(scores):
            base, pieces, is_near = 0.0, [], None
            for one, answer in zip(self.components_, answers, strict=True):
                part = answer[row]
                if np.isnan(part.score):
                    continue
                pieces.append((one.weight / one.spread, self._in_place(part, one)))
                base += one.weight * (part.base - one.middle) / one.spread
                is_near = part.is_near_case if part.is_near_case is not None else is_near
            explanations.append(
                merge(
                    pieces,
                    width=rows.shape[1],
                    score=float(score),
                    base=base,
                    is_near_case=is_near,
                )
            )
        return explanations

    def is_near_case(self, X: ArrayLike) -> BoolArray:
        """Whether any known case is near, (n,)."""
        rows = self._check(X)
        for one in self.components_:
            if isinstance(one.detector, CaseContrast):
                near: BoolArray = one.detector.is_near_case(rows)
                return near
        return np.zeros(len(rows), dtype=bool)

    def add_case(self, row: ArrayLike) -> int:
        """Add one confirmed case; it counts from now on. Return its position.

        Relevances, prototypes and thresholds stay what they are until the next ``fit``.
        """
        check_is_fitted(self)
        for one in self.components_:
            if isinstance(one.detector, CaseContrast):
                return one.detector.add_case(row)
        raise ValueError("no case was fitted, so no relevances are known; fit with this case")

    def _in_place(self, part: Explanation, one: Component) -> Explanation:
        positions = tuple(
            int(one.rows[p]) if p < len(one.rows) else p  # an added case has no fitted row
            for p in part.neighbours
        )
        return Explanation(part.score, part.parts, positions, part.exact, part.kinds)

    def _check(self, X: ArrayLike) -> FloatArray:
        check_is_fitted(self)
        checked: FloatArray = validate_data(
            self, X, dtype=np.float64, order="C", ensure_all_finite="allow-nan", reset=False
        )
        return checked

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that missing values are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _standardized(
    detector: Any, weight: float, score: FloatArray, rows: IntArray, is_case: BoolArray
) -> Component:
    """Median and spread (of the middle half, as a standard deviation) over the reference rows."""
    known = score[~is_case & ~np.isnan(score)]
    if not known.size:
        return Component(detector, weight, 0.0, 1.0, rows)
    low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
    spread = float(high - low) / 1.349 or float(known.std()) or 1.0
    return Component(detector, weight, float(middle), spread, rows)
