"""From the evidence on all lots to what the index page says."""

from dataclasses import dataclass

from reports import phrases
from reports.change_view import (
    changes_table,
    changes_words,
    suppressions_table,
    suppressions_words,
)
from reports.claims import IndexEvidence, RankedLot
from reports.conclusion import tally
from reports.decision_view import tally_words, waiting_words
from reports.feed_view import feeds_table, feeds_words
from reports.parts import Query, Table, manifest_rows, rest
from reports.phrases import joined, moment, number, share, tier_name
from reports.trend_view import lines_table, lines_words, trend_table, trend_words
from reports.unusual_view import unusual_table, unusual_words
from reports.wording import is_known, lines, name, say, table


@dataclass(frozen=True, slots=True, kw_only=True)
class LotRow:
    """One ranked lot; ``href`` leads to its page, relative to the index."""

    rank: str
    href: str
    lot: str
    gtin: str
    product: str
    tier: str
    tier_words: str
    suspicion: str
    patterns: tuple[str, ...]
    standing: str
    explained: str
    gaps: str
    affected: str
    coverage: str
    nearest: str
    decided: str


@dataclass(frozen=True, slots=True)
class TierCount:
    """How many lots a tier holds, and what the tier means."""

    tier: str
    words: str
    count: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexView:
    """The index page, as text."""

    page_title: str
    as_of: str
    run_id: str
    summary: str
    tally: str
    tiers: tuple[TierCount, ...]
    lots: tuple[LotRow, ...]
    lots_rest: str
    clear_words: str
    decided_words: str
    patterns: Table
    files: Table
    files_words: str
    rejected: Table
    rejected_words: str
    suppressions: Table
    suppressions_words: str
    changes: Table
    changes_words: str
    trend: Table
    trend_words: str
    lines: Table
    lines_words: tuple[str, ...]
    feeds: Table
    feeds_words: str
    unusual: Table
    unusual_words: str
    queries: dict[str, Query]
    manifest: tuple[tuple[str, str], ...]


_QUERIES = {
    "lots": "SELECT * FROM lot_risk ORDER BY suspicion_pct DESC",
    "decisions": "SELECT * FROM find_decision ORDER BY decision_id",
    "files": "SELECT * FROM source_file ORDER BY path",
    "rejected": "SELECT * FROM rejected",
    "suppressions": "SELECT * FROM suppression",
    "trend": "SELECT * FROM raw_lot_judgement ORDER BY gtin, lot",
    "feeds": "SELECT * FROM feed_health",
    "changes": "SELECT * FROM lot_change",
    "unusual_trade": "SELECT * FROM edge_score ORDER BY suspicion_pct DESC NULLS LAST",
    "unusual_sites": "SELECT * FROM site_score ORDER BY suspicion_pct DESC NULLS LAST",
    "findings": "SELECT * FROM finding ORDER BY pattern",
}


def view_index(evidence: IndexEvidence) -> IndexView:
    """Word the evidence on all lots."""
    counts = evidence.tier_counts
    total = sum(counts.values())
    return IndexView(
        page_title=say("index.title"),
        as_of=_as_of(evidence),
        run_id=evidence.run.run_id,
        summary=_summary(counts, total),
        tally=tally(evidence),
        tiers=tuple(
            TierCount(tier, tier_name(tier), number(counts.get(tier, 0)), meaning)
            for tier, meaning in table("tiers.meanings").items()
        ),
        lots=tuple(_row(number_, lot) for number_, lot in enumerate(evidence.lots.rows, 1)),
        lots_rest=rest(evidence.lots, "lots"),
        clear_words=_clear_words(
            counts.get("clear", 0) - sum(lot.tier == "clear" for lot in evidence.lots.rows)
        ),
        decided_words=" ".join(
            words
            for words in (tally_words(evidence.decided), waiting_words(evidence.proposed))
            if words
        ),
        patterns=_patterns(evidence),
        files=_files(evidence),
        files_words=_files_words(evidence),
        rejected=_rejected(evidence),
        rejected_words=_rejected_words(evidence),
        suppressions=suppressions_table(evidence),
        suppressions_words=suppressions_words(evidence),
        changes=changes_table(evidence),
        changes_words=changes_words(evidence),
        trend=trend_table(evidence),
        trend_words=trend_words(evidence),
        lines=lines_table(evidence),
        lines_words=lines_words(evidence),
        feeds=feeds_table(evidence),
        feeds_words=feeds_words(evidence),
        unusual=unusual_table(evidence),
        unusual_words=unusual_words(evidence),
        queries={code: Query(name("index.queries", code), sql) for code, sql in _QUERIES.items()},
        manifest=manifest_rows(evidence.run.manifest),
    )


