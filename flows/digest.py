"""A run in three lines, for a run page, a mail or a chat; no serials and no names in it."""

from pathlib import Path

from data.warehouse.connection import open_read_only
from data.warehouse.cookbook import ready_query
from flows.steps import Outcome

HEALTH = ("failing", "doubtful")
TIERS = ("hold", "investigate", "watch", "clear")


def digest_lines(outcome: Outcome) -> list[str]:
    """Where lots stand, what came in, and where to read on."""
    tiers = ", ".join(f"{outcome.tiers.get(tier, 0)} {tier}" for tier in TIERS)
    landed = outcome.landed
    again = f", {landed.known} known already" if landed.known else ""
    lots = outcome.lots_met
    met = f" of {lots} lots" if lots and landed.files else ""
    waiting = f", {landed.waiting} still being written" if landed.waiting else ""
    feeds = ", ".join(f"{outcome.feeds[h]} {h}" for h in HEALTH if outcome.feeds.get(h))
    lines = [
        f"Lots: {tiers}.",
        f"Read {landed.read:,} records{met} in {landed.files} new files{again}; "
        f"{landed.set_aside:,} set aside{waiting}." + (f" Feeds: {feeds}." if feeds else ""),
        f"Run {outcome.run_id}{_built(outcome)}. Open {outcome.index}",
    ]
    return lines + [
        f"Check failed: {name} (touchstone sql 'FROM {name}' shows the rows)."
        for name in outcome.failed_checks
    ]


def _built(outcome: Outcome) -> str:
    """How much of the warehouse was built anew; nothing where the run did not say."""
    built = outcome.built
    return f", {built.anew} of {built.anew + built.kept} models built anew" if built.anew else ""


def set_aside_table(snapshot: Path) -> str:
    """What was set aside, by reason, as a Markdown table; names and positions stay out."""
    with open_read_only(snapshot) as con:
        rows = con.execute(ready_query("set_aside").text).fetchall()
    if not rows:
        return "Nothing is set aside."
    lines = [f"| {records:,} | {reason} | {remedy} |" for reason, remedy, records, *_ in rows]
    return "\n".join(["| records | set aside because | what to do |", "|---|---|---|", *lines])
