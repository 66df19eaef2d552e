import numpy as np

from detectors.features import FEATURES, fit_scaling


def column(name: str) -> int:
    return [feature.name for feature in FEATURES].index(name)


def test_names_are_unique() -> None:
    assert len({feature.name for feature in FEATURES}) == len(FEATURES)


def test_a_constant_reference_does_not_make_a_trifle_odd() -> None:
    scaling = fit_scaling(np.full((20, len(FEATURES)), 0.5), FEATURES)
    trifle, much = np.full((2, len(FEATURES)), 0.5)
    trifle[column("inferred_share")] = 0.51
    much[column("inferred_share")] = 1.0
    small, large = scaling.apply(np.array([trifle, much]))[:, column("inferred_share")]
    assert 0 < small < 0.5
    assert large > 5


def test_one_wild_row_of_the_reference_does_not_hide_the_next() -> None:
    values = np.full((50, len(FEATURES)), 100.0)
    values[:, column("km_total")] = np.linspace(90, 110, 50)
    calm = fit_scaling(values, FEATURES).apply(np.full((1, len(FEATURES)), 1e5))
    values[0] = 1e9
    wild = fit_scaling(values, FEATURES).apply(np.full((1, len(FEATURES)), 1e5))
    np.testing.assert_allclose(calm, wild, rtol=0.1)


def test_unknown_stays_unknown_and_infinite_becomes_unknown() -> None:
    values = np.full((3, len(FEATURES)), np.nan)
    values[1] = np.inf
    assert np.isnan(fit_scaling(values, FEATURES).apply(values)).all()
