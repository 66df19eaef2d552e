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


PAST, OWN, CLEARED, TOLD, TOLD_CLEARED = np.eye(5)


def test_own_and_told_attacks_add_half_and_only_ones_own_clearing_takes_away() -> None:
    detector = NearestPrototype(own_weight=0.5).fit(
        np.eye(5),
        is_benign=[False, False, True, False, True],
        is_own=[False, True, True, False, False],
        is_told=[False, False, False, True, True],
    )
    rows = [PAST, OWN, TOLD, CLEARED, TOLD_CLEARED, PAST + OWN, PAST + CLEARED, PAST + TOLD_CLEARED]
    past, own, cleared, told, _ = (1 - detector.distances(rows)).T
    likeness = -detector.score_samples(rows)
    assert likeness[:5] == pytest.approx([1, 0.5, 0.5, 0, 0])
    assert likeness == pytest.approx((past + 0.5 * np.maximum(own, told)) * (1 - cleared))
    assert 0 < likeness[6] < past[6]
    assert likeness[7] == pytest.approx(past[7])  # no whitewash from elsewhere


def test_own_and_told_cases_shift_no_weight() -> None:
    shipped = np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
    more = np.vstack([shipped, np.ones((20, 3))])
    alone = NearestPrototype().fit(shipped)
    flags = np.arange(22) >= 2
    for name in ("is_own", "is_told"):
        beside = NearestPrototype().fit(more, **{name: flags})
        assert beside.relevances_.tolist() == alone.relevances_.tolist()


@settings(max_examples=100, deadline=None)
@given(table=tables(), flags=st.integers(0, 2**18 - 1))
def test_parts_add_up_with_own_cases_and_pairs_that_do_not_count(table, flags) -> None:
    cases, rows = table
    bits = [bool(flags >> bit & 1) for bit in range(18)]
    n = len(cases)
    detector = NearestPrototype().fit(
        cases, is_benign=bits[:n], is_own=bits[6 : 6 + n], is_told=bits[12 : 12 + n]
    )
    excluded = np.resize(bits, (len(rows), n))
    scores = detector.score_samples(rows, excluded=excluded)
    for score, e in zip(scores, detector.explain(rows, excluded=excluded), strict=True):
        assert e.parts.sum() == pytest.approx(score, abs=1e-9)
        assert score <= 0


def test_rarity_makes_what_is_common_count_less_and_parts_still_add_up() -> None:
    cases = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    rows = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, np.nan]])
    even = NearestPrototype(threshold=0.5).fit(cases)
    weighed = NearestPrototype(threshold=0.5).fit(cases, rarity=[3.0, 0.1, 3.0])
    assert weighed.score_samples(rows)[0] < even.score_samples(rows)[0]  # rare: more suspect
    assert weighed.score_samples(rows)[1] > even.score_samples(rows)[1]  # common: less
    for score, e in zip(weighed.score_samples(rows), weighed.explain(rows), strict=True):
        assert e.parts.sum() == pytest.approx(score, abs=1e-9)
