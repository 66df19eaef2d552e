"""A lot of 100,000 packs opens at once: the page is bounded, and what it leaves out lies beside."""

import csv
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from reports.evidence import findings, gather
from reports.view import view_lot
from reports.write import lot_files, write_lot
from tests.reports import large
from tests.reports.page import Page, read_page
from tests.reports.sample import HELD

LOT = (large.GTIN, large.LOT)
# A page of the small sample has some 60 kB; twice the rows and bytes of now would still open.
MOST_ROWS, MOST_BYTES, MOST_JSON_BYTES = 2_000, 900_000, 2_500_000


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with large.large_warehouse() as con:
        yield con


@pytest.fixture(scope="module")
def page(con, tmp_path_factory) -> Path:
    return write_lot(con, *LOT, tmp_path_factory.mktemp("large"))


@pytest.fixture(scope="module")
def read(page: Path) -> Page:
    return read_page(page.read_text(encoding="utf-8"))


def sheet_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_the_page_stays_small(page: Path, read: Page) -> None:
    assert read.tags.count("tr") <= MOST_ROWS
    assert page.stat().st_size <= MOST_BYTES
    assert page.with_suffix(".json").stat().st_size <= MOST_JSON_BYTES


def test_every_pattern_that_stands_is_shown_and_all_its_findings_counted(con, read) -> None:
    view = view_lot(gather(con, *LOT))
    shown = {finding.code for finding in view.findings}
    assert shown == {"P03", *large.AT_ONCE}
    assert len(view.findings) == findings.MOST_FINDINGS
    groups = {group.title: group.words for group in view.groups}
    twice = next(words for words in groups.values() if "3,000 findings" in words)
    listed = findings.MOST_FINDINGS - len(large.AT_ONCE)
    assert twice.endswith(
        f"3,000 packs in 3,000 findings, 400 sites; the {listed} gravest are listed"
    )
    assert view.findings_rest.startswith(f"{3_000 - listed:,} further findings of the same lot")
    assert "40,000 packs" in read.text


def test_the_full_lists_beside_the_page_hold_what_it_leaves_out(con, page, read) -> None:
    names = {path.name for path in lot_files(page)}
    links = {value for _, name, value in read.attributes if name == "href"}
    findings, packs = (f"{page.stem}-{what}.csv" for what in ("findings", "packs"))
    assert {findings, packs} <= names
    assert {findings, packs} <= links
    rows = sheet_rows(page.with_name(findings))
    [(every,)] = con.execute(
        "SELECT count(*) FROM told_finding WHERE lot_id = ?", [large.LOT_ID]
    ).fetchall()
    assert len(rows) == every == 3_000 + 5_000 + large.GAPS + len(large.AT_ONCE)
    [large_one] = [row for row in rows if row["Finding"] == "P26-big"]
    assert (large_one["Packs"], large_one["Records cited"]) == ("40000", "1600")
    named = sheet_rows(page.with_name(packs))
    serials = [row["Serial number"] for row in named]
    assert len(set(serials)) == len(serials)
    [known] = con.execute(
        "SELECT count(DISTINCT unit_id) FROM evid_finding_unit WHERE lot_id = ?", [large.LOT_ID]
    ).fetchall()
    assert len(named) == known[0] >= 40_000


def test_a_small_lot_has_no_lists_beside_it_and_loses_older_ones(con, tmp_path: Path) -> None:
    page = write_lot(con, *HELD, tmp_path)
    assert not [path for path in lot_files(page) if "-findings" in path.name]
    old = page.with_name(f"{page.stem}-packs.csv")
    old.write_text("old", encoding="utf-8")
    write_lot(con, *HELD, tmp_path)
    assert not old.exists()
