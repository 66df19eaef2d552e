"""Every pattern has a case in which an attack stands, and one for each of its honest causes.

The honest causes of a pattern are those that its header names as such; what only keeps it silent,
or cannot be tested, is named in its guard or caveats.
"""

import re
from collections import defaultdict

import pytest

from data.warehouse.models import Model, read_models
from tests.sql.case_runner import CASES, read_cases

PATTERNS = [model for model in read_models() if model.file.layer == "patterns"]
EXPECTED: dict[str, list[dict[str, object]]] = defaultdict(list)
for _case in read_cases(CASES):
    EXPECTED[_case.model] += _case.expect


@pytest.mark.parametrize("model", PATTERNS, ids=lambda model: model.file.name)
def test_an_attack_stands(model: Model) -> None:
    assert any(row.get("status") == "stands" for row in EXPECTED[model.file.name])


@pytest.mark.parametrize("model", PATTERNS, ids=lambda model: model.file.name)
def test_every_honest_cause_that_the_header_names_explains_in_a_case(model: Model) -> None:
    assert sorted(_named(model) - _explaining(model)) == []


@pytest.mark.parametrize("model", PATTERNS, ids=lambda model: model.file.name)
def test_no_other_honest_cause_explains(model: Model) -> None:
    assert sorted(_explaining(model) - _named(model)) == []


def _named(model: Model) -> set[str]:
    return set(re.findall(r"\bB\d\d\b", model.header.pattern["benign"]))


def _explaining(model: Model) -> set[str]:
    """The codes that explain a finding in some case."""
    explained = [row for row in EXPECTED[model.file.name] if row.get("status") == "explained"]
    return {str(row["benign"]) for row in explained if "benign" in row}
