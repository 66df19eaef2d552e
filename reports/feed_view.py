"""Feeds whose silence proves little now, as the index page says it: about feeds, not about lots."""

from reports.claims import FeedHealth, IndexEvidence
from reports.parts import Table, rest
from reports.phrases import hours, joined, number, share
from reports.wording import lines, name, say


def feeds_words(evidence: IndexEvidence) -> str:
    """Return how many feeds fail or are in doubt."""
    if not evidence.feeds.rows:
        return say("index.feeds.none")
    failing = say("index.feeds.failing", n=evidence.feeds_failing)
    return say("index.feeds.doubtful", failing=failing, n=evidence.feeds_doubtful)


def feeds_table(evidence: IndexEvidence) -> Table:
    """List failing and doubtful feeds, the gravest first."""
    return Table(
        lines("index.heads.feeds"),
        tuple(_row(feed) for feed in evidence.feeds.rows),
        "ttttdddnn",
        rest=rest(evidence.feeds, "feeds"),
    )


def _row(feed: FeedHealth) -> tuple[str, ...]:
    return (
        feed.name or say("index.feeds.not_named"),
        feed.gln,
        name("codes.health", feed.health),
        joined(name("codes.feed_signs", sign) for sign in feed.signs),
        f"{_days(feed.silent_days)}, {_days(feed.usual_gap_days)}",
        f"{hours(feed.lag_p95_h)}, {hours(feed.lag_before_p95_h)}",
        f"{number(feed.recent_events)}, {number(feed.usual_events)}",
        share(feed.departure_untold_share),
        share(feed.arrival_untold_share),
    )


def _days(value: float | None) -> str:
    if value is None:
        return say("language.not_known")
    return say("index.feeds.days", figure=number(round(value, 1)))
