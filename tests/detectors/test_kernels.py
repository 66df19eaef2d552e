import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from detectors import distinct, kdtree, kernels, neighbours
from detectors.kernels import Table
from detectors.neighbours import NeighbourIndex, collapse, room
from tests.reference import neighbours as slow

# Few distinct values, so that ties, equal rows and missing values all meet.
VALUES = st.sampled_from([0.0, 1.0, -1.0, 2.5, 1e6, float("nan")])
KNOWN = st.one_of(st.sampled_from([0.0, 1.0, -1.0, 2.5]), st.floats(-9, 9, width=16))


def plain(function):
    return getattr(function, "py_func", function)


@st.composite
def searches(draw, values=VALUES, rows=8):
    d = draw(st.integers(1, 4))
    reference = draw(hnp.arrays(np.float64, (draw(st.integers(1, rows)), d), elements=values))
    queries = draw(hnp.arrays(np.float64, (draw(st.integers(1, 5)), d), elements=values))
    weights = draw(hnp.arrays(np.int64, len(reference), elements=st.integers(1, 3)))
    relevance = draw(hnp.arrays(np.float64, d, elements=st.sampled_from([0.25, 1.0, 3.0])))
    return queries, reference, weights, relevance, draw(st.integers(1, 6))


def assert_same(found, i, expected) -> None:
    """Row ``i`` of what was found, against the twin's [(position, distance2)]."""
    positions, distance2, counts = (whole[i] for whole in found)
    copies = [
        (int(j), d2)
        for j, d2, count in zip(positions, distance2, counts, strict=True)
        for _ in range(count)
    ]
    assert [j for j, _ in copies] == [j for j, _ in expected]
    np.testing.assert_allclose([d for _, d in copies], [d for _, d in expected], rtol=1e-12)
    assert (positions == -1).tolist() == (counts == 0).tolist()


@pytest.mark.parametrize("nearest", [kernels.nearest, plain(kernels.nearest)])
@settings(max_examples=60, deadline=None)
@given(search=searches(), data=st.data())
def test_finds_the_neighbours_that_the_slow_twin_finds(nearest, search, data) -> None:
    rows, reference, weights, relevance, k = search
    own = data.draw(hnp.arrays(np.int64, len(rows), elements=st.integers(-1, len(reference) - 1)))
    found = room(len(rows), k)
    nearest(rows, own, Table(reference, weights, relevance, 0.0, 0.0), *found)
    for i, row in enumerate(rows):
        assert_same(found, i, slow.nearest(row, own[i], reference, weights, relevance, k))


@settings(max_examples=80, deadline=None)
@given(search=searches(values=st.one_of(KNOWN, st.sampled_from([float("nan"), 1e200])), rows=40))
def test_an_index_answers_as_the_slow_twin_whatever_it_holds(search) -> None:
    queries, reference, weights, relevance, k = search
    reference, first, _, _ = collapse(reference)
    weights = weights[first]
    index = NeighbourIndex(reference, weights, relevance)
    k = min(k, int(weights.sum()))
    with np.errstate(over="ignore"):
        found, own = index.query(queries, k), index.join(k)
        for i, row in enumerate(queries):
            assert_same(found, i, slow.nearest(row, -1, reference, weights, relevance, k))
        for i, row in enumerate(reference):
            assert_same(own, i, slow.nearest(row, i, reference, weights, relevance, k))


@pytest.mark.parametrize(
    "kind", ["normal", "lattice", "clusters", "far_off", "one_column", "no_structure"]
)
def test_many_leaves_give_the_slow_twins_answer(kind) -> None:
    rng = np.random.default_rng(7)
    reference = {
        "normal": rng.normal(size=(700, 9)),
        "lattice": rng.integers(0, 3, size=(700, 5)).astype(float),  # all ties
        "clusters": rng.normal(size=(8, 4))[rng.integers(0, 8, 700)]
        + rng.normal(size=(700, 4)) / 9,
        "far_off": 1e7 + rng.normal(size=(700, 3)),  # single precision alone would be lost
        "one_column": rng.normal(size=(700, 1)),
        "no_structure": rng.normal(size=(700, 24)),  # boxes spare nothing
    }[kind]
    reference, _, _, weights = collapse(reference)
    index = NeighbourIndex(reference, weights)
    queries = reference[::50] + rng.normal(size=reference[::50].shape) / 20
    found, own = index.query(queries, 12), index.join(12)
    relevance = np.ones(reference.shape[1])
    for i, row in enumerate(queries):
        assert_same(found, i, slow.nearest(row, -1, reference, weights, relevance, 12))
    for i in range(0, len(reference), 25):
        assert_same(own, i, slow.nearest(reference[i], i, reference, weights, relevance, 12))


def test_more_neighbours_than_a_leaf_holds() -> None:
    reference = np.random.default_rng(8).normal(size=(300, 2))
    index = NeighbourIndex(reference)
    found = index.join(170)
    for i in range(0, 300, 25):
        ones = np.ones(300, dtype=np.int64)
        assert_same(found, i, slow.nearest(reference[i], i, reference, ones, np.ones(2), 170))


