"""All that the index page states: ranked lots, patterns, feeds, and what was set aside."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields

import duckdb

from reports import rows as made
from reports.claims import (
    AlarmLine,
    Bounded,
    FeedHealth,
    FileCount,
    IndexEvidence,
    PatternCount,
    RankedLot,
    Rejected,
    UnusualMonth,
)
from reports.evidence.decisions import read_changes, read_suppressions
from reports.evidence.judgement import TIERS
from reports.evidence.reading import cut, read
from reports.evidence.runs import read_run_before, read_trend, run_of

MOST_LOTS = 2000
MOST_REJECTED = 200
MOST_CHANGES = 200
MOST_LINES = 12
MOST_FEEDS = 20
MOST_UNUSUAL = 8  # of edges, and of sites
LEAST_UNUSUAL_PCT = 95.0

# The most false alarms, as a share, if the line is drawn at each p-value: for all at once.
AlarmBound = Callable[[list[float]], Sequence[float]]


def gather_index(
    con: duckdb.DuckDBPyConnection, alarm_bound: AlarmBound | None = None
) -> IndexEvidence:
    """Collect what the index page shows: ranked lots, patterns, feeds and what was set aside.

    Without ``alarm_bound`` it says nothing on how many alarms may be false.
    """
    titles = {
        row["case_id"]: row["title"] for row in read(con, "SELECT case_id, title FROM raw_case")
    }
    decided = {
        (row["gtin"], row["lot"]): row["outcome"]
        for row in read(con, "SELECT gtin, lot, outcome FROM find_decision WHERE is_latest")
    }
    proposed = {
        (row["gtin"], row["lot"]): row["outcome"]
        for row in read(
            con,
            "SELECT gtin, lot, outcome FROM find_decision WHERE state = 'proposed' "
            "ORDER BY decision_id",
        )
    }
    lots = [
        made.ranked_lot(row, titles, decided, proposed)
        for row in read(con, "SELECT * FROM lot_risk")
    ]
    lots.sort(key=_rank_key)
    counts = {tier: sum(lot.tier == tier for lot in lots) for tier in TIERS}
    # What a person set aside hides no lot.
    suspects = [lot for lot in lots if lot.tier != "clear" or lot.suppressed]
    patterns = _patterns(con)
    feeds = _feeds(con)
    return IndexEvidence(
        run=run_of(con),
        tier_counts=counts,
        standing=sum(p.standing for p in patterns),
        explained=sum(p.explained for p in patterns),
        gaps=sum(p.gaps for p in patterns),
        lots=cut(suspects, MOST_LOTS, lambda lot: lot.units_affected),
        patterns=patterns,
        files=_files(con),
        rejected=_rejected(con),
        suppressed=sum(p.suppressed for p in patterns),
        suppressions=read_suppressions(con),
        run_before=read_run_before(con),
        trend=read_trend(con),
        lines=_alarm_lines(lots, alarm_bound) if alarm_bound else (),
        changes=cut(read_changes(con), MOST_CHANGES),
        unusual=_unusual(con),
        decided=dict(Counter(decided.values())),
        proposed=len(proposed),
        feeds=cut(feeds, MOST_FEEDS),
        feeds_failing=sum(feed.health == "failing" for feed in feeds),
        feeds_doubtful=sum(feed.health == "doubtful" for feed in feeds),
    )


def _unusual(con: duckdb.DuckDBPyConnection) -> tuple[UnusualMonth, ...]:
    """The months of edges and of sites that are least like those before, some of each."""
    rows = [
        row
        for model in ("edge_score", "site_score")
        for row in read(
            con,
            f"SELECT * FROM {model} WHERE suspicion_pct >= ? "  # noqa: S608
            "ORDER BY suspicion_pct DESC, month DESC, subject LIMIT ?",
            [LEAST_UNUSUAL_PCT, MOST_UNUSUAL],
        )
    ]
    return tuple(sorted(map(made.unusual_month, rows), key=lambda one: -one.suspicion_pct))


def _alarm_lines(lots: list[RankedLot], bound: AlarmBound) -> tuple[AlarmLine, ...]:
    """What a line at each of the smallest p-values would cost."""
    known = sorted(lot.p_value for lot in lots if lot.p_value is not None)
    lines: dict[float, AlarmLine] = {}
    for count, (p_value, share) in enumerate(zip(known, bound(known), strict=True), 1):
        lines[p_value] = AlarmLine(p_value, count, float(share))
    return tuple(lines.values())[:MOST_LINES]


def _rank_key(lot: RankedLot) -> tuple[int, int, float, str, str]:
    """Order by tier; within it suspicion, then packs concerned, then identity for stability."""
    return (
        TIERS.index(lot.tier),
        -round(made.number_of(lot.suspicion_pct) * 10),
        -lot.units_affected,
        lot.gtin,
        lot.lot,
    )


def _patterns(con: duckdb.DuckDBPyConnection) -> tuple[PatternCount, ...]:
    rows = read(
        con,
        "SELECT pattern, status, count(*) AS n, count(DISTINCT lot_id) AS lots "
        "FROM find_finding GROUP BY pattern, status ORDER BY pattern, status",
    )
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        of_pattern = counts.setdefault(row["pattern"], {"lots": 0})
        of_pattern[row["status"]] = row["n"]
        if row["status"] == "stands":
            of_pattern["lots"] = row["lots"]
    return tuple(
        PatternCount(
            pattern,
            n.get("stands", 0),
            n.get("explained", 0),
            n.get("data_gap", 0),
            n["lots"],
            n.get("suppressed", 0),
        )
        for pattern, n in counts.items()
    )


def _feeds(con: duckdb.DuckDBPyConnection) -> list[FeedHealth]:
    """Failing and doubtful feeds, in the view's order."""
    names = [field.name for field in fields(FeedHealth)]
    rows = read(con, "FROM feed_health WHERE health IN ('failing', 'doubtful')")
    return [
        FeedHealth(**{name: row[name] for name in names} | {"signs": tuple(row["signs"])})
        for row in rows
    ]


def _files(con: duckdb.DuckDBPyConnection) -> tuple[FileCount, ...]:
    return tuple(
        FileCount(
            path=row["path"],
            sha256=row["sha256"],
            kind=row["kind"],
            read=row["read"],
            accepted=row["accepted"],
            duplicate=row["duplicate"],
            void=row["void"],
            set_aside=row["set_aside"],
            message=row["message"],
        )
        for row in read(con, "SELECT * FROM source_file ORDER BY path, file_id")
    )


def _rejected(con: duckdb.DuckDBPyConnection) -> Bounded[Rejected]:
    rows = read(
        con,
        "SELECT * FROM rejected ORDER BY source_file, file_id, position, place, reason",
    )
    return cut(
        [Rejected(r["source_file"], r["place"], r["reason"], r["remedy"]) for r in rows],
        MOST_REJECTED,
    )
