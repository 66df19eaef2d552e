"""Slow, obvious twin of what prototypes minimise."""

import math

import numpy as np


def cost(rows, classes, weights, place, prototype_classes):
    """``sum_i weight_i sigmoid(4 mu_i)``; the last row of ``place`` holds roots of relevances."""
    *prototypes, roots = place
    total = 0.0
    for row, kind, weight in zip(rows, classes, weights, strict=True):
        distance = [
            sum(r * r * (x - p) ** 2 for x, p, r in zip(row, prototype, roots, strict=True)
                if not math.isnan(x))
            for prototype in prototypes
        ]  # fmt: skip
        own = min(d for d, c in zip(distance, prototype_classes, strict=True) if c == kind)
        other = min(d for d, c in zip(distance, prototype_classes, strict=True) if c != kind)
        if own + other > 0:
            total += weight / (1 + math.exp(-4 * (own - other) / (own + other)))
    return total


def gradient(rows, classes, weights, place, prototype_classes, step=1e-6):
    """Central differences of the cost."""
    slope = np.zeros_like(place)
    for at in np.ndindex(place.shape):
        up, down = place.copy(), place.copy()
        up[at] += step
        down[at] -= step
        slope[at] = (
            cost(rows, classes, weights, up, prototype_classes)
            - cost(rows, classes, weights, down, prototype_classes)
        ) / (2 * step)
    return slope
