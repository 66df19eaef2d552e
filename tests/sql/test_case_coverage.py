"""No pattern is without a case in which an attack stands, and none of its honest causes without one.

The honest causes of a pattern are those that its header names.
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
    named = set(re.findall(r"\bB\d\d\b", model.header.pattern["benign"]))
    explained = {row.get("benign") for row in EXPECTED[model.file.name]}
    assert sorted(named - explained) == []
