"""Months of sites and of trade relations that are unlike the months before, for the index."""

from reports import phrases
from reports.claims import IndexEvidence, UnusualMonth
from reports.parts import Table
from reports.phrases import joined, month, number
from reports.wording import lines, say


def unusual_table(evidence: IndexEvidence) -> Table:
    """List them, the most unusual first."""
    rows = tuple(
        (
            month(one.month),
            _place(one.gln, one.name),
            _place(one.to_gln, one.to_name) if one.to_gln else say("index.unusual.all_trade"),
            number(round(one.suspicion_pct, 1)),
            number(round(one.q_value, 3)),
            number(one.units),
            joined(phrases.feature(name) for name in one.features),
            joined(one.nearest[:2]),
        )
        for one in evidence.unusual
    )
    return Table(lines("index.heads.unusual"), rows, "dttnnntx")


def _place(gln: str | None, name: str | None) -> str:
    return f"{name} ({gln})" if name and name != gln else str(gln)


def unusual_words(evidence: IndexEvidence) -> str:
    """Return what the list means, or that there is none."""
    if not evidence.unusual:
        return say("index.unusual.none")
    likely = sum(_is_likely(one) for one in evidence.unusual)
    tail = say("index.unusual.likely", n=likely) if likely else say("index.unusual.unlikely")
    return f"{say('index.unusual.meaning')} {tail}"


def _is_likely(one: UnusualMonth) -> bool:
    return one.q_value <= 0.1
