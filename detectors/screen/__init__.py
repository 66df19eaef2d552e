"""The screen: reads features and findings, runs the detectors, writes scores and cited cases.

The only part of ``detectors`` that touches the warehouse:

- ``tables``: what is written, column by column
- ``lots`` and ``cases``: what the detectors know of either
- ``resemblance``: lots held against past cases, and which of those are cited
- ``scores``: scores and parts of lots
- ``similar``: the cases nearest to one lot or case, on demand
- ``levels``: those of edges, sites and trajectories

Lots without a standing finding are the reference, and so are lots that an officer cleared; each of
them is scored as if it had not been fitted, so what is fitted and what is scored never overlap.
"""

from detectors.screen.graph import GRAPH_FILLS, GRAPH_READS, measure_graph
from detectors.screen.levels import LEVEL_FILLS, LEVEL_READS, score_levels
from detectors.screen.lots import CLEARED, SIGNALS, lot_traits
from detectors.screen.parts import OTHER_FEATURES
from detectors.screen.scores import LEAST_REFERENCE, LOT_FILLS, LOT_READS, score_lots
from detectors.screen.similar import similar_to_case, similar_to_lot

__all__ = [
    "CLEARED",
    "GRAPH_FILLS",
    "GRAPH_READS",
    "LEAST_REFERENCE",
    "LEVEL_FILLS",
    "LEVEL_READS",
    "LOT_FILLS",
    "LOT_READS",
    "OTHER_FEATURES",
    "SIGNALS",
    "lot_traits",
    "measure_graph",
    "score_levels",
    "score_lots",
    "similar_to_case",
    "similar_to_lot",
]
