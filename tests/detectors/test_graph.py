import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import graph, graph_kernels, large_graph
from detectors.graph import MEASURES, site_measures
from tests.reference import graph as slow

EDGES = st.dictionaries(
    st.tuples(st.integers(1, 7), st.integers(1, 7)).filter(lambda e: e[0] != e[1]),
    st.integers(1, 9),
    min_size=1,
    max_size=14,
)


def frame(edges):
    return pl.DataFrame(
        [(a, b, n) for (a, b), n in edges.items()],
        schema={"from_site_id": pl.Int32, "to_site_id": pl.Int32, "movement_count": pl.Int64},
        orient="row",
    )


def measured(edges, makers=()):
    of = {}
    for site, measure, value in site_measures(frame(edges), makers).iter_rows():
        of.setdefault(measure, {})[site] = value
    return of


@pytest.fixture(params=["networkx", "compiled", "plain"], scope="module")
def _way(request):
    """The three ways to the same values: networkx, the kernels, and these as plain Python."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param != "networkx":
            patch.setattr(graph, "_LARGE_NODES", 0)
        if request.param == "plain":
            for name in ("core_numbers", "hops_from", "path_shares"):
                kernel = getattr(graph_kernels, name)
                patch.setattr(large_graph, name, getattr(kernel, "py_func", kernel))
        yield


@pytest.mark.usefixtures("_way")
@settings(max_examples=80, deadline=None)
@given(edges=EDGES, makers=st.sets(st.integers(1, 9), max_size=2))
def test_every_measure_equals_its_slow_twin(edges, makers) -> None:
    of = measured(edges, makers)
    in_degree, out_degree = slow.degrees(edges)
    assert of["in_degree"] == in_degree
    assert of["out_degree"] == out_degree
    assert of["reciprocity"] == pytest.approx(slow.reciprocity(edges))
    assert of["component"] == slow.component(edges)
    assert of["core_number"] == slow.core_number(edges)
    assert of["in_cycle"] == slow.in_cycle(edges)
    assert of.get("hops_from_maker", {}) == slow.hops_from(edges, makers)
    assert of["betweenness"] == pytest.approx(slow.betweenness(edges))
    assert of["pagerank"] == pytest.approx(slow.pagerank(edges), abs=1e-4)


def test_the_kernels_give_what_networkx_gives_on_a_graph_that_is_sampled() -> None:
    rng = np.random.default_rng(3)
    size, count = 1_500, 9_000
    edges = graph._whole(
        pl.DataFrame(
            {
                "from_site_id": (size * rng.random(count) ** 3).astype(np.int32) + 1,
                "to_site_id": rng.integers(1, size + 1, count, dtype=np.int32),
                "movement_count": rng.integers(1, 9, count),
            }
        )
    )
    sampled = graph._SAMPLED_NODES
    assert len({*edges["from_site_id"], *edges["to_site_id"]}) > sampled
    plain = graph._table(graph._measures(edges, [1, 2]))
    fast = graph._table(large_graph.large_site_measures(edges, [1, 2], sampled, graph._SEED))
    is_rank = pl.col("measure") == "pagerank"
    assert fast.filter(~is_rank).equals(plain.filter(~is_rank))
    ranks = [frame.filter(is_rank)["value"].to_list() for frame in (fast, plain)]
    assert ranks[0] == pytest.approx(ranks[1], rel=1e-12)


@pytest.mark.usefixtures("_way")
def test_order_of_the_edges_does_not_matter() -> None:
    edges = {(a, b): a + b for a in range(1, 7) for b in range(1, 7) if (a * b) % 3 == 1 and a != b}
    one = site_measures(frame(edges), [1])
    assert one.equals(site_measures(frame(dict(reversed(edges.items()))), [1]))
    assert set(one["measure"]) == set(MEASURES)


@pytest.mark.usefixtures("_way")
def test_a_large_graph_is_sampled_the_same_way_each_time() -> None:
    edges = {(n, n // 2): 1 for n in range(2, 700)}
    assert site_measures(frame(edges), [699]).equals(site_measures(frame(edges), [699]))


@pytest.mark.usefixtures("_way")
def test_edges_with_one_end_or_none_to_speak_of_are_left_out() -> None:
    loose = frame({(1, 2): 3}).vstack(
        pl.DataFrame([(None, 2, 1), (1, None, 1), (4, 4, 9)], schema=frame({}).schema, orient="row")
    )
    assert site_measures(loose, [1]).equals(site_measures(frame({(1, 2): 3}), [1]))


@pytest.mark.usefixtures("_way")
def test_no_edges_give_no_rows() -> None:
    assert site_measures(frame({}), [1]).is_empty()
