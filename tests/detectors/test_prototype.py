import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detectors.prototype import NearestPrototype

NAN = float("nan")
VALUES = st.one_of(
    st.sampled_from([0.0, 1.0, 0.5, -1.0, NAN]), st.floats(-1e3, 1e3, allow_subnormal=False)
)


@st.composite
def tables(draw):
    d = draw(st.integers(1, 6))
    X = draw(hnp.arrays(np.float64, (draw(st.integers(1, 6)), d), elements=VALUES))
    return X, draw(hnp.arrays(np.float64, (draw(st.integers(1, 6)), d), elements=VALUES))


@settings(max_examples=150, deadline=None)
@given(table=tables(), share=st.sampled_from([0.0, 0.5, 1.0]))
def test_parts_add_up_to_the_score_on_every_row(table, share) -> None:
    cases, rows = table
    detector = NearestPrototype(unknown_share=share).fit(cases)
    for score, e in zip(detector.score_samples(rows), detector.explain(rows), strict=True):
        assert e.exact
        assert e.parts.sum() == pytest.approx(score, abs=1e-9)
        assert detector.distances(rows).min(axis=1).max() <= 1


@settings(max_examples=100, deadline=None)
@given(table=tables())
def test_distance_is_nothing_for_the_same_traits_and_at_most_one(table) -> None:
    cases, rows = table
    distance = NearestPrototype(unknown_share=0.0).fit(cases).distances(np.vstack([rows, cases]))
    assert ((distance >= 0) & (distance <= 1 + 1e-12)).all()
    for position, case in enumerate(cases):
        has_trait = np.nan_to_num(case).any()
        assert distance[len(rows) + position, position] == pytest.approx(0 if has_trait else 1)


def test_nothing_in_common_is_one_and_is_not_near() -> None:
    detector = NearestPrototype().fit([[1, 1, 0, 0], [1, 0, 1, 0]])
    assert detector.distances([[0, 0, 0, 1]]).tolist() == [[1, 1]]
    assert detector.predict([[0, 0, 0, 1]]).tolist() == [1]
    assert detector.predict([[1, 1, 0, 0]]).tolist() == [-1]


def test_sharing_a_rare_signal_brings_nearer_than_sharing_a_common_one() -> None:
    common, rare = 0, 1
    cases = np.array([[1, 0, 1, 0], [1, 0, 0, 1], [1, 0, 1, 1], [0, 1, 1, 1]])
    detector = NearestPrototype().fit(cases)
    assert detector.relevances_[rare] > detector.relevances_[common]
    by_rare_only = detector.distances([[0, 1, 0, 0]])[0, 3]
    by_common_only = detector.distances([[1, 0, 0, 0]])[0, 2]
    assert by_rare_only < by_common_only


def test_what_the_case_lacks_is_left_out() -> None:
    detector = NearestPrototype().fit([[1, NAN], [0, 1]])
    assert detector.distances([[1, 5]])[0, 0] == 0


def test_what_was_not_tested_weighs_less_than_a_miss_but_is_no_match() -> None:
    detector = NearestPrototype().fit([[1, 1, 0], [0, 0, 1]])
    tested, untested, matched = detector.distances([[1, 0, 0], [1, NAN, 0], [1, 1, 0]])[:, 0]
    assert matched == 0
    assert matched < untested < tested


def test_a_benign_cause_need_not_show_all_it_may_show() -> None:
    may_show = np.array([[1.0, 1.0, 1.0]])  # two patterns and its own mark
    mark_only = np.array([[0.0, 0.0, 1.0]])
    detector = NearestPrototype(threshold=0.5).fit(may_show, lower=mark_only, is_benign=[True])
    with_mark, without_mark = detector.distances([[1, 0, 1], [1, 0, 0]])[:, 0]
    assert with_mark == 0
    assert without_mark > 0
    assert detector.score_samples([[1, 0, 1]]).tolist() == [0]  # near, yet near to no attack
    assert detector.predict([[1, 0, 1]]).tolist() == [1]
