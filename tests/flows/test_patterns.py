"""What the book of patterns says of the sample feed, and what other thresholds would change."""

from pathlib import Path

import polars as pl
import pytest

from data.errors import InputError, SettingsError
from data.warehouse.backtest import backtest
from data.warehouse.connection import open_read_only
from data.warehouse.pattern_book import against_truth, alerts, counts, pages, read_truth
from tests.flows.conftest import SampleRun


@pytest.fixture(scope="module")
def truth(sample: SampleRun) -> pl.DataFrame:
    return read_truth(sample.job.warehouse.parent / "truth.csv")


def test_the_book_has_a_page_for_every_pattern_with_its_thresholds() -> None:
    book = {page.code: page for page in pages()}
    assert list(book) == sorted(book)
    assert book["P01"].thresholds["distance_km"][:2] == (50.0, "km")


def test_every_planted_attack_is_found_by_its_pattern_and_nothing_else_is_accused(
    sample: SampleRun, truth: pl.DataFrame
) -> None:
    with open_read_only(sample.outcome.snapshot) as con:
        quality = against_truth(con, truth)
        raised = alerts(con, truth)
        found = counts(con)
    planted = quality.filter(pl.col("planted") > 0)
    assert planted["found"].to_list() == planted["planted"].to_list()
    assert quality["false"].sum() == 0
    assert raised["raised"] == raised["attacked_and_raised"] == raised["attacked"] == 9
    assert found["P12"]["stands"] > 0


def test_a_backtest_names_the_lot_that_other_thresholds_let_go(sample: SampleRun) -> None:
    before = sample.outcome.snapshot.read_bytes()
    lots = backtest(
        sample.outcome.snapshot,
        {"P08": {"whole_lot_sites": 1, "whole_lot_units": 1, "whole_lot_share": 0}},
    )
    moved = lots.filter(pl.col("tier") != pl.col("tier_after"))
    assert [row["top_pattern"] for row in moved.to_dicts()] == ["P08"]
    assert set(moved["tier_after"]) <= {"watch", "clear"}
    assert sample.outcome.snapshot.read_bytes() == before


def test_a_backtest_with_the_shipped_thresholds_changes_nothing(sample: SampleRun) -> None:
    lots = backtest(sample.outcome.snapshot, {})
    assert lots["tier"].to_list() == lots["tier_after"].to_list()


def test_an_unknown_threshold_or_truth_file_is_named(sample: SampleRun, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has no threshold within_weeks"):
        backtest(sample.outcome.snapshot, {"P30": {"within_weeks": 1}})
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="no truth file: column gtin"):
        read_truth(tmp_path / "t.csv")