def _as_of(evidence: IndexEvidence) -> str:
    if not evidence.run.as_of:
        return say("language.not_recorded")
    return say("lot.utc", time=moment(evidence.run.as_of))


def _summary(counts: dict[str, int], total: int) -> str:
    if not total:
        return say("index.none_judged")
    hold, investigate, watch = (counts.get(tier, 0) for tier in ("hold", "investigate", "watch"))
    if not hold + investigate + watch:
        return say("index.none_stands", n=total)
    if not hold + investigate:
        return say("index.none_suspect", n=total, watch=watch)
    held = say("index.hold", n=hold) if hold else ""
    looked = say("index.investigate", n=investigate) if investigate else ""
    watched = say("index.watch", n=watch) if watch else ""
    parts = joined(part for part in (held, looked, watched) if part)
    return say("index.summary", n=total, parts=parts)


def _clear_words(count: int) -> str:
    return say("index.are_clear", n=count) if count else say("index.none_clear")


def _row(rank: int, lot: RankedLot) -> LotRow:
    patterns = tuple(phrases.signal(code) for code in (lot.top_pattern, lot.second_pattern) if code)
    if lot.suppressed:
        patterns += (say("index.set_aside", n=lot.suppressed),)
    return LotRow(
        rank=str(rank),
        href=lot.report or "",
        lot=lot.lot,
        gtin=lot.gtin,
        product=lot.product or say("index.not_named"),
        tier=lot.tier if is_known("tiers.names", lot.tier) else "watch",
        tier_words=name("tiers.names", lot.tier),
        suspicion=number(round(lot.suspicion_pct, 1)) if lot.suspicion_pct is not None else "–",
        patterns=patterns or (say("index.unusual_as_a_whole"),),
        standing=number(lot.standing),
        explained=number(lot.explained),
        gaps=number(lot.gaps),
        affected=_affected(lot),
        coverage=share(lot.coverage),
        nearest=lot.nearest_title or lot.nearest_case or say("index.none_near"),
        decided=_decided(lot),
    )


def _affected(lot: RankedLot) -> str:
    affected = number(lot.units_affected)
    if lot.units is None:
        return affected
    return say("index.affected_of", affected=affected, units=number(lot.units))


def _decided(lot: RankedLot) -> str:
    return ", ".join(
        say(f"index.{what}", outcome=name("codes.outcomes", outcome))
        for what, outcome in (("decided", lot.decided), ("proposed", lot.proposed))
        if outcome
    )


def _patterns(evidence: IndexEvidence) -> Table:
    rows = tuple(
        (
            phrases.pattern_title(count.pattern),
            count.pattern,
            number(count.standing),
            number(count.explained),
            number(count.gaps),
            number(count.suppressed),
            number(count.lots_standing),
        )
        for count in sorted(
            evidence.patterns, key=lambda c: (-c.standing, -c.explained, -c.gaps, c.pattern)
        )
    )
    return Table(
        lines("index.heads.patterns"),
        rows,
        "ttnnnnn",
    )


def _files(evidence: IndexEvidence) -> Table:
    rows = tuple(
        (
            file.path,
            name("codes.kinds", file.kind),
            number(file.read),
            number(file.accepted),
            number(file.duplicate),
            number(file.void),
            number(file.set_aside),
            file.message or "",
            (file.sha256 or say("index.not_opened"))[:16],
        )
        for file in evidence.files
    )
    return Table(
        lines("index.heads.files"),
        rows,
        "xtnnnnntt",
    )


def _files_words(evidence: IndexEvidence) -> str:
    read = sum(file.read for file in evidence.files)
    aside = sum(file.set_aside for file in evidence.files)
    kept = sum(file.accepted for file in evidence.files)
    return say(
        "index.files",
        n=len(evidence.files),
        read=say("index.records", n=read),
        accepted=kept,
        aside=aside,
    )


def _rejected(evidence: IndexEvidence) -> Table:
    rows = tuple(
        (item.path, item.place or say("index.file_as_a_whole"), item.reason, item.remedy or "")
        for item in evidence.rejected.rows
    )
    return Table(
        lines("index.heads.rejected"),
        rows,
        rest=rest(evidence.rejected, "rejected"),
    )


def _rejected_words(evidence: IndexEvidence) -> str:
    return "" if evidence.rejected.rows else say("index.all_understood")
