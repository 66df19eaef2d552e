"""Extras of the index: lots by tier over the last runs, and what an alarm line would cost."""

from reports.claims import AlarmLine, IndexEvidence
from reports.parts import Table
from reports.phrases import moment, number, share
from reports.wording import lines, say, table


def trend_table(evidence: IndexEvidence) -> Table:
    """List the last runs, each compared with the one before; the latest comes first."""
    rows = tuple(
        (
            f"{moment(run.as_of)}",
            run.run_id,
            *(number(run.lots.get(tier, 0)) for tier in table("tiers.names")),
        )
        for run in evidence.trend
    )
    return Table((*lines("index.heads.trend"), *table("tiers.names").values()), rows, "dxnnnn")


def trend_words(evidence: IndexEvidence) -> str:
    """Say what the trend holds, or that there is none yet."""
    if len(evidence.trend) < 2:
        return say("page.no_trend")
    return say("page.trend_intro")


def lines_table(evidence: IndexEvidence) -> Table:
    """List the alarm lines: p, lots at or below it, and how many of them may be false at most."""
    rows = tuple(
        (_at(line), number(line.lots), number(_false(line)), share(line.false_share))
        for line in evidence.lines
    )
    return Table(lines("index.heads.lines"), rows, "tnnn")


def lines_words(evidence: IndexEvidence) -> tuple[str, ...]:
    """Say of each alarm line what it costs, for the reader who moves along them."""
    return tuple(
        say(
            "index.line_said",
            n=line.lots,
            line=_at(line),
            most=_false(line),
            share=share(line.false_share),
        )
        for line in evidence.lines
    )


def _at(line: AlarmLine) -> str:
    return say("index.line", figure=number(line.p_value))


def _false(line: AlarmLine) -> int:
    return round(line.false_share * line.lots)
