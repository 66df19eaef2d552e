"""What the figures on simulated worlds rest on."""

import numpy as np
import pytest

from data.errors import InputError
from tests.bench.detector_tables import made
from tests.bench.detector_worlds import (
    _by_folds,
    _judges,
    _lot_folds,
    _peers,
    _reference_folds,
    read_worlds,
)
from tests.bench.machine import describe
from tests.bench.reliability import ALPHAS, LEVELS, draw


def test_a_reference_row_is_never_scored_by_a_model_that_learned_from_it() -> None:
    random = np.random.default_rng(0)
    z = random.normal(size=(60, 3))
    z[7] = 30.0  # odd, and counted as reference: learned, it would excuse itself
    is_reference = np.ones(60, dtype=bool)
    is_reference[50:] = False
    found = _by_folds(z, _reference_folds(is_reference), _judges("clean", extras=False))
    for name, score in found.items():
        assert not np.isnan(score).any(), name
        if name.startswith(("KNN", "Touchstone")):
            assert score.argmax() == 7


def test_a_way_is_scored_without_the_other_ways_of_its_lot() -> None:
    random = np.random.default_rng(0)
    lot = np.repeat(np.arange(12), 6)  # each with ways of its own, and some that others show too
    way = np.where(random.random(lot.size) < 0.3, random.integers(0, 4, lot.size), 10)
    way = np.where(way == 10, 10 + np.arange(lot.size), way)
    folds = _lot_folds(lot, way, 90)
    assert sorted(np.concatenate([asked for _, asked in folds])) == list(range(90))
    for learned, asked in folds[1:]:
        assert asked.size
        for one in asked:
            own = lot[way == one][0]
            assert all((lot[way == other] != own).any() for other in learned)


@pytest.mark.parametrize("word", ["one", "one=/no/such.duckdb,/no/such/truth"])
def test_a_world_that_is_not_there_is_named_with_what_was_expected(word) -> None:
    with pytest.raises(InputError, match="expected NAME=WAREHOUSE,TRUTH"):
        read_worlds([word])


def test_baselines_are_given_the_median_where_a_value_is_missing() -> None:
    random = np.random.default_rng(0)
    z = random.normal(size=(40, 3))
    z[3, 1] = np.nan
    for judge in _peers(extras=False).values():
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


def test_the_tables_of_worlds_say_which_peers_were_left_out() -> None:
    figures = {"odd": {"lot": {"one": [1, 2]}}, "lot": {"KNN": {"one": [0.5, 0.75]}}}
    for missing, words in ((None, "were left out"), (["XGBoost"], "Not installed: XGBoost.")):
        result = {"figures": figures | {"not_installed": missing}, "skipped": None}
        [(_, lines)] = made({"worlds": result | {"machine": describe()}})
        assert any(words in line for line in lines)
        assert "| KNN | 0.500 (0.75) |" in lines
