"""Weighted choices for whole columns: which of its partners a place turns to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.simulator.chance import I64, Chance, Key

NOBODY = -1


@dataclass(frozen=True)
class Choice:
    """For every chooser its options with whole-number weights, stored one after the other."""

    starts: I64  # chooser -> place of its first option; one more entry than choosers
    options: I64
    upto: I64  # weight of all options before a place; one more entry than options

    def pick(self, chance: Chance, purpose: str, choosers: I64, *keys: Key) -> I64:
        """One option for each chooser, by weight; ``NOBODY`` where it has none."""
        first = self.upto[self.starts[choosers]]
        weight = self.upto[self.starts[choosers + 1]] - first
        target = first + chance.below(weight, purpose, *keys)
        place = np.searchsorted(self.upto, target, side="right") - 1
        return np.where(weight > 0, self.options[np.minimum(place, len(self.options) - 1)], NOBODY)

    def of(self, chooser: int) -> I64:
        """All options of one chooser."""
        return self.options[self.starts[chooser] : self.starts[chooser + 1]]


def make_choice(rows: Sequence[Sequence[tuple[int, int]]]) -> Choice:
    """From (option, weight) pairs of every chooser; options without weight are dropped."""
    kept = [[(option, weight) for option, weight in row if weight > 0] for row in rows]
    starts = np.cumsum([0, *map(len, kept)])
    options = [option for row in kept for option, _ in row] or [NOBODY]
    weights = [weight for row in kept for _, weight in row]
    return Choice(
        starts.astype(np.int64),
        np.array(options, dtype=np.int64),
        np.cumsum([0, *weights]).astype(np.int64),
    )
