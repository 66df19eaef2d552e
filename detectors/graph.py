"""Measures of every site in the trade graph (pure: a frame in, a frame out).

With networkx; graphs too large for it go through ``detectors.large_graph``, to the same values.
"""

from collections.abc import Collection, Iterator, Mapping

import networkx as nx
import polars as pl

from detectors.large_graph import large_site_measures

MEASURES = (
    "in_degree",
    "out_degree",
    "reciprocity",
    "component",
    "core_number",
    "hops_from_maker",
    "betweenness",
    "in_cycle",
    "pagerank",
)
MEASURE_SCHEMA = pl.Schema({"site_id": pl.Int32, "measure": pl.String, "value": pl.Float64})

_EXACT_NODES = 500  # betweenness is sampled above: it grows with nodes x edges
_LARGE_NODES = 10_000  # origins and targets, counted apart; past it networkx takes too long
_SAMPLED_NODES = 100
_SEED = 1


def site_measures(edges: pl.DataFrame, maker_sites: Collection[int]) -> pl.DataFrame:
    """Measure every site that trades.

    Parameters
    ----------
    edges
        One row per edge: ``from_site_id``, ``to_site_id``, ``movement_count`` (further columns
        are ignored). Edges without both ends, and from a site to itself, are left out.
    maker_sites
        Sites whose role is maker.

    Returns
    -------
    Frame ``site_id, measure, value``, sorted; one row per site and measure:
    ``in_degree``, ``out_degree`` (partners), ``reciprocity`` (share of its edges that run both
    ways), ``component`` (smallest site_id that can be reached ignoring direction),
    ``core_number`` (ignoring direction), ``hops_from_maker`` (along edges; no row where no maker
    leads there), ``betweenness`` (share of shortest paths; sampled above 500 sites),
    ``in_cycle`` (1 where goods can come back), ``pagerank`` (weighted by movements).
    """
    whole = _whole(edges)
    if whole["from_site_id"].n_unique() + whole["to_site_id"].n_unique() > _LARGE_NODES:
        return _table(large_site_measures(whole, maker_sites, _SAMPLED_NODES, _SEED))
    return _table(_measures(whole, maker_sites))


def _measures(edges: pl.DataFrame, maker_sites: Collection[int]) -> dict[str, pl.DataFrame]:
    """Frames ``site_id, value`` by measure, with networkx."""
    graph = _graph(edges)
    values = {
        "in_degree": dict(graph.in_degree()),
        "out_degree": dict(graph.out_degree()),
        "reciprocity": nx.reciprocity(graph, list(graph)),
        "component": dict(_smallest(nx.weakly_connected_components(graph))),
        "core_number": nx.core_number(graph.to_undirected()),
        "hops_from_maker": _hops(graph, maker_sites),
        "betweenness": _betweenness(graph),
        "in_cycle": {
            site: float(len(group) > 1)
            for group in nx.strongly_connected_components(graph)
            for site in group
        },
        "pagerank": nx.pagerank(graph, weight="movement_count") if graph else {},
    }
    return {
        measure: pl.DataFrame(
            {"site_id": list(of_site), "value": [float(value) for value in of_site.values()]},
            schema={"site_id": pl.Int32, "value": pl.Float64},
        )
        for measure, of_site in values.items()
    }


def _table(frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    named = [
        frame.select("site_id", pl.lit(measure).alias("measure"), "value")
        for measure, frame in frames.items()
    ]
    return pl.concat(named).sort("site_id", "measure")


def _whole(edges: pl.DataFrame) -> pl.DataFrame:
    """Edges with both ends, of two sites, each once."""
    return (
        edges.drop_nulls(["from_site_id", "to_site_id"])
        .filter(pl.col("from_site_id") != pl.col("to_site_id"))
        .group_by("from_site_id", "to_site_id")
        .agg(pl.col("movement_count").sum())
        .sort("from_site_id", "to_site_id")
    )


def _graph(edges: pl.DataFrame) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from(sorted({*edges["from_site_id"], *edges["to_site_id"]}))
    graph.add_weighted_edges_from(edges.iter_rows(), weight="movement_count")
    return graph


def _smallest(groups: Iterator[set[int]]) -> Iterator[tuple[int, int]]:
    for group in groups:
        smallest = min(group)
        for site in group:
            yield site, smallest


def _hops(graph: nx.DiGraph, maker_sites: Collection[int]) -> Mapping[int, int]:
    makers = sorted(site for site in set(maker_sites) if site in graph)
    if not makers:
        return {}
    layers = nx.bfs_layers(graph, makers)
    return {site: hops for hops, layer in enumerate(layers) for site in layer}


def _betweenness(graph: nx.DiGraph) -> Mapping[int, float]:
    sample = None if len(graph) <= _EXACT_NODES else _SAMPLED_NODES
    values: Mapping[int, float] = nx.betweenness_centrality(graph, k=sample, seed=_SEED)
    return values
