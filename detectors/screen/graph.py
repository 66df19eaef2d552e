"""Measures of the trade graph, site by site."""

import duckdb

from detectors.graph import site_measures
from detectors.screen.tables import replace

# What the step fills, and every table that it reads: where those are the same, so is the result.
GRAPH_FILLS = ("graph_site_measure",)
GRAPH_READS = ("core_site", "graph_edge")


def measure_graph(con: duckdb.DuckDBPyConnection) -> int:
    """Fill ``graph_site_measure`` from ``graph_edge``; return the number of rows."""
    edges = con.sql("SELECT * FROM graph_edge").pl()
    makers = con.sql("SELECT site_id FROM core_site WHERE role = 'maker'").pl()
    frame = site_measures(edges, makers["site_id"].to_list())
    replace(con, "graph_site_measure", frame)
    return frame.height
