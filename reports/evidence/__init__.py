"""Collects the evidence on lots, or on all of a run, from the ``evid_`` models and published views.

Large lots stay bounded: the rows that matter most are listed, the rest is counted.

- ``lots``: all that the pages of some lots state, put together
- ``findings``: what the patterns found, with the records cited
- ``movements``: what happened, by which ways, who has the packs, what is exposed
- ``sources``: the places a lot passed, whose data covers it, the documents it was read from
- ``judgement``: tier, scores and their parts, where a lot stands among others
- ``likeness``: the past cases that are nearest, and the lots that resemble it
- ``decisions``: what people decided, and what is otherwise than in the run before
- ``runs``: what runs recorded about themselves
- ``index``: all that the index page states
- ``reading``: how rows are read, for many lots at once
"""

from reports.evidence.index import AlarmBound, gather_index
from reports.evidence.judgement import TIERS
from reports.evidence.lots import gather, gather_lots
from reports.evidence.runs import MOST_RUNS, run_of

__all__ = [
    "MOST_RUNS",
    "TIERS",
    "AlarmBound",
    "gather",
    "gather_index",
    "gather_lots",
    "run_of",
]
