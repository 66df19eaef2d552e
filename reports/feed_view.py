"""Feeds whose silence proves little now, as the index page says it: about feeds, not about lots."""

from reports import wording
from reports.claims import FeedHealth, IndexEvidence
from reports.parts import Table, rest
from reports.phrases import counted, hours, joined, number, share


def feeds_words(evidence: IndexEvidence) -> str:
    """Return how many feeds fail or are in doubt."""
    if not evidence.feeds.rows:
        return "No feed departs from its own habit, as far as its record shows one."
    return (
        f"{counted(evidence.feeds_failing, 'feed fails', 'feeds fail')}, "
        f"{evidence.feeds_doubtful:,} {'is' if evidence.feeds_doubtful == 1 else 'are'} in doubt, "
        "each measured against its own habit. Call the sender before an absence in such a feed is "
        "taken for one of goods. No lot is accused here."
    )


def feeds_table(evidence: IndexEvidence) -> Table:
    """List failing and doubtful feeds, the gravest first."""
    heads = ("Place", "GLN", "Feed", "Signs", "Silent, usual wait", "Delay, before", "Week, usual")
    return Table(
        (*heads, "Departures untold", "Arrivals untold"),
        tuple(_row(feed) for feed in evidence.feeds.rows),
        "ttttdddnn",
        rest=rest(evidence.feeds, "further feeds are in doubt"),
    )


def _row(feed: FeedHealth) -> tuple[str, ...]:
    return (
        feed.name or "not named",
        feed.gln,
        wording.HEALTH.get(feed.health, feed.health),
        joined(wording.FEED_SIGNS.get(sign, sign) for sign in feed.signs),
        f"{_days(feed.silent_days)}, {_days(feed.usual_gap_days)}",
        f"{hours(feed.lag_p95_h)}, {hours(feed.lag_before_p95_h)}",
        f"{number(feed.recent_events)}, {number(feed.usual_events)}",
        share(feed.departure_untold_share),
        share(feed.arrival_untold_share),
    )


def _days(value: float | None) -> str:
    return "not known" if value is None else f"{number(round(value, 1))} d"
