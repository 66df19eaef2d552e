import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detectors import kernels
from tests.reference import neighbours as slow

# Few distinct values, so that ties, equal rows and missing values all meet.
VALUES = st.sampled_from([0.0, 1.0, -1.0, 2.5, 1e6, float("nan")])


@st.composite
def searches(draw):
    d = draw(st.integers(1, 4))
    reference = draw(hnp.arrays(np.float64, (draw(st.integers(1, 8)), d), elements=VALUES))
    rows = draw(hnp.arrays(np.float64, (draw(st.integers(1, 5)), d), elements=VALUES))
    weights = draw(hnp.arrays(np.int64, len(reference), elements=st.integers(1, 3)))
    own = draw(hnp.arrays(np.int64, len(rows), elements=st.integers(-1, len(reference) - 1)))
    relevance = draw(hnp.arrays(np.float64, d, elements=st.sampled_from([0.25, 1.0, 3.0])))
    return rows, own, reference, weights, relevance, draw(st.integers(1, 6))


@pytest.mark.parametrize(
    "nearest", [kernels.nearest, getattr(kernels.nearest, "py_func", kernels.nearest)]
)
@settings(max_examples=60, deadline=None)
@given(search=searches())
def test_finds_the_neighbours_that_the_slow_twin_finds(nearest, search) -> None:
    rows, own, reference, weights, relevance, k = search
    found, distance2, counts = nearest(*search)
    for i, row in enumerate(rows):
        expected = slow.nearest(row, own[i], reference, weights, relevance, k)
        copies = [
            (int(j), d2)
            for j, d2, count in zip(found[i], distance2[i], counts[i], strict=True)
            for _ in range(count)
        ]
        assert [j for j, _ in copies] == [j for j, _ in expected]
        np.testing.assert_allclose([d for _, d in copies], [d for _, d in expected], rtol=1e-12)
        assert counts[i].sum() <= k
        assert (found[i] == -1).tolist() == (counts[i] == 0).tolist()
