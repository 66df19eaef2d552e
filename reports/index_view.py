"""From the evidence on all lots to what the index page says."""

from dataclasses import dataclass

from reports import phrases, wording
from reports.change_view import (
    changes_table,
    changes_words,
    suppressions_table,
    suppressions_words,
)
from reports.claims import IndexEvidence, RankedLot
from reports.decision_view import tally_words, waiting_words
from reports.feed_view import feeds_table, feeds_words
from reports.parts import Query, Table, manifest_rows, rest
from reports.phrases import counted, joined, moment, number, share
from reports.trend_view import line_rows, trend_table, trend_words
from reports.unusual_view import unusual_table, unusual_words


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
    lines: tuple[tuple[str, ...], ...]
    feeds: Table
    feeds_words: str
    unusual: Table
    unusual_words: str
    queries: dict[str, Query]
    manifest: tuple[tuple[str, str], ...]


def view_index(evidence: IndexEvidence) -> IndexView:
    """Word the evidence on all lots."""
    counts = evidence.tier_counts
    total = sum(counts.values())
    return IndexView(
        page_title="Touchstone: lots by suspicion",
        as_of=f"{moment(evidence.run.as_of)} UTC" if evidence.run.as_of else "not recorded",
        run_id=evidence.run.run_id,
        summary=_summary(counts, total),
        tally=_tally(evidence),
        tiers=tuple(
            TierCount(tier, wording.TIERS[tier], f"{counts.get(tier, 0):,}", meaning)
            for tier, meaning in wording.TIER_MEANING.items()
        ),
        lots=tuple(_row(number_, lot) for number_, lot in enumerate(evidence.lots.rows, 1)),
        lots_rest=rest(evidence.lots, "further lots are not clear"),
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
        lines=line_rows(evidence),
        feeds=feeds_table(evidence),
        feeds_words=feeds_words(evidence),
        unusual=unusual_table(evidence),
        unusual_words=unusual_words(evidence),
        queries={
            "lots": Query("All lots", "SELECT * FROM lot_risk ORDER BY suspicion_pct DESC"),
            "decisions": Query("All decisions", "SELECT * FROM find_decision ORDER BY decision_id"),
            "files": Query("The source files", "SELECT * FROM source_file ORDER BY path"),
            "rejected": Query("What was set aside", "SELECT * FROM rejected"),
            "suppressions": Query("All that was set aside", "SELECT * FROM suppression"),
            "trend": Query(
                "What each run judged", "SELECT * FROM raw_lot_judgement ORDER BY gtin, lot"
            ),
            "feeds": Query("The health of all feeds", "SELECT * FROM feed_health"),
            "changes": Query("All that changed", "SELECT * FROM lot_change"),
            "unusual_trade": Query(
                "All months of trade relations",
                "SELECT * FROM edge_score ORDER BY suspicion_pct DESC NULLS LAST",
            ),
            "unusual_sites": Query(
                "All months of sites",
                "SELECT * FROM site_score ORDER BY suspicion_pct DESC NULLS LAST",
            ),
            "findings": Query("All findings", "SELECT * FROM finding ORDER BY pattern"),
        },
        manifest=manifest_rows(evidence.run.manifest),
    )


def _summary(counts: dict[str, int], total: int) -> str:
    if not total:
        return "No lot has been judged yet."
    hold, investigate, watch = (counts.get(tier, 0) for tier in ("hold", "investigate", "watch"))
    lots = f"Of {counted(total, 'lot', 'lots')}"
    if not hold + investigate + watch:
        return f"{lots} none has a finding that stands."
    if not hold + investigate:
        return f"{lots} none is suspect on the records read; {watch:,} to watch."
    held = f"{hold:,} {'is' if hold == 1 else 'are'} suspect and to be held now" if hold else ""
    looked = f"{investigate:,} to be investigated on the same day" if investigate else ""
    watched = f"{watch:,} to be watched" if watch else ""
    return f"{lots} {joined(part for part in (held, looked, watched) if part)}."


