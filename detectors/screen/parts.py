"""The parts of a score that are kept: the largest, and one for what is left over."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from detectors.explanation import Explanation

FloatArray = NDArray[np.float64]

OTHER_FEATURES = "other_features"  # the part row that holds what the listed features leave over

_TOP_PARTS = 12
_SPLIT_PARTS = 2
_NAMED = 5  # neighbours named for a feature, those with the largest parts; the rest is one part


def split_parts(
    names: list[str], values: FloatArray, explanation: Explanation, neighbours: list[str]
) -> Iterator[tuple[str, float | None, float, bool, str | None]]:
    """The largest parts by feature, the very largest also by neighbour, and one for the rest.

    Together they add up to the score as the explanation's own parts do.
    """
    near = [neighbours[position] for position in explanation.neighbours]
    by_feature = explanation.parts.sum(axis=0)
    order = np.argsort(-np.abs(by_feature), kind="stable")
    listed = [f for f in order[:_TOP_PARTS] if by_feature[f] != 0.0]
    for place, f in enumerate(listed):
        name, value = names[f], float(values[f])
        if len(near) == 1 or place < _SPLIT_PARTS:
            parts = explanation.parts[:, f]
            for neighbour, part in zip(near[:_NAMED], parts[:_NAMED], strict=True):
                yield name, value, float(part), explanation.exact, neighbour
            if len(near) > _NAMED:
                yield name, value, float(parts[_NAMED:].sum()), explanation.exact, None
        else:
            yield name, value, float(by_feature[f]), explanation.exact, None
    rest = np.setdiff1d(np.flatnonzero(by_feature), listed)
    if rest.size:
        yield OTHER_FEATURES, None, float(by_feature[rest].sum()), explanation.exact, None
