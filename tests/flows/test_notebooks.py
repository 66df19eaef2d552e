"""The notebooks run from top to bottom on the sample feed and say what they promise."""

from pathlib import Path

import polars as pl

from flows.notebooks import follow_a_lot, tune_a_threshold
from tests.flows.conftest import SampleRun


def test_a_lot_is_followed_from_its_judgement_to_its_documents(sample: SampleRun) -> None:
    wanted = {"gtin": "09521234001010", "lot": "1G260576"}
    _, found = follow_a_lot.app.run(defs={"warehouse": sample.job.warehouse, "wanted": wanted})
    assert wanted["lot"] in found["suspects"]["lot"].to_list()
    assert "P01" in found["standing"].filter(pl.col("status") == "stands")["pattern"].to_list()
    assert found["history"]["units"].min() > 0
    assert found["reasons"]["detector"].n_unique() == 2
    assert len(found["like"]) == 5
    assert found["documents"]["record_count"].sum() > 0


def test_without_a_warehouse_the_notebook_says_what_to_do(tmp_path: Path) -> None:
    outputs, found = follow_a_lot.app.run(defs={"warehouse": tmp_path / "none.duckdb"})
    assert "con" not in found
    assert any(output is not None and "touchstone run" in output.text for output in outputs)


def test_a_threshold_is_chosen_on_one_half_and_proved_on_the_other(sample: SampleRun) -> None:
    truth = sample.job.warehouse.parent / "truth.csv"
    _, found = tune_a_threshold.app.run(
        defs={
            **{"warehouse": sample.job.warehouse, "truth_file": truth},
            **{"pattern": "P30", "threshold": "return_days"},
        }
    )
    halves = found["halves"]
    assert set(halves["half"]) == {"choose", "prove"}
    assert found["chosen"] in found["candidates"]
    assert set(found["proof"]["half"]) == {"prove"}
    attacks = halves.filter(pl.col("is_attack")).group_by("half").len()
    shown = found["results"].filter(pl.col("value") == found["shipped"])
    for half, missed in shown.select("half", "missed").iter_rows():
        assert 0 <= missed <= dict(attacks.iter_rows()).get(half, 0)
