"""The set-based reader of identifiers says on every text what the plain one says."""

import re
from dataclasses import asdict

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.readers import gs1
from data.readers.identifiers import COLUMNS, FEW, parse_many, parse_texts, unit_link
from tests.data.test_gs1 import AI82, GS1_LIKE
from tests.shared_data import SHARED, needs_shared

DIGITS = st.text("0123456789", min_size=5, max_size=14)
VALUES = st.text(AI82 + " é%*", min_size=0, max_size=22)
VOLUMINOUS = st.one_of(
    st.builds("urn:epc:id:sgtin:{}.{}.{}".format, DIGITS, DIGITS, VALUES),
    st.builds(
        "urn:epc:{}:{}.{}.{}".format,
        st.sampled_from(["id:sgtin", "class:lgtin"]),
        st.text("0123456789", min_size=7, max_size=7),
        st.text("0123456789", min_size=6, max_size=6),
        VALUES,
    ),
    st.builds("urn:epc:id:sscc:{}.{}".format, DIGITS, DIGITS),
    st.builds("urn:epc:id:sscc:{:07d}.{:010d}".format, st.integers(0), st.integers(0)),
    st.builds("urn:epc:id:sgln:{:07d}.{:05d}.{}".format, st.integers(0), st.integers(0), VALUES),
    st.builds("https://id.gs1.org/01/{:014d}/21/{}".format, st.integers(0), VALUES),
    st.builds("https://id.gs1.org/01/{:014d}/10/{}".format, st.integers(0), VALUES),
    st.builds("https://id.gs1.org/01/{:014d}".format, st.integers(0)),
    st.builds("https://id.gs1.org/00/{:018d}".format, st.integers(0)),
    st.builds("https://id.gs1.org/414/{:013d}/254/{}".format, st.integers(0), VALUES),
    st.builds("https://id.gs1.org/414/{:013d}".format, st.integers(0)),
)


def expected(texts: list[str]) -> list[dict[str, str | None]]:
    return [{name: asdict(gs1.parse(text))[name] for name in COLUMNS} for text in texts]


@settings(max_examples=300)
@given(st.lists(st.one_of(VOLUMINOUS, GS1_LIKE, st.text()), max_size=12))
def test_twin_equals_parse_on_every_text(texts: list[str]) -> None:
    series = pl.Series(texts, dtype=pl.String)
    assert parse_many(series).to_dicts() == parse_texts(series).to_dicts() == expected(texts)


@needs_shared
def test_twin_equals_parse_on_every_identifier_of_the_published_documents() -> None:
    found: set[str] = set()
    for path in sorted((SHARED / "epcis").rglob("*")):
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            found |= set(re.findall(r'(?:urn:epc:|https?://)[^"<>\s]+', text))
    texts = sorted(found)
    assert len(texts) > 500
    assert parse_many(pl.Series(texts)).to_dicts() == expected(texts)


@pytest.mark.parametrize("count", [0, FEW - 1, FEW])
def test_few_and_many_texts_are_read_alike(count: int) -> None:
    spellings = ["urn:epc:id:sgtin:0614141.812345.{}", "https://id.gs1.org/00/{:018d}", "dock {}"]
    texts = [spellings[i % 3].format(i) for i in range(count)]
    series = pl.Series(texts, dtype=pl.String)
    assert parse_texts(series).to_dicts() == parse_many(series).to_dicts() == expected(texts)


def test_order_is_kept_and_nulls_are_left_out() -> None:
    texts = ["dock 4", None, "urn:epc:id:sscc:08600145491.003360", "urn:epc:id:sgln:Pink"]
    for parse in (parse_texts, parse_many):
        assert parse(pl.Series(texts))["text"].to_list() == [t for t in texts if t]
    assert parse_texts(pl.Series([], dtype=pl.String)).columns == list(COLUMNS)


@given(st.text(AI82 + "é ", min_size=1, max_size=20))
def test_a_pack_named_by_columns_is_the_pack_named_by_its_element_string(serial: str) -> None:
    row = pl.DataFrame({"gtin": ["09506000134352"], "serial": [serial]})
    built = row.select(unit_link(pl.col("gtin"), pl.col("serial"))).item()
    named = gs1.parse(built)
    assert (named.canonical, named.serial) == (built, serial)
