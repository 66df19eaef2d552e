"""The dictionary as a page: all of it, with its warnings, and nothing from elsewhere."""

import re

import pytest

from data.warehouse.dictionary import sections
from reports.dictionary_page import dictionary_page
from tests.flows.test_command_line import touchstone
from tests.reports.page import LOADING, Page, read_page


@pytest.fixture(scope="module")
def page() -> Page:
    return read_page(dictionary_page())


def test_every_table_column_and_caveat_is_there(page: Page) -> None:
    entries = [entry for section in sections() for entry in section.entries]
    assert len(entries) > 150
    text = re.sub(r"\s+", " ", page.text)
    for entry in entries:
        assert entry.name in page.ids
        assert re.sub(r"\s+", " ", entry.caveats) in text
        for row in entry.columns if not entry.note else ():
            assert row[0] in text and re.sub(r"\s+", " ", row[-1]) in text, row


def test_it_is_well_formed_accessible_and_self_contained(page: Page) -> None:
    assert page.faults == []
    assert len(page.ids) == len(set(page.ids))
    assert "script" not in page.tags
    assert "details" not in page.tags  # a browser's search does not look into closed ones
    assert not [a for a in page.attributes if a[1] in LOADING]
    links = [value for tag, name, value in page.attributes if (tag, name) == ("a", "href")]
    assert links and all(link[0] == "#" and link[1:] in page.ids for link in links)
    assert ("html", "lang", "en") in page.attributes
    assert page.tags.count("h1") == 1
    assert page.tags.count("th") > page.tags.count("tr") > 1000


def test_the_command_writes_it(tmp_path) -> None:
    file = tmp_path / "dictionary.html"
    assert touchstone("dictionary", "--html", str(file)).returncode == 0
    assert file.read_text(encoding="utf-8") == dictionary_page()
