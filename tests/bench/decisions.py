"""What ten decisions teach: the ranking of the other suspect lots, before and after.

    python -m tests.bench.decisions WAREHOUSE TRUTH [--draws 15] [--lots 10]

WAREHOUSE is that of a run over a simulated feed, TRUTH the folder ``truth`` that ``touchstone
simulate`` wrote beside it. In each draw ten suspect lots are decided as the truth has it, the
screen runs again, and all other suspect lots are ranked: by likeness to known cases, and by
suspicion. The warehouse itself is not changed: a copy is, and each draw is undone.
"""

import argparse
import csv
import random
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import mean

import duckdb

from data.cases import library
from data.cases.memory import Basis, add_decision
from data.record.known import Decision
from data.warehouse.connection import open_warehouse
from data.warehouse.models import create_model, find_model_files
from detectors.screen import lot_traits, score_lots

Lot = tuple[str, str]
BEFORE_SCREEN = ("find_decision", "find_known_case")
AFTER_SCREEN = ("cited_case", "lot_risk")
TOP = 20


@dataclass(frozen=True)
class Draw:
    """Average precision, and the share of attacks among the first twenty, of undecided suspects."""

    likeness: tuple[float, float]  # before, after
    suspicion: tuple[float, float]
    top: tuple[float, float]
    kind_right: tuple[int, int]  # near citations of own cases: of the right kind, all


def attacks_of(truth: Path) -> set[Lot]:
    """The lots that some scheme touched."""
    with (truth / "lots.csv").open(encoding="utf-8", newline="") as file:
        return {(row["gtin"], row["lot"]) for row in csv.DictReader(file) if row["schemes"]}


def average_precision(score: Mapping[Lot, float], attacks: set[Lot]) -> float:
    """Mean over the attacks of the precision down to each; equal scores in the lots' order."""
    hits, total = 0, 0.0
    for place, lot in enumerate(ranked(score), 1):
        if lot in attacks:
            hits += 1
            total += hits / place
    return total / hits if hits else float("nan")


def ranked(score: Mapping[Lot, float]) -> list[Lot]:
    """Lots by score, the highest first."""
    return sorted(score, key=lambda lot: (-score[lot], lot))


def screen(con: duckdb.DuckDBPyConnection) -> None:
    """Judge again with what is decided now."""
    models = {file.name: file for file in find_model_files()}
    for name in BEFORE_SCREEN:
        create_model(con, models[name])
    score_lots(con)
    for name in AFTER_SCREEN:
        create_model(con, models[name])


def scores(
    con: duckdb.DuckDBPyConnection, lots: Sequence[Lot]
) -> tuple[dict[Lot, float], dict[Lot, float]]:
    """Likeness and suspicion of the lots."""
    rows = con.execute(
        "SELECT gtin, lot, -score FROM find_score JOIN core_lot USING (lot_id) "
        "WHERE detector = 'nearest_prototype'"
    ).fetchall()
    likeness = {(gtin, lot): value for gtin, lot, value in rows}
    rows = con.execute("SELECT gtin, lot, coalesce(suspicion_pct, 0) FROM lot_risk").fetchall()
    suspicion = {(gtin, lot): value for gtin, lot, value in rows}
    return {lot: likeness[lot] for lot in lots}, {lot: suspicion[lot] for lot in lots}


def decide(con: duckdb.DuckDBPyConnection, lots: Sequence[Lot], attacks: set[Lot]) -> None:
    """Decide on the lots as the truth has it, an hour before the run looks back."""
    [(as_of,)] = con.execute("SELECT as_of FROM stg_clock").fetchall()
    for number, (gtin, lot) in enumerate(lots, 1):
        outcome = "illegitimate" if (gtin, lot) in attacks else "cleared"
        traits = lot_traits(con, gtin, lot)
        decision = Decision(number, gtin, lot, outcome, "truth", "B.", as_of - timedelta(hours=1))
        add_decision(con, decision, Basis(None, "bench", None, traits))


def draw(
    con: duckdb.DuckDBPyConnection,
    suspects: Sequence[Lot],
    attacks: set[Lot],
    count: int,
    seed: int,
) -> Draw:
    """One draw, undone afterwards."""
    decided = random.Random(seed).sample(list(suspects), count)
    others = [lot for lot in suspects if lot not in decided]
    before = scores(con, others)
    con.begin()
    try:
        decide(con, decided, attacks)
        screen(con)
        after = scores(con, others)
        cited = con.execute(
            "SELECT c.gtin, c.lot, k.gtin, k.lot FROM cited_case AS c JOIN raw_case_origin AS k "
            "USING (case_id) WHERE is_near AND kind = 'own'"
        ).fetchall()
    finally:
        con.rollback()
    pairs = [((a, b) in attacks) == ((c, d) in attacks) for a, b, c, d in cited]

    def top(score: Mapping[Lot, float]) -> float:
        return mean(lot in attacks for lot in ranked(score)[:TOP])

    return Draw(
        (average_precision(before[0], attacks), average_precision(after[0], attacks)),
        (average_precision(before[1], attacks), average_precision(after[1], attacks)),
        (top(before[0]), top(after[0])),
        (sum(pairs), len(pairs)),
    )


def measure(warehouse: Path, truth: Path, count: int, draws: int) -> tuple[str, list[Draw]]:
    """All draws over a copy of a warehouse, and what world it is."""
    attacks = attacks_of(truth)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "w.duckdb"
        shutil.copyfile(warehouse, copy)
        with open_warehouse(copy, threads=2) as con:
            library.store(con)
            screen(con)
            rows = con.execute(
                "SELECT gtin, lot FROM lot_risk WHERE tier <> 'clear' ORDER BY gtin, lot"
            ).fetchall()
            suspects = [(gtin, lot) for gtin, lot in rows]
            found = sum(lot in attacks for lot in suspects)
            world = f"{len(suspects)} suspect lots, {found} of them attacked"
            return world, [draw(con, suspects, attacks, count, seed) for seed in range(draws)]


def lines(world: str, found: Sequence[Draw]) -> list[str]:
    """The figures, in words."""
    told = [f"{world}; {len(found)} draws"]
    for name in ("likeness", "suspicion", "top"):
        pairs = [getattr(one, name) for one in found]
        before, after = mean(pair[0] for pair in pairs), mean(pair[1] for pair in pairs)
        rose = sum(pair[1] > pair[0] for pair in pairs)
        what = f"share among the first {TOP}" if name == "top" else f"average precision, {name}"
        told.append(f"{what}: {before:.3f} to {after:.3f}, rose in {rose} of {len(pairs)}")
    right, every = (sum(one.kind_right[n] for one in found) for n in (0, 1))
    told.append(f"near citations of own cases of the right kind: {right} of {every}")
    return told


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("warehouse", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--draws", type=int, default=15)
    parser.add_argument("--lots", type=int, default=10)
    chosen = parser.parse_args()
    world, found = measure(chosen.warehouse, chosen.truth, chosen.lots, chosen.draws)
    sys.stdout.write("\n".join(lines(world, found)) + "\n")


if __name__ == "__main__":
    main()
