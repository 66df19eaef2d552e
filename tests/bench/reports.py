"""Processor time of a report: evidence, page, JSON and, on its own, the PDF.

    python -m tests.bench.reports WAREHOUSE [--lots N]
    python -m tests.bench.reports --large [--packs 100000]

The lots of a warehouse, suspect ones first, are reported on until N reports are made: ``gather``
is their evidence read for many at once, as a run does, ``alone`` for each by itself. ``--large``
writes the one report of a lot of 100,000 packs with thousands of findings (tests.reports.large),
and says how large each file is.
"""

import argparse
import resource
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from time import perf_counter, process_time

import duckdb

from data.warehouse.connection import open_read_only
from reports.evidence import gather, gather_lots
from reports.lot_data import lot_json
from reports.pdf import lot_pdf
from reports.view import view_lot
from reports.write import lot_files, render_lot, write_lot
from tests.reports.large import GTIN, LOT, PACKS, large_warehouse


def suspects(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Lots that are not clear, in the order of their identity; all lots where none is suspect."""
    found = con.execute(
        "SELECT gtin, lot FROM lot_risk ORDER BY tier = 'clear', gtin, lot"
    ).fetchall()
    return [(gtin, lot) for gtin, lot in found]


def measure(warehouse: Path, count: int) -> dict[str, float]:
    """Processor seconds a report, by step, over ``count`` reports of the warehouse's lots."""
    spent = dict.fromkeys(("gather", "alone", "view", "html", "json", "pdf"), 0.0)
    with open_read_only(warehouse, threads=1) as con:
        lots = suspects(con)
        lots = [lots[n % min(len(lots), count)] for n in range(count)]
        start = process_time()
        every = list(gather_lots(con, lots))
        spent["gather"] = process_time() - start
        for (gtin, lot), evidence in zip(lots, every, strict=True):
            marks = [process_time()]
            gather(con, gtin, lot)
            marks.append(process_time())
            view = view_lot(evidence)
            marks.append(process_time())
            render_lot(view)
            marks.append(process_time())
            report = lot_json(evidence, view)
            marks.append(process_time())
            lot_pdf(report)
            marks.append(process_time())
            for name, (start, end) in zip(list(spent)[1:], pairwise(marks), strict=True):
                spent[name] += end - start
    return {name: seconds / count for name, seconds in spent.items()}


def measure_large(packs: int) -> list[str]:
    """Time and size of the report on a large lot, line by line."""
    told = []
    with large_warehouse(packs) as con, tempfile.TemporaryDirectory() as out:
        con.execute("SET threads = 1")
        marks = [perf_counter()]
        evidence = gather(con, GTIN, LOT)
        marks.append(perf_counter())
        view = view_lot(evidence)
        marks.append(perf_counter())
        text = render_lot(view)
        marks.append(perf_counter())
        page = write_lot(con, GTIN, LOT, Path(out))
        marks.append(perf_counter())
        names = ("gather", "view", "html", "all files")
        for name, (start, end) in zip(names, pairwise(marks), strict=True):
            told.append(f"{name:28} {end - start:8.2f} s")
        told.append(f"{'rows of tables in the page':28} {text.count('<tr'):8,}")
        for path in lot_files(page):
            told.append(f"{path.name[len(page.stem) :]:28} {path.stat().st_size / 1000:8,.0f} kB")
    return told


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("warehouse", type=Path, nargs="?")
    parser.add_argument("--lots", type=int, default=40)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--packs", type=int, default=PACKS)
    chosen = parser.parse_args()
    if chosen.large:
        sys.stdout.write("\n".join(measure_large(chosen.packs)) + "\n")
        return
    if chosen.warehouse is None:
        parser.error("name a warehouse, or say --large")
    spent = measure(chosen.warehouse, chosen.lots)
    for name, seconds in spent.items():
        sys.stdout.write(f"{name:8} {1000 * seconds:8.1f} ms a report\n")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    whole = sum(spent[name] for name in ("gather", "view", "html", "json"))
    sys.stdout.write(
        f"{1 / whole:.1f} reports a second of a processor (page and JSON); "
        f"{1 / spent['pdf']:.1f} PDFs; peak {peak_mb:.0f} MB\n"
    )


if __name__ == "__main__":
    main()
