"""What counts as knowable: what a scheme is held against must have arrived too."""

import polars as pl

from data.simulator.stage import Truth
from data.simulator.truth import scheme_rows

SENT = pl.DataFrame({"event_no": [1, 2, 3], "recorded_us": [10, 20, 30]})


def known(
    evidence: tuple[int, ...],
    against: tuple[tuple[int, int], ...] = (),
    unanswered: tuple[tuple[int, int], ...] = (),
    sent: pl.DataFrame = SENT,
) -> int | None:
    truth = Truth(
        "P00-1", "P00", 1, "G", "L", "diverted", (), (), (), evidence, None, "", against, unanswered
    )
    return scheme_rows([truth], sent, tellers={7}).item(0, "knowable_us")  # type: ignore[no-any-return]


def test_a_scheme_is_knowable_from_the_first_of_its_evidence_that_arrives() -> None:
    assert known((3, 2, 9)) == 20
    assert known((8, 9)) is None


def test_a_contradiction_needs_both_of_its_records() -> None:
    assert known((1,), against=((1, 3),)) == 30
    assert known((1,), against=((1, 9),)) is None
    # Another of its contradictions is whole.
    assert known((1, 2), against=((1, 9), (2, 1))) == 20


def test_a_missing_receipt_shows_only_where_receipts_are_told() -> None:
    assert known((1,), unanswered=((1, 7),)) == 10
    assert known((1, 2), unanswered=((1, 8), (2, 7))) == 20
    assert known((1,), unanswered=((1, 8),)) is None


def test_what_is_sent_twice_counts_once_from_its_first_arrival() -> None:
    again = pl.concat([SENT, SENT.with_columns(pl.col("recorded_us") - 5)])
    assert known((2,), against=((2, 3),), sent=again) == 25
