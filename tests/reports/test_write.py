"""Pages are safe, whole, repeatable, and hold nothing that leads astray."""

import csv
import io
import re
from pathlib import Path

import pytest

from data.errors import NotFoundError
from reports.exposure_view import EXPOSURE_FILE
from reports.write import lot_files, write_lot, write_reports
from tests.reports.page import LOADING, Page, read_page
from tests.reports.sample import CLEAR, HELD, HOSTILE, HOSTILE_TEXT, sample_warehouse

CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@pytest.fixture(scope="session")
def folder(con, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("reports")
    write_reports(con, out)
    write_lot(con, *CLEAR, out)
    return out


@pytest.fixture(scope="session")
def pages(folder) -> dict[str, Page]:
    return {
        path.relative_to(folder).as_posix(): read_page(path.read_text("utf-8"))
        for path in sorted(folder.rglob("*.html"))
    }


def test_a_page_for_every_lot_that_is_not_clear_and_an_index(con, tmp_path) -> None:
    written = [path.relative_to(tmp_path).as_posix() for path in write_reports(con, tmp_path)]
    assert written == ["index.html", *(f"lots/{n:016x}.html" for n in (1, 2, 3))]
    assert all((tmp_path / name).is_file() for name in written)


def test_pages_are_well_formed_and_their_ids_unique(pages) -> None:
    for name, page in pages.items():
        assert page.faults == [], name
        assert len(page.ids) == len(set(page.ids)), name


def test_links_inside_the_folder_lead_somewhere(folder, pages) -> None:
    for name, page in pages.items():
        for tag, attribute, value in page.attributes:
            if (tag, attribute) == ("a", "href") and not value.startswith("http"):
                target, _, anchor = value.partition("#")
                path = (folder / name).parent / target if target else folder / name
                assert path.is_file(), (name, value)
                if anchor:
                    assert anchor in page.ids, (name, value)


def test_nothing_is_loaded_from_anywhere_and_no_script_runs(pages) -> None:
    for name, page in pages.items():
        assert not {"script", "link", "iframe", "img", "object", "embed"} & set(page.tags), name
        assert not [a for a in page.attributes if a[1] in LOADING or a[1].startswith("on")], name
        assert any(value.startswith(CSP) for _, a, value in page.attributes if a == "content")
        outside = [
            v for t, a, v in page.attributes if v.startswith("http") and (t, a) != ("a", "href")
        ]
        assert outside == [], name


def test_styles_load_nothing(folder) -> None:
    for path in folder.rglob("*.html"):
        style = re.search(r"<style>(.*?)</style>", path.read_text("utf-8"), re.S)
        assert style
        assert not re.search(r"@import|url\(", style[1])


def test_hostile_text_is_shown_as_text(pages) -> None:
    page = pages["lots/0000000000000002.html"]
    assert "script" not in page.tags
    assert page.text.count(HOSTILE_TEXT) > 10
    assert "49" not in page.text.split()
    assert HOSTILE_TEXT in pages["index.html"].text


def test_only_web_addresses_become_links(pages) -> None:
    hrefs = [v for p in pages.values() for t, a, v in p.attributes if (t, a) == ("a", "href")]
    assert "https://example.org/warning" in hrefs
    assert [href for href in hrefs if "javascript" in href] == []


def test_every_query_on_a_page_runs_and_finds_what_the_page_shows(con, pages) -> None:
    seen = 0
    for name in ("lots/0000000000000001.html", "lots/0000000000000002.html"):
        for query in pages[name].queries:
            rows = con.execute(query).fetchall()
            seen += 1
            is_absent = name.endswith("2.html") and ("cited_case" in query or "_coverage" in query)
            assert rows or is_absent, query
    assert seen > 15


def test_the_same_warehouse_gives_the_same_bytes(con, folder, tmp_path) -> None:
    write_reports(con, tmp_path)
    with sample_warehouse() as again:
        second = tmp_path / "second"
        write_reports(again, second)
    paths = [path for path in sorted(second.rglob("*")) if path.is_file()]
    assert {path.suffix for path in paths} == {".html", ".csv", ".json"}
    for path in paths:
        relative = path.relative_to(second)
        assert path.read_bytes() == (tmp_path / relative).read_bytes()
        assert path.read_bytes() == (folder / relative).read_bytes()


def test_a_page_of_a_finished_run_equals_that_of_the_running_one(tmp_path) -> None:
    with sample_warehouse() as con:
        before = write_lot(con, *HELD, tmp_path).read_bytes()
        con.execute(
            "UPDATE raw_run SET status = 'finished', "
            """manifest = json_merge_patch(manifest, '{"outputs": {"index.html": "ab"}}')"""
        )
        assert write_lot(con, *HELD, tmp_path).read_bytes() == before


def test_pages_of_lots_that_are_clear_now_are_removed(tmp_path) -> None:
    with sample_warehouse() as con:
        write_reports(con, tmp_path)
        kept = tmp_path / "lots" / "notes.txt"
        kept.write_text("not ours")
        con.execute("UPDATE lot_risk SET tier = 'clear' WHERE lot = ?", [HOSTILE[1]])
        write_reports(con, tmp_path)
    names = sorted(path.name for path in (tmp_path / "lots").iterdir())
    pages = ["0000000000000001", "0000000000000003"]
    ours = sorted(f"{page}{end}" for page in pages for end in (".csv", ".html", ".json"))
    drafts = [f"{page}-notice.html" for page in pages[:1]]
    assert names == [*sorted([*ours, *drafts]), "notes.txt"]


def test_a_failed_write_leaves_the_old_page_and_no_rest(con, tmp_path, monkeypatch) -> None:
    path = write_lot(con, *HELD, tmp_path)
    before = path.read_bytes()

    def refuse(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        write_lot(con, *HELD, tmp_path)
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == sorted(lot_files(path))


def test_a_stated_report_name_cannot_leave_the_folder(tmp_path) -> None:
    with sample_warehouse() as con:
        con.execute("UPDATE lot_risk SET report = '../../evil.html' WHERE lot = ?", [HELD[1]])
        path = write_lot(con, *HELD, tmp_path)
    assert path == tmp_path / "lots" / "evil.html"


def test_an_unknown_lot_is_an_error_that_names_where_to_look(con, tmp_path) -> None:
    with pytest.raises(NotFoundError, match="lot_risk"):
        write_lot(con, HELD[0], "nowhere", tmp_path)


@pytest.mark.parametrize("name", ["index.html", "lots/0000000000000001.html"])
def test_the_words_of_a_page(pages, snapshot, name: str) -> None:
    assert pages[name].text == snapshot


def test_no_page_decides_what_only_people_may_decide(pages) -> None:
    for page in pages.values():
        assert not re.search(r"illegitimate|\bfake", page.text, re.IGNORECASE)


def rows_of(path: Path) -> list[dict[str, str]]:
    text = path.read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_beside_each_lot_with_standing_findings_lies_what_they_expose(con, folder) -> None:
    listed = rows_of(folder / "lots" / "0000000000000001.csv")
    assert list(listed[0]) == list(EXPOSURE_FILE)
    [(count,)] = con.execute("SELECT count(*) FROM exposure WHERE lot = ?", [HELD[1]]).fetchall()
    assert len(listed) == count
    (other,) = [row for row in listed if row["Other lot"]]
    assert (other["Other lot"], other["Name"], other["Packs still there"]) == (
        CLEAR[1],
        "Nordmed Wholesale",
        "5",
    )
    assert not (folder / "lots" / "0000000000000004.csv").exists()


def test_a_page_and_its_spreadsheet_are_told_together(con, tmp_path) -> None:
    held, clear = write_lot(con, *HELD, tmp_path), write_lot(con, *CLEAR, tmp_path)
    assert [path.suffix for path in lot_files(held)] == [".html", ".csv", ".json", ".html"]
    assert lot_files(clear) == [clear, clear.with_suffix(".json")]


def test_no_cell_of_a_spreadsheet_begins_like_a_formula(tmp_path) -> None:
    with sample_warehouse() as con:
        con.execute("UPDATE core_site SET name = '=HYPERLINK(\"http://x\")', city = 'a;=1+1'")
        con.execute("UPDATE core_site SET country = chr(9) || '@SUM(A1)', role = '+1'")
        con.execute("UPDATE core_lot SET lot = '-2' WHERE lot = ?", [HELD[1]])
        con.execute("UPDATE lot_risk SET lot = '-2' WHERE lot = ?", [HELD[1]])
        page = write_lot(con, HELD[0], "-2", tmp_path)
    text = page.with_suffix(".csv").read_bytes().decode("utf-8-sig")
    named = [row for row in rows_of(page.with_suffix(".csv")) if row["Name"]]
    assert len(named) > 5
    assert {row["Name"] for row in named} == {'\'=HYPERLINK("http://x")'}
    assert {row["Lot"] for row in named} == {"'-2"}
    assert {row["Role"] for row in named} == {"'+1"}
    # However a spreadsheet splits the line, no piece begins with a sign that starts a formula.
    pieces = re.split(r"[,;\t\r\n|]", text)
    assert [piece for piece in pieces if re.match(r'[\s"]*[=+@-]', piece)] == []
