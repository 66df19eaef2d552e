"""Reading speed against the bare parsers: run with ``--benchmark-only``."""

from pathlib import Path
from typing import Any

import pytest

from tests.bench.parsing import WAYS, measure, write_document

MEGABYTES = 20


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("documents")
    paths = {form: folder / form for form in ("xml", "json", "ndjson")}
    for form, path in paths.items():
        write_document(path, form, MEGABYTES)
    return paths


@pytest.mark.parametrize("way", WAYS)
def test_bench_reading(way: str, documents: dict[str, Path], benchmark: Any) -> None:
    form, read = WAYS[way]
    if way == "json bare, collector off":
        pytest.skip("turns the collector off for good; measured in a process of its own")
    benchmark.pedantic(read, args=(documents[form],), rounds=3, warmup_rounds=1)


@pytest.mark.slow
def test_reading_takes_at_most_twice_the_bare_parser() -> None:
    # A little slack for a busy machine; the claim itself is that of ``measure(200)``.
    ratios = measure(60)["ratios"]
    assert ratios["xml read / xml bare, empty handlers"]["processor_s"] < 2.5
    assert ratios["json read / json bare"]["processor_s"] < 2.5
