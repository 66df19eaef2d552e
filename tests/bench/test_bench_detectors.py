"""What the detectors' benchmark rests on; the figures themselves are in docs."""

import numpy as np
import pytest
from sklearn.neighbors import LocalOutlierFactor

from tests.bench import detector_data as data
from tests.bench.detector_rivals import ours, ours_with_labels, supervised, unsupervised
from tests.bench.detectors import local_outlier_factor, rank, summary
from tests.shared_data import needs_shared


@pytest.mark.parametrize("make", [data.clusters, data.isotropic])
def test_our_lof_is_the_one_that_is_compared_with(make) -> None:
    X = make(1500, 6)
    theirs = -LocalOutlierFactor(20).fit(X).negative_outlier_factor_
    np.testing.assert_allclose(local_outlier_factor(X, 20), theirs, rtol=1e-9)


@needs_shared
@pytest.mark.slow
def test_local_models_are_ahead_of_the_always_available_ones() -> None:
    one_class, few = {}, {}
    rank(data.one_class(0), ours("clean") | unsupervised(0, extras=False), one_class)
    rank(data.few_labels(0, 5), ours_with_labels() | supervised(0, extras=False), few)
    for scores in (one_class, few):
        assert summary(scores)[0]["method"] == next(iter(scores))


@needs_shared
def test_lots_of_the_quality_table_stay_on_one_side() -> None:
    [task] = data.quality(0, 5)
    assert task.labels.sum() == 5
    assert task.truth.sum() > 20
    assert len(task.train) > 4000
