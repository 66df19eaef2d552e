"""Runs ``tests/sql/cases/*.yml``: given tables, a model, the rows that must come out.

How to write one. A file holds one case, a list of cases, or several separated by ``---``:

    name: a pack sold twice is a clone        # shown when it fails
    model: P02_sold_twice                     # the model under test, built by its SELECT alone
    as_of: 2024-07-01 00:00:00                # optional: stg_clock and the running run
    settings: {P02.some_hours: 6}             # optional: over the defaults of thresholds.toml
    given:                                    # tables and rows; columns not stated are null
      core_unit:
        - {unit_id: 1, lot_id: 1, gtin: "09521234000013", serial: "A1"}
    expect:                                   # ALL rows, in any order; only columns that matter
      - {unit_id: 1, status: stands, observed: {count: 2}, record_ids: [10, 11]}

- ``expect: []`` says that no row comes out.
- Tables that the model reads and the case does not give are there, empty.
- Text must be quoted where it looks like a number ("09521234000013"); the runner insists.
- JSON columns are written as YAML; an expected object states some of the keys, a list all items.
  Numbers match to six digits. Times are UTC.
- Column types come from the tables and models themselves (all is built once, empty). Where a given
  table does not build yet, types are inferred from the values; ``types: {table: {column: TYPE}}``
  overrides or adds.
- ``build: [core_unit, core_lot]`` builds these models first from what is given, in this order;
  ``build: upstream`` builds everything that the model reads, back to the given tables. With that a
  case can start from raw_ or stg_ rows.

One case: ``pytest tests/sql/test_cases.py -k "part of its name"``. Another folder while drafting:
``TOUCHSTONE_CASES=some/folder``.
"""

import os
from pathlib import Path

import pytest

from tests.sql.case_runner import (
    CASES,
    Case,
    KnownTypes,
    known_types,
    read_cases,
    run_case,
    unmatched,
)

FOLDER = Path(os.environ.get("TOUCHSTONE_CASES", CASES))
ALL = list(read_cases(FOLDER))


@pytest.fixture(scope="session")
def known() -> KnownTypes:
    return known_types()


@pytest.mark.parametrize("case", ALL, ids=[case.id for case in ALL])
def test_case(case: Case, known: KnownTypes) -> None:
    actual = run_case(case, known)
    missing, unexpected = unmatched(case.expect, actual)
    lines = ["", *(f"expected, absent: {row}" for row in missing)]
    lines += [f"not expected:     {row}" for row in unexpected]
    assert not missing and not unexpected, "\n".join(lines)
