"""Months of sites and of trade relations that are unlike the months before, for the index."""

from reports import phrases
from reports.claims import IndexEvidence, UnusualMonth
from reports.parts import Table
from reports.phrases import joined, number
from reports.pictures import MONTHS

_HEADS = ("Month", "Site", "Supplied", "Suspicion", "q", "Packs", "Unusual in", "Compared with")


def unusual_table(evidence: IndexEvidence) -> Table:
    """List them, the most unusual first."""
    rows = tuple(
        (
            f"{MONTHS[one.month.month - 1]} {one.month.year}",
            _place(one.gln, one.name),
            _place(one.to_gln, one.to_name) if one.to_gln else "all its trade",
            number(round(one.suspicion_pct, 1)),
            number(round(one.q_value, 3)),
            number(one.units),
            joined(phrases.feature(name) for name in one.features),
            joined(one.nearest[:2]),
        )
        for one in evidence.unusual
    )
    return Table(_HEADS, rows, "dttnnntx")


def _place(gln: str | None, name: str | None) -> str:
    return f"{name} ({gln})" if name and name != gln else str(gln)


def unusual_words(evidence: IndexEvidence) -> str:
    """Return what the list means, or that there is none."""
    if not evidence.unusual:
        return (
            "No month of a site or of a trade relation is out of the ordinary beside the months "
            "before it, or there are too few of them to tell."
        )
    likely = sum(_is_likely(one) for one in evidence.unusual)
    tail = (
        f" Of {likely:,} q is at most 0.1: were trade as before, a tenth of such would be chance."
        if likely
        else " None has a q of at most 0.1, so each may be chance."
    )
    return (
        "These months are least like the months before them. That is no finding and raises no "
        "lot's tier: trade that grows or changes does the same." + tail
    )


def _is_likely(one: UnusualMonth) -> bool:
    return one.q_value <= 0.1
