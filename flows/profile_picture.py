"""A run's profile as one page: a flame-like picture above, the table below; no script, no asset."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

Row = Mapping[str, Any]

_WIDTH = 1200
_BAR = 26
_LETTER = 6.6  # width of one at 11 px
_LEVELS = ("run", "step", "part")
_FILLS = ("#6b7280", "#c2703d", "#dfa458")
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Profile of a run</title>
<style>
body {{ font: 14px system-ui, sans-serif; margin: 2em auto; max-width: 1200px; color: #1f2933 }}
svg {{ width: 100%; height: auto }} svg text {{ font: 11px monospace; fill: #111 }}
table {{ border-collapse: collapse; margin-top: 1.5em }} caption {{ text-align: left }}
th, td {{ padding: .15em .8em; text-align: right; border-bottom: 1px solid #ddd }}
th.n, td.n {{ text-align: left }}
</style></head><body>
<h1>Profile of a run</h1>
<p>{seconds:.1f} s{peak}. Above the run its steps, below each its parts: width is time, from left
to right as they ran. Point at a bar for its figures.</p>
{svg}
<table><caption>Steps and parts, the longest first</caption>
<thead><tr><th class="n">step</th><th class="n">part</th><th>s</th><th>share</th><th>CPU s</th>
<th>rows</th><th>peak MB</th></tr></thead>
<tbody>
{rows}
</tbody></table>
</body></html>
"""


def picture(rows: Sequence[Row]) -> str:
    """The page of a profile; ``rows`` as ``flows.profile.Span``, the run first."""
    run = rows[0]
    whole = max(run["seconds"], 1e-9)
    bars = [_bar(row, started, whole) for row, started in _placed(rows)]
    svg = (
        f'<svg viewBox="0 0 {_WIDTH} {_BAR * len(_LEVELS)}" role="img" '
        f'aria-label="Time of steps and parts">{"".join(bars)}</svg>'
    )
    longest = sorted(rows[1:], key=lambda row: (-row["seconds"], row["step"], row["part"]))
    peak = "" if run["peak_mb"] is None else f", at most {run['peak_mb']:,.0f} MB"
    table = "\n".join(_line(row, whole) for row in longest)
    return _PAGE.format(seconds=run["seconds"], peak=peak, svg=svg, rows=table)


def _placed(rows: Sequence[Row]) -> list[tuple[Row, float]]:
    """Each row with where its bar begins; parts, summed by name, are set one after another."""
    placed, next_part = [], 0.0
    for row in rows:
        if row["level"] == "part":
            placed.append((row, next_part))
            next_part += row["seconds"]
        else:
            placed.append((row, row["started_s"]))
            next_part = row["started_s"]
    return placed


def _bar(row: Row, started_s: float, whole_s: float) -> str:
    level = _LEVELS.index(row["level"])
    x, width = (_WIDTH * value / whole_s for value in (started_s, row["seconds"]))
    y, name = level * _BAR, row["part"] or row["step"]
    letters = int((width - 6) / _LETTER)
    shown = name if len(name) <= letters else name[: max(letters - 1, 0)] + "…"
    text = f'<text x="{x + 3:.2f}" y="{y + 17}">{escape(shown)}</text>' if letters > 2 else ""
    told = [name, f"{row['seconds']:.2f} s", f"{row['seconds'] / whole_s:.1%}"]
    told.append(f"CPU {row['cpu_s']:.2f} s")
    told += [] if row["rows"] is None else [f"{row['rows']:,} rows"]
    told += [] if row["peak_mb"] is None else [f"{row['peak_mb']:,.0f} MB"]
    return (
        f"<g><title>{escape(', '.join(told))}</title>"
        f'<rect x="{x:.2f}" y="{y}" width="{width:.2f}" height="{_BAR - 2}" rx="2" '
        f'fill="{_FILLS[level]}" stroke="#fff" stroke-width="0.5"/>{text}</g>'
    )


def _line(row: Row, whole_s: float) -> str:
    rows = "" if row["rows"] is None else f"{row['rows']:,}"
    peak = "" if row["peak_mb"] is None else f"{row['peak_mb']:,.0f}"
    return (
        f'<tr><td class="n">{escape(row["step"])}</td><td class="n">{escape(row["part"])}</td>'
        f"<td>{row['seconds']:.2f}</td><td>{row['seconds'] / whole_s:.1%}</td>"
        f"<td>{row['cpu_s']:.2f}</td><td>{rows}</td><td>{peak}</td></tr>"
    )
