import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from data.cases import library
from data.errors import SettingsError
from tests.shared_data import SHARED

ROOT = Path(__file__).parents[2]
REFERENCE = SHARED.parent / "reference"

VALID = """
case_id = "made-up"
kind = "public"
title = "t"
mechanism_class = "clone"
mechanism = "m"
outcome = "o"
visible_in_event_data = "full"
signals = [{code = "P01", why = "w"}]
sources = [{title = "s", url = "https://example.org"}]
"""


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute((ROOT / "sql" / "02_result_tables.sql").read_text(encoding="utf-8"))
        yield connection


def rows(con: duckdb.DuckDBPyConnection) -> list[list[tuple[object, ...]]]:
    tables = ("raw_case", "raw_case_signal")
    return [con.table(table).order("ALL").fetchall() for table in tables]


def test_ships_every_public_case_and_every_benign_cause() -> None:
    cases = library.load()
    assert sum(case.kind == "public" for case in cases) == 56
    causes = [case.case_id[:3] for case in cases if case.kind == "benign"]
    assert causes == list(library.BENIGN_CODES)


def test_a_case_names_its_sources_and_says_why_of_each_signal() -> None:
    for case in library.load():
        assert all(signal.why.strip() for signal in case.signals)
        assert case.sources or case.kind == "benign"
        assert all(source.url.startswith(("http://", "https://")) for source in case.sources)


def test_no_serial_of_a_counterfeit_is_shipped() -> None:
    texts = [p.read_text(encoding="utf-8") for p in (ROOT / "data" / "cases").rglob("*.toml")]
    assert len(texts) == 84
    for serial in ("430834149057", "1946483405690", "1031002838555", "51746517"):
        assert not any(serial in text for text in texts)


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the reference is not on this machine")
def test_ids_signals_lots_and_sources_are_those_of_the_reference() -> None:
    public = {case.case_id: case for case in library.load() if case.kind == "public"}
    reference = json.loads((REFERENCE / "public_cases.json").read_text(encoding="utf-8"))
    assert public.keys() == {entry["id"] for entry in reference}
    for entry in reference:
        case = public[entry["id"]]
        assert [s.code for s in case.signals] == [s["pattern"] for s in entry["signals"]]
        assert list(case.lots) == entry["identifiers"]["lots"]
        assert list(case.markets) == entry["markets"]
        assert case.happened_on == entry["date"]
        assert [s.url for s in case.sources] == [s["url"] for s in entry["sources"]]
        prose = [(case.mechanism, entry["mechanism"]), (case.outcome, entry["outcome"])]
        assert all(ours != theirs for ours, theirs in prose)
    benign = {case.case_id[:3]: case for case in library.load() if case.kind == "benign"}
    for entry in json.loads((REFERENCE / "benign.json").read_text(encoding="utf-8")):
        codes = [s.code for s in benign[entry["code"]].signals]
        assert codes == [*entry["looks_like"], entry["code"]]


def test_storing_twice_is_storing_once_and_keeps_decided_cases(
    con: duckdb.DuckDBPyConnection,
) -> None:
    con.execute("INSERT INTO raw_case (case_id, kind) VALUES ('ours', 'own')")
    con.execute("INSERT INTO raw_case_signal VALUES ('ours', 'P01', 'seen')")
    assert library.store(con) == 84
    once = rows(con)
    library.store(con)
    assert rows(con) == once
    assert len(once[0]) == 85
    assert ("ours", "P01", "seen") in once[1]


def test_a_case_no_longer_shipped_goes_with_its_signals(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("INSERT INTO raw_case (case_id, kind) VALUES ('gone', 'public')")
    con.execute("INSERT INTO raw_case_signal VALUES ('gone', 'P01', 'seen')")
    library.store(con)
    assert not any(row[0] == "gone" for table in rows(con) for row in table)


def test_stored_sources_are_json_with_title_and_link(con: duckdb.DuckDBPyConnection) -> None:
    library.store(con)
    [(text,)] = con.execute(
        "SELECT sources FROM raw_case WHERE case_id = 'ozempic-us-2025-par1229'"
    ).fetchall()
    [source] = json.loads(text)
    assert source["url"].startswith("https://www.safemedicines.org/")


def test_a_valid_case_is_read() -> None:
    assert library.parse(VALID, "public", "made-up.toml").signals == (library.Signal("P01", "w"),)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"P01"', '"P41"', "no such signal: P41"),
        ('"P01"', '"B01"', "benign codes"),
        ('kind = "public"', 'kind = "benign"', "kind is benign"),
        ('case_id = "made-up"', 'case_id = "other"', "the name of the file"),
        ('outcome = "o"', "", "missing outcome"),
        ('outcome = "o"', 'outcome = "o"\ncolour = "red"', "unknown colour"),
        ('"full"', '"maybe"', "visible_in_event_data"),
        ('outcome = "o"', 'outcome = "o"\nhappened_on = "May"', "happened_on"),
        ("signals = [", 'signals = [{code = "P01", why = "v"},', "named twice"),
        ('why = "w"', 'why = ""', "lacks its why"),
        ('sources = [{title = "s", url = "https://example.org"}]', "", "needs a source"),
        ('title = "t"', "title = ", "not TOML"),
    ],
)
def test_a_faulty_case_file_is_refused_with_its_name_and_fault(old, new, said) -> None:
    with pytest.raises(SettingsError, match=rf"made-up\.toml.*{said}"):
        library.parse(VALID.replace(old, new), "public", "made-up.toml")


def test_every_public_case_says_how_its_product_is_kept_and_what_way_it_went(con) -> None:
    library.store(con)
    stated = con.execute(
        "SELECT kind, bool_and(product_class <> 'not_stated'), bool_and(chain_shape <> "
        "'not_stated') FROM raw_case GROUP BY kind ORDER BY kind"
    ).fetchall()
    assert stated == [("benign", False, False), ("public", True, True)]
    [(shape,)] = con.execute(
        "SELECT chain_shape FROM raw_case WHERE case_id = 'hiv-new-york-ring-2017-23'"
    ).fetchall()
    assert shape == "returning"
