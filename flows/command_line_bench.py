"""``touchstone bench``: the commands that measure."""

from pathlib import Path
from typing import Annotated

import typer

from flows.options import console

bench_app = typer.Typer(
    invoke_without_command=True,
    help="Measure against the peers, in this run.",
)


@bench_app.callback()
def bench(
    context: typer.Context,
    size_mb: Annotated[int, typer.Option(help="Size of each parsed document.")] = 200,
    events: Annotated[int, typer.Option(help="Events for the item histories.")] = 1_000_000,
) -> None:
    """Measure parsing and item histories against their peers, in this run; or what is named."""
    if context.invoked_subcommand is not None:
        return
    from flows import bench_report
    from tests.bench import item_event, parsing

    bench_report.show(parsing.measure(size_mb), item_event.measure(events), console)


@bench_app.command("detectors")
def bench_detectors(
    adbench: Annotated[
        Path | None,
        typer.Option(help="Folder of anomaly-detection tables (*.npz with X and y)."),
    ] = None,
    quality: Annotated[
        Path | None, typer.Option(help="The medicine samples (usp_mqdb_excl_africa.csv.gz).")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="A section to measure anew; the others stand.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Splits of each table.")] = 3,
    rounds: Annotated[int, typer.Option(help="Rounds of timing.")] = 3,
    world: Annotated[
        list[str] | None,
        typer.Option(help="A simulated world, NAME=WAREHOUSE,TRUTH; its lots, trade and ways."),
    ] = None,
    results: Annotated[
        Path | None, typer.Option(help="JSON to keep; by default docs/benchmarks/detectors.json.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Page to write; by default docs/detector-benchmarks.md.")
    ] = None,
) -> None:
    """Rank and time the detectors against their peers; write the results and the page's tables.

    What is not on this machine is said so: tables, and peers of the extra ``bench``.
    """
    from flows import bench_report
    from tests.bench import detectors

    bench_report.show_detectors(
        detectors.run(
            only,
            adbench=adbench,
            quality=quality,
            seeds=seeds,
            rounds=rounds,
            own=world or (),
            results=results,
            page=page,
        ),
        console,
    )


@bench_app.command("scale")
def bench_scale(
    sizes: Annotated[str, typer.Option(help="Millions of unit events, growing.")] = "1,10",
    year: Annotated[bool, typer.Option("--year", help="And a year: 111 million.")] = False,
    memory_limit: Annotated[str, typer.Option(help="Of the database, as in settings.")] = "4GB",
    work: Annotated[
        Path | None, typer.Option(help="Folder with room (a year: 40 GB); else the system's.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the results here too, as JSON.")] = None,
    keep: Annotated[bool, typer.Option("--store", help="Store them as the benchmark.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Fail where a ratio is a tenth worse than stored.")
    ] = False,
) -> None:
    """Run the whole job on simulated worlds of growing size; hold the ratios to those stored."""
    from flows.bench_scale import run_bench

    for line in run_bench(sizes, year, memory_limit, work, out, keep, check):
        console.print(line, markup=False)
