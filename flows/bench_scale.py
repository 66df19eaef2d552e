"""``touchstone bench scale``: measure, show, store, and hold against what is stored."""

import json
from collections.abc import Iterator
from pathlib import Path

from data.errors import InputError, NotFoundError, RegressionError
from tests.bench import scale


def run_bench(
    sizes: str,
    year: bool,
    memory_limit: str,
    work: Path | None,
    out: Path | None,
    keep: bool,
    check: bool,
) -> Iterator[str]:
    """Measure and yield the lines to show.

    Raises RegressionError where ``check`` finds a ratio over a tenth worse than stored.
    """
    millions = _millions(sizes) + ([scale.YEAR_MILLIONS] if year else [])
    if check and not scale.STORED.is_file():
        raise NotFoundError(f"{scale.STORED}: nothing is stored yet. Store with --store first.")
    results = scale.measure(millions, memory_limit, work)
    if out is not None:
        out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    yield scale.table(results)
    for name, value in scale.ratios(results).items():
        yield f"{name}: {value:.2f}"
    if check:
        yield from _checked(results)
    if keep:
        scale.store(results)
        yield f"Stored as {scale.STORED.relative_to(scale.ROOT)}; docs/scale.md is made anew."


def _millions(sizes: str) -> list[float]:
    try:
        millions = [float(part) for part in sizes.split(",") if part.strip()]
    except ValueError:
        millions = []
    if not millions or millions != sorted(set(millions)) or millions[0] <= 0:
        raise InputError(f"--sizes {sizes}: expected millions, growing, as in 1,10.")
    return millions


def _checked(results: scale.Results) -> Iterator[str]:
    stored = scale.stored_results()
    if not scale.same_sizes(results, stored):
        kept = ",".join(f"{world['unit_events']:,}" for world in stored["worlds"])
        raise InputError(
            f"bench scale --check: the stored worlds have {kept} unit events, others cannot be "
            "compared with them. Give the same --sizes and --year."
        )
    if worse := scale.regressions(results, stored):
        raise RegressionError(
            f"bench scale: {len(worse)} ratios are over a tenth worse than stored:\n"
            + "\n".join(worse)
        )
    yield "bench scale: no ratio is over a tenth worse than stored."
