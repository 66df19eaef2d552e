"""The measures of ``detectors.graph`` for graphs too large for networkx; the same values."""

import random
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from detectors.graph_kernels import FloatArray, IntArray, core_numbers, hops_from, path_shares

_DAMPING = 0.85  # of the page rank, its precision and patience: those of networkx
_PRECISION = 1e-6
_MOST_ROUNDS = 100


@dataclass(frozen=True)
class _Graph:
    """Edges as positions among the sites, sorted, none twice and none from a site to itself."""

    sites: IntArray
    origins: IntArray
    targets: IntArray
    weights: FloatArray


def large_site_measures(
    edges: pl.DataFrame, maker_sites: Collection[int], sampled_nodes: int | None, seed: int
) -> dict[str, pl.DataFrame]:
    """Measure every site; frames ``site_id, value`` by measure.

    ``edges`` as ``detectors.graph`` leaves them: whole, summed and sorted, and not none.
    ``sampled_nodes`` is from how many sites betweenness is taken; None: from all.
    """
    graph = _read(edges)
    matrix = sparse.csr_array(
        (graph.weights, (graph.origins, graph.targets)), shape=(len(graph.sites),) * 2
    )
    _, weak = connected_components(matrix, connection="weak")
    _, strong = connected_components(matrix, connection="strong")
    incoming, outgoing = (
        np.bincount(ends, minlength=len(graph.sites)) for ends in (graph.targets, graph.origins)
    )
    hops = _hops(graph, maker_sites)
    values = {
        "in_degree": incoming,
        "out_degree": outgoing,
        "reciprocity": 2 * _mutual(graph) / (incoming + outgoing),
        "component": graph.sites[_first_of(weak)],
        "core_number": core_numbers(*_undirected(graph)),
        "hops_from_maker": hops,
        "betweenness": _betweenness(graph, sampled_nodes, seed),
        "in_cycle": np.bincount(strong)[strong] > 1,
        "pagerank": _page_rank(matrix),
    }
    of_site = pl.DataFrame({"site_id": graph.sites} | values, strict=False)
    frames = {
        name: of_site.select(pl.col("site_id").cast(pl.Int32), value=pl.col(name).cast(pl.Float64))
        for name in values
    }
    frames["hops_from_maker"] = frames["hops_from_maker"].filter(pl.col("value") >= 0)
    return frames


def _read(edges: pl.DataFrame) -> _Graph:
    origins, targets = (edges[name].to_numpy() for name in ("from_site_id", "to_site_id"))
    sites = np.union1d(origins, targets).astype(np.int64)
    return _Graph(
        sites,
        np.searchsorted(sites, origins).astype(np.int64),
        np.searchsorted(sites, targets).astype(np.int64),
        edges["movement_count"].to_numpy().astype(np.float64),
    )


def _lists(n: int, origins: IntArray, targets: IntArray) -> tuple[IntArray, IntArray]:
    """Neighbour lists of edges in any order."""
    order = np.lexsort((targets, origins))
    starts = np.concatenate([[0], np.cumsum(np.bincount(origins, minlength=n))]).astype(np.int64)
    return starts, targets[order]


def _undirected(graph: _Graph) -> tuple[IntArray, IntArray]:
    n = len(graph.sites)
    both = np.concatenate([graph.origins * n + graph.targets, graph.targets * n + graph.origins])
    keys = np.unique(both)
    return _lists(n, keys // n, keys % n)


def _mutual(graph: _Graph) -> IntArray:
    """Number of each site's edges that run both ways, a pair counted once."""
    n = len(graph.sites)
    there, back = graph.origins * n + graph.targets, graph.targets * n + graph.origins
    is_mutual = np.isin(there, back, assume_unique=True)
    return np.bincount(graph.origins[is_mutual], minlength=n)


def _first_of(labels: IntArray) -> IntArray:
    """Position of the first member of each one's group."""
    _, first, group = np.unique(labels, return_index=True, return_inverse=True)
    positions: IntArray = first[group]
    return positions


def _hops(graph: _Graph, maker_sites: Collection[int]) -> IntArray:
    sources = np.flatnonzero(np.isin(graph.sites, np.array(sorted(maker_sites), dtype=np.int64)))
    starts, ends = _lists(len(graph.sites), graph.origins, graph.targets)
    hops: IntArray = hops_from(starts, ends, sources)
    return hops


def _betweenness(graph: _Graph, sampled_nodes: int | None, seed: int) -> FloatArray:
    n = len(graph.sites)
    is_sample = sampled_nodes is not None and sampled_nodes < n
    # The draw of networkx: the same sites for the same seed.
    drawn = random.Random(seed).sample(range(n), sampled_nodes or n) if is_sample else range(n)  # noqa: S311
    sources = np.array(drawn, dtype=np.int64)
    forward = _lists(n, graph.origins, graph.targets)
    shares: FloatArray = path_shares(*forward, *_lists(n, graph.targets, graph.origins), sources)
    if n <= 2:
        return shares
    if not is_sample:
        return shares * (1 / ((n - 1) * (n - 2)))
    # A site that was drawn lies on no path of its own, so one draw fewer speaks of it.
    of_drawn = shares[sources] * (1 / ((len(sources) - 1) * (n - 2)))
    scaled: FloatArray = shares * (1 / (len(sources) * (n - 2)))
    scaled[sources] = of_drawn
    return scaled


def _page_rank(matrix: sparse.csr_array) -> FloatArray:
    """Page rank by the power method. Raises ArithmeticError where it does not settle."""
    n = matrix.shape[0]
    out = matrix.sum(axis=1)
    share = np.divide(1.0, out, out=np.zeros(n), where=out != 0)
    step = (sparse.diags_array(share) @ matrix).T.tocsr()
    is_dead_end = out == 0
    rank: FloatArray = np.full(n, 1 / n)
    for _ in range(_MOST_ROUNDS):
        before = rank
        rank = _DAMPING * (step @ rank + rank[is_dead_end].sum() / n) + (1 - _DAMPING) / n
        if np.abs(rank - before).sum() < n * _PRECISION:
            return rank
    raise ArithmeticError(f"page rank of {n} sites has not settled in {_MOST_ROUNDS} rounds")