@pytest.mark.parametrize("kind", ["normal", "lattice"])
def test_the_number_of_threads_changes_nothing(monkeypatch, kind) -> None:
    rng = np.random.default_rng(9)
    rows = rng.normal(size=(600, 4)) if kind == "normal" else rng.integers(0, 4, (900, 4)) + 0.0
    rows, _, _, weights = collapse(rows)
    assert len(rows) * rows.size < neighbours._PARALLEL_WORK  # so that one run has one thread
    index = NeighbourIndex(rows, weights)
    alone = index.join(9)
    monkeypatch.setattr(neighbours, "_PARALLEL_WORK", 0)
    monkeypatch.setattr(neighbours, "_THREADS", 3)
    for a, b in zip(alone, index.join(9), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_row_alone_is_answered_as_in_a_batch() -> None:
    rng = np.random.default_rng(10)
    index = NeighbourIndex(rng.normal(size=(500, 6)))
    queries = rng.normal(size=(40, 6))
    whole = index.query(queries, 7)
    for i in range(40):
        for a, b in zip(whole, index.query(queries[i : i + 1], 7), strict=True):
            np.testing.assert_array_equal(a[i], b[0])


@pytest.mark.parametrize("number", [distinct.number, plain(distinct.number)])
@settings(max_examples=60, deadline=None)
@given(
    rows=hnp.arrays(
        np.float64,
        st.tuples(st.integers(1, 30), st.integers(1, 3)),
        elements=st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e200, float("nan")]),
    )
)
def test_equal_rows_get_the_numbers_that_the_slow_twin_gives(number, rows) -> None:
    with pytest.MonkeyPatch.context() as patch, np.errstate(over="ignore"):
        patch.setattr(distinct, "number", number)
        unlike, first, which, count = collapse(rows)
    expected = slow.number(rows)
    for found, wanted in zip((first, which, count), expected, strict=True):
        assert found.tolist() == wanted
    np.testing.assert_array_equal(unlike, rows[expected[0]])


def test_uncompiled_and_compiled_search_agree() -> None:
    rng = np.random.default_rng(2)
    rows = np.round(rng.normal(size=(300, 3)), 1)
    rows, _, _, weights = collapse(rows)
    single = rows.astype(np.float32)
    order = kdtree.partition(single, kdtree.LEAF)
    np.testing.assert_array_equal(order, plain(kdtree.partition)(single, kdtree.LEAF))
    leaves = kdtree.lay_out(single, order, kdtree.LEAF)
    table = Table(rows, weights, np.ones(3), 1e-5, 1e-6)
    settings_ = (True, 0, len(leaves.points))
    one, other = room(len(rows), 5), room(len(rows), 5)
    kernels.search(leaves, leaves, rows, table, settings_, *one)
    plain(kernels.search)(leaves, leaves, rows, table, settings_, *other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("size", [1, 7, 128])
def test_leaves_hold_every_row_once_and_split_at_a_median(size) -> None:
    rows = np.random.default_rng(1).normal(size=(401, 3)).astype(np.float32)
    order = kdtree.partition(rows, size)
    assert sorted(order.tolist()) == list(range(401))
    assert slow.is_kd_partition(rows[order], size)
    leaves = kdtree.lay_out(rows, order, size)
    for leaf in range(len(leaves.points)):
        members = leaves.order[leaf * size : (leaf + 1) * size]
        held = rows[members[members >= 0]]
        np.testing.assert_array_equal(leaves.points[leaf, :, : len(held)].T, held)
        np.testing.assert_array_equal(leaves.low[:, leaf], held.min(axis=0))
        np.testing.assert_array_equal(leaves.high[:, leaf], held.max(axis=0))


@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_a_growing_index_answers_as_one_made_at_once(missing) -> None:
    rng = np.random.default_rng(5)
    rows = np.round(rng.normal(size=(600, 3)), 1) + 0.0
    rows[rng.random(rows.shape) < missing] = np.nan
    index = NeighbourIndex(rows[:1])
    for row in rows[1:]:
        index.add(row)
    distinct, _, _, weights = collapse(rows)
    np.testing.assert_array_equal(index.rows, distinct)
    np.testing.assert_array_equal(index.weights, weights)
    whole = NeighbourIndex(distinct, weights)
    queries = rng.normal(size=(50, 3))
    for one, other in [
        (index.join(6), whole.join(6)),
        (index.query(queries, 6), whole.query(queries, 6)),
    ]:
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_terms_add_up_to_the_distance() -> None:
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(50, 4))
    rows[rng.random(rows.shape) < 0.2] = np.nan
    index = NeighbourIndex(rows, None, np.array([1.0, 0.5, 2.0, 0.0]))
    queries = rng.normal(size=(9, 4))
    found = index.query(queries, 5)
    terms = index.terms(queries, found)
    is_there = found.counts > 0
    np.testing.assert_allclose(terms.sum(axis=2)[is_there], found.distance2[is_there], rtol=1e-12)
