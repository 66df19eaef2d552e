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


def line_rows(evidence: IndexEvidence) -> tuple[tuple[str, ...], ...]:
    """Word each alarm line: p, lots at or below it, and how many of them may be false at most."""
    return tuple(_line(line) for line in evidence.lines)


def _line(line: AlarmLine) -> tuple[str, ...]:
    most = round(line.false_share * line.lots)
    return (
        say("index.line", figure=number(line.p_value)),
        number(line.lots),
        number(most),
        share(line.false_share),
    )