def _tally(evidence: IndexEvidence) -> str:
    found = evidence.standing + evidence.explained + evidence.suppressed
    aside = f"{evidence.suppressed:,} set aside, " if evidence.suppressed else ""
    text = (
        f"{counted(found, 'finding', 'findings')}, {evidence.explained:,} explained, {aside}"
        f"{evidence.standing:,} {'stands' if evidence.standing == 1 else 'stand'}"
    )
    if evidence.gaps:
        text += f"; {counted(evidence.gaps, 'question', 'questions')} the data cannot answer"
    return text


def _clear_words(count: int) -> str:
    if not count:
        return "No lot is clear."
    verb = "is" if count == 1 else "are"
    return (
        f"{counted(count, 'lot', 'lots')} {verb} clear and not listed; "
        "`touchstone report GTIN LOT` writes the page of any lot."
    ).replace("`", "")


def _row(rank: int, lot: RankedLot) -> LotRow:
    patterns = tuple(phrases.signal(code) for code in (lot.top_pattern, lot.second_pattern) if code)
    if lot.suppressed:
        patterns += (f"{counted(lot.suppressed, 'finding', 'findings')} set aside",)
    return LotRow(
        rank=str(rank),
        href=lot.report or "",
        lot=lot.lot,
        gtin=lot.gtin,
        product=lot.product or "not named",
        tier=lot.tier if lot.tier in wording.TIERS else "watch",
        tier_words=wording.TIERS.get(lot.tier, lot.tier),
        suspicion=number(round(lot.suspicion_pct, 1)) if lot.suspicion_pct is not None else "–",
        patterns=patterns or ("unusual as a whole, no pattern",),
        standing=number(lot.standing),
        explained=number(lot.explained),
        gaps=number(lot.gaps),
        affected=number(lot.units_affected)
        + (f" of {number(lot.units)}" if lot.units is not None else ""),
        coverage=share(lot.coverage),
        nearest=lot.nearest_title or lot.nearest_case or "none near",
        decided=", ".join(
            f"{what}: {outcome}"
            for what, outcome in (("decided", lot.decided), ("proposed", lot.proposed))
            if outcome
        ),
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
        (
            "Pattern",
            "Code",
            "Stand",
            "Explained",
            "Open questions",
            "Set aside",
            "Lots where it stands",
        ),
        rows,
        "ttnnnnn",
    )


def _files(evidence: IndexEvidence) -> Table:
    rows = tuple(
        (
            file.path,
            file.kind.replace("_", " "),
            number(file.read),
            number(file.accepted),
            number(file.duplicate),
            number(file.void),
            number(file.set_aside),
            file.message or "",
            (file.sha256 or "not opened")[:16],
        )
        for file in evidence.files
    )
    return Table(
        (
            "Source file",
            "Kind",
            "Read",
            "Accepted",
            "Duplicate",
            "Void",
            "Set aside",
            "Remark",
            "SHA-256 begins",
        ),
        rows,
        "xtnnnnntt",
    )


def _files_words(evidence: IndexEvidence) -> str:
    read = sum(file.read for file in evidence.files)
    aside = sum(file.set_aside for file in evidence.files)
    kept = sum(file.accepted for file in evidence.files)
    return (
        f"{counted(len(evidence.files), 'file', 'files')}: {counted(read, 'record', 'records')} "
        f"read, {kept:,} accepted, {aside:,} set aside. Read is always the sum of the other four."
    )


def _rejected(evidence: IndexEvidence) -> Table:
    rows = tuple(
        (item.path, item.place or "the file as a whole", item.reason, item.remedy or "")
        for item in evidence.rejected.rows
    )
    return Table(
        ("Source file", "Where", "Reason", "What to do"),
        rows,
        rest=rest(evidence.rejected, "further records were set aside"),
    )


def _rejected_words(evidence: IndexEvidence) -> str:
    return "" if evidence.rejected.rows else "Everything that was read could be understood."
