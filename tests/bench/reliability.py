"""Do p-values keep their promise? Of honest rows, no more than a share a may have p up to a.

``python -m tests.bench.reliability NAME=WAREHOUSE,TRUTH ...`` reads built warehouses of simulated
worlds, keeps the shares as section ``reliability`` of the benchmark, and draws them into
``docs/benchmarks/reliability.svg``: one panel a level, one line a world, both axes logarithmic. On
the diagonal a promise is kept to the letter, below it with room to spare, above it is broken; the
grey band is two standard errors wide on either side.

Honest are lots that no scheme attacked, edges and sites that no scheme names in any month, and
trajectories once for each honest lot that shows them.
"""

import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from tests.bench.detectors import DOCS, PAGE, write
from tests.bench.machine import describe

FloatArray = NDArray[np.float64]

LEVELS = ("lot", "edge", "site", "trajectory")
ALPHAS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
FIGURE = DOCS / "benchmarks" / "reliability.svg"
_COLOURS = ("#1f5a99", "#b3541e", "#2e7d4f", "#7a3b8f", "#444444")
_SIDE, _LEFT, _TOP, _GAP = 190.0, 56.0, 34.0, 46.0


def measure(worlds: dict[str, tuple[Path, Path]]) -> dict[str, Any]:
    """Share of honest rows with p up to each alpha, by level and world, and how many rows."""
    found: dict[str, Any] = {level: {} for level in LEVELS}
    for name, (warehouse, truth) in worlds.items():
        with duckdb.connect(str(warehouse), read_only=True) as con:
            for level, p_values in honest_p_values(con, truth).items():
                known = p_values[~np.isnan(p_values)]
                shares = [
                    round(float((known <= a).mean()), 5) if known.size else None for a in ALPHAS
                ]
                found[level][name] = {"rows": int(known.size), "shares": shares}
    return {"alphas": list(ALPHAS), "levels": found}


def honest_p_values(con: duckdb.DuckDBPyConnection, truth: Path) -> dict[str, FloatArray]:
    """P-values of the rows that nothing dishonest touched, by level."""
    rows = pl.read_csv(truth / "lots.csv", infer_schema=False)
    honest = rows.filter(pl.col("label") != "attack").select("gtin", "lot")
    lots = con.sql("SELECT lot_id, gtin, lot FROM core_lot").pl().join(honest, on=["gtin", "lot"])
    scores = con.sql("SELECT lot_id, detector, p_value FROM find_score").pl()
    levels = con.sql("SELECT level, key_id, subject, p_value FROM find_level_score").pl()
    shown = con.sql("SELECT lot_id, trajectory_id AS key_id FROM feat_lot_trajectory").pl()
    edges = pl.read_csv(truth / "edges.csv", infer_schema=False)
    sites = pl.read_csv(truth / "sites.csv", infer_schema=False)
    named = {
        "edge": {f"{a}>{b}" for a, b in edges.select("from_gln", "to_gln").iter_rows()},
        "site": set(sites["gln"]),
    }
    of_lots = scores.filter(pl.col("detector") == "local_density").join(lots, on="lot_id")
    of_ways = levels.filter(pl.col("level") == "trajectory").join(shown, on="key_id")
    frames = {"lot": of_lots, "trajectory": of_ways.join(lots, on="lot_id")}
    for level, odd in named.items():
        subject = pl.col("subject").str.split("/").list.first()
        frames[level] = levels.filter((pl.col("level") == level) & ~subject.is_in(sorted(odd)))
    return {
        level: frames[level]["p_value"].cast(pl.Float64).fill_null(np.nan).to_numpy()
        for level in LEVELS
    }


def draw(figures: dict[str, Any]) -> str:
    """The figure as SVG."""
    panels = []
    worlds = list(next(iter(figures["levels"].values())))
    for number, level in enumerate(LEVELS):
        x0 = _LEFT + number * (_SIDE + _GAP)
        panels.append(_panel(level, figures["levels"][level], x0))
    keys = []
    for number, world in enumerate(worlds):
        x = _LEFT + number * 110
        y = _TOP + _SIDE + 48
        colour = _COLOURS[number % len(_COLOURS)]
        keys.append(
            f'<line x1="{x:.0f}" x2="{x + 22:.0f}" y1="{y:.0f}" y2="{y:.0f}" stroke="{colour}" '
            f'stroke-width="2"/><text x="{x + 28:.0f}" y="{y + 4:.0f}">{world}</text>'
        )
    width = _LEFT + len(LEVELS) * (_SIDE + _GAP)
    height = _TOP + _SIDE + 62
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        'font-family="sans-serif" font-size="11" role="img">\n'
        "<title>Share of honest rows with a p-value up to alpha, by level and world</title>\n"
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="white"/>\n'
        + "\n".join(panels + keys)
        + "\n</svg>\n"
    )


def _panel(level: str, worlds: dict[str, Any], x0: float) -> str:
    rows = max((world["rows"] for world in worlds.values()), default=0)
    parts = [f'<text x="{x0:.0f}" y="{_TOP - 12:.0f}" font-weight="bold">{level}</text>']
    if rows:
        error = [2 * np.sqrt(a * (1 - a) / rows) for a in ALPHAS]
        pairs = list(zip(ALPHAS, error, strict=True))
        band = [_at(a, a + e, x0) for a, e in pairs] + [_at(a, a - e, x0) for a, e in pairs[::-1]]
        parts.append(f'<polygon points="{" ".join(band)}" fill="#e4e4e4"/>')
    parts.append(
        f'<rect x="{x0:.1f}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" '
        'stroke="#888"/>'
        f'<polyline points="{_at(0.001, 0.001, x0)} {_at(1, 1, x0)}" stroke="#888" fill="none" '
        'stroke-dasharray="4 3"/>'
    )
    for tick in (0.001, 0.01, 0.1, 1.0):
        x, y = _xy(tick, tick, x0)
        parts.append(
            f'<text x="{x:.1f}" y="{_TOP + _SIDE + 15:.0f}" text-anchor="middle">{tick:g}</text>'
            f'<text x="{x0 - 5:.1f}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>'
        )
    for number, world in enumerate(worlds.values()):
        points = " ".join(
            _at(a, share, x0) for a, share in zip(ALPHAS, world["shares"], strict=True) if share
        )
        colour = _COLOURS[number % len(_COLOURS)]
        parts.append(
            f'<polyline points="{points}" stroke="{colour}" fill="none" stroke-width="2"/>'
        )
    return "\n".join(parts)


def _xy(alpha: float, share: float, x0: float) -> tuple[float, float]:
    def along(value: float) -> float:
        return (np.log10(min(max(value, 0.001), 1.0)) + 3.0) / 3.0

    return x0 + _SIDE * along(alpha), _TOP + _SIDE * (1.0 - along(share))


def _at(alpha: float, share: float, x0: float) -> str:
    x, y = _xy(alpha, share, x0)
    return f"{x:.1f},{y:.1f}"


def main() -> None:
    worlds = {}
    for word in sys.argv[1:]:
        name, _, paths = word.partition("=")
        warehouse, _, truth = paths.partition(",")
        worlds[name] = (Path(warehouse), Path(truth))
    figures = measure(worlds)
    result = {"machine": describe("numpy", "numba"), "skipped": None, "figures": figures}
    write({"reliability": result}, page=PAGE)
    FIGURE.write_text(draw(figures), encoding="utf-8")


if __name__ == "__main__":
    main()
