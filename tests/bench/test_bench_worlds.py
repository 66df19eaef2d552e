"""What the figures on simulated worlds rest on."""

import numpy as np
import pytest

from tests.bench.detector_worlds import _baselines, _by_folds
from tests.bench.reliability import ALPHAS, LEVELS, draw


def test_a_reference_row_is_never_scored_by_a_model_that_learned_from_it() -> None:
    random = np.random.default_rng(0)
    z = random.normal(size=(60, 3))
    z[7] = 30.0  # odd, and counted as reference: learned, it would excuse itself
    is_reference = np.ones(60, dtype=bool)
    is_reference[50:] = False
    for name, score in _by_folds(z, is_reference, _baselines()).items():
        assert not np.isnan(score).any(), name
        if name.startswith("KNN"):
            assert score.argmax() == 7


def test_baselines_are_given_the_median_where_a_value_is_missing() -> None:
    random = np.random.default_rng(0)
    z = random.normal(size=(40, 3))
    z[3, 1] = np.nan
    for judge in _baselines().values():
        assert not np.isnan(judge(z, z[:5])).any()


@pytest.mark.parametrize("share", [None, 0.0, 0.05])
def test_the_figure_has_a_panel_for_each_level_also_where_nothing_was_judged(share) -> None:
    world = {"rows": 0 if share is None else 100, "shares": [share] * len(ALPHAS)}
    figures = {"alphas": list(ALPHAS), "levels": {level: {"one": world} for level in LEVELS}}
    drawn = draw(figures)
    assert drawn.startswith("<svg")
    for level in LEVELS:
        assert f">{level}</text>" in drawn
    assert ">one</text>" in drawn
    assert "nan" not in drawn
