"""The second way past one machine: every model as Spark SQL, with what is missing there listed."""

import re
import tomllib
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, ParseError

from data.warehouse.models import Model, read_models

MODELS = read_models()
GAPS: dict[str, dict[str, str]] = tomllib.loads(
    Path(__file__).with_name("spark_gaps.toml").read_text(encoding="utf-8")
)


def as_spark(model: Model) -> str:
    """The model as Spark SQL; raises where sqlglot knows that a part cannot be said there."""
    (text,) = sqlglot.transpile(
        model.file.select, read="duckdb", write="spark", unsupported_level=ErrorLevel.RAISE
    )
    return text


def gaps_of(model: Model) -> dict[str, set[str]]:
    """What of the model Spark lacks, under the headings of ``spark_gaps.toml``."""
    text = as_spark(model)
    try:
        tree = sqlglot.parse_one(text, read="spark")
    except ParseError:
        return {"models": {model.file.name}}
    return {
        "functions": {call.name.lower() for call in tree.find_all(exp.Anonymous)},
        "clauses": set(re.findall(r"\bASOF\b", text)),
    }


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.file.name)
def test_a_model_is_spark_sql_but_for_the_gaps_that_are_listed(model: Model) -> None:
    for heading, found in gaps_of(model).items():
        assert found <= GAPS[heading].keys(), f"{model.file.path}: say in spark_gaps.toml"


def test_no_listed_gap_is_closed_already() -> None:
    found: dict[str, set[str]] = {heading: set() for heading in GAPS}
    for model in MODELS:
        for heading, some in gaps_of(model).items():
            found[heading] |= some
    assert found == {heading: set(listed) for heading, listed in GAPS.items()}
