"""``touchstone bench scale``: what is compared, and what fails the check."""

import copy
from pathlib import Path
from typing import Any

import pytest

from data.errors import InputError, RegressionError
from flows import bench_scale
from tests.bench import scale


def world(unit_events: int, cpu_s: float, models: dict[str, float]) -> dict[str, Any]:
    spans = [{"level": "step", "step": "build_layers", "part": "", "rows": None}] + [
        {"level": "part", "step": "build_layers", "part": name, "rows": 5} for name in models
    ]
    seconds = [sum(models.values()), *models.values()]
    times = [{"seconds": s, "cpu_s": s, "peak_mb": 100.0} for s in seconds]
    return {
        "unit_events": unit_events,
        "events": 10,
        "seconds": cpu_s,
        "cpu_s": cpu_s,
        "peak_mb": 500,
        "warehouse_mb": 10,
        "pass_cpu_s": 2.0,
        "pass_s": 2.0,
        "patterns_cpu_s": models.get("P01_x", 0.0),
        "spans": [span | time for span, time in zip(spans, times, strict=True)],
    }


def results() -> dict[str, Any]:
    return {
        "machine": scale._machine() | {"load_before": 0.1},
        "memory_limit": "4GB",
        "worlds": [
            world(1_000_000, 20.0, {"core_event": 1.0, "P01_x": 1.0}),
            world(10_000_000, 200.0, {"core_event": 10.0, "P01_x": 12.0, "feat_lot": 0.2}),
        ],
    }


def test_ratios_are_passes_and_growth_per_event() -> None:
    assert scale.ratios(results()) == pytest.approx(
        {
            "the whole run, passes": 100,
            "forty patterns, passes": 6,
            "build_layers, passes": 11.1,
            "build_layers core_event, passes": 5,
            "build_layers P01_x, passes": 6,
            "cost of a unit event, 1.0 million to 10.0 million": 1,
        }
    )


def test_a_slower_machine_is_no_regression_and_a_slower_model_is() -> None:
    stored, slower, worse = results(), results(), results()
    for one in slower["worlds"]:
        one["cpu_s"] *= 3
        one["pass_cpu_s"] *= 3
        one["patterns_cpu_s"] *= 3
        for span in one["spans"]:
            span["cpu_s"] *= 3
    assert scale.regressions(slower, stored) == []
    worse["worlds"][1]["spans"][1]["cpu_s"] *= 1.2
    worse["worlds"][1]["spans"][3]["cpu_s"] = 3.0  # too small to be compared before
    assert scale.regressions(worse, stored) == [
        "build_layers core_event, passes: 6.00, stored 5.00 (1.20 times)",
        "build_layers feat_lot, passes: 1.50, stored 0.50 (3.00 times)",
    ]


def test_growth_beyond_linear_is_a_regression() -> None:
    worse = results()
    worse["worlds"][0]["cpu_s"] = 17.0
    (line,) = scale.regressions(worse, results())
    assert line.startswith("cost of a unit event, 1.0 million to 10.0 million: 1.18")


def test_the_check_fails_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    measured = results()
    monkeypatch.setattr(scale, "STORED", tmp_path / "scale.json")
    monkeypatch.setattr(scale, "PAGE", tmp_path / "scale.md")
    scale.PAGE.write_text(f"before\n{scale.BEGIN}\nold\n{scale.END}\nafter\n", encoding="utf-8")
    scale.store(results())
    monkeypatch.setattr(scale, "measure", lambda *_given: copy.deepcopy(measured))
    said = list(bench_scale.run_bench("1,10", False, "4GB", None, None, False, True))
    assert said[-1] == "bench scale: no ratio is over a tenth worse than stored."
    measured["worlds"][1]["patterns_cpu_s"] = 20.0
    with pytest.raises(RegressionError, match="forty patterns, passes: 10"):
        list(bench_scale.run_bench("1,10", False, "4GB", None, None, False, True))
    measured["worlds"].pop()
    with pytest.raises(InputError, match="same --sizes"):
        list(bench_scale.run_bench("1", False, "4GB", None, None, False, True))


def test_the_page_keeps_its_words_around_the_table(tmp_path: Path) -> None:
    page = scale.with_table(f"before\n{scale.BEGIN}\nold\n{scale.END}\nafter\n", results())
    assert page.startswith("before\n")
    assert page.endswith(f"{scale.END}\nafter\n")
    assert "old" not in page
    assert "| 10.0 million | 200 | 200 | 20.0 | 1.00 | 500 | 10 | 2.00 | 6.0 |" in page
    assert "| core_event | 10.0 | 10.0 | 5.0% | 5 | 100 | 1.00 |" in page


@pytest.mark.parametrize("sizes", ["", "10,1", "1,1", "a", "0,1"])
def test_sizes_must_grow(sizes: str) -> None:
    with pytest.raises(InputError, match="growing"):
        list(bench_scale.run_bench(sizes, False, "4GB", None, None, False, False))


def test_the_page_shows_what_is_stored() -> None:
    page = scale.PAGE.read_text(encoding="utf-8")
    assert scale.with_table(page, scale.stored_results()) == page
