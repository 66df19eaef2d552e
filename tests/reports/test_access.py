"""Pages can be read without eyes, mouse or colour: what WCAG 2.2 asks of markup and contrast."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from reports.write import lot_files, write_lot, write_reports
from tests.reports.page import VOID
from tests.reports.sample import CLEAR, HOSTILE_TEXT, sample_warehouse

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
LEAST_CONTRAST = 4.5


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parents: tuple["Element", ...]
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def inside(self, tag: str) -> bool:
        return any(parent.tag == tag for parent in self.parents)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        one = Element(tag, {name: value or "" for name, value in attrs}, tuple(self.open))
        if self.open:
            self.open[-1].children.append(one)
        self.elements.append(one)
        if tag not in VOID:
            self.open.append(one)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for one in self.open:
            one.text += data


def elements_of(html: str) -> list[Element]:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.elements


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("access")
    with sample_warehouse() as con:
        # Every section has something to show, and every text is one that a stranger chose.
        con.execute("INSERT INTO raw_judged_run (run_id, as_of) SELECT run_id, as_of FROM raw_run")
        con.execute("UPDATE lot_risk SET tier = 'investigate' WHERE tier = 'watch'")
        write_reports(con, out, alarm_bound=lambda p_values: [0.5] * len(p_values))
        write_lot(con, *CLEAR, out)
    return out


@pytest.fixture(scope="module")
def pages(folder) -> dict[str, list[Element]]:
    return {
        path.relative_to(folder).as_posix(): elements_of(path.read_text("utf-8"))
        for path in sorted(folder.rglob("*.html"))
    }


def test_the_pages_are_all_kinds_there_are(pages, folder) -> None:
    assert "index.html" in pages
    assert any(name.endswith("-notice.html") for name in pages)
    assert {p.name for p in lot_files(folder / "lots" / "0000000000000001.html")} >= {
        "0000000000000001.html"
    }
    assert len(pages) >= 7


def test_a_page_names_its_language_and_itself(pages) -> None:
    for name, page in pages.items():
        assert page[0].tag == "html", name
        assert page[0].attributes["lang"] == "en", name
        [title] = [one for one in page if one.tag == "title" and one.inside("head")]
        assert title.text.strip(), name


def test_a_page_has_its_landmarks_and_one_main_heading(pages) -> None:
    for name, page in pages.items():
        tags = [one.tag for one in page]
        assert (tags.count("main"), tags.count("h1"), tags.count("footer")) == (1, 1, 1), name
        assert "header" in tags, name


def test_headings_skip_no_level_and_are_not_empty(pages) -> None:
    for name, page in pages.items():
        heads = [one for one in page if one.tag in HEADINGS]
        levels = [int(one.tag[1]) for one in heads]
        assert levels[0] == 1, name
        jumps = [
            (heads[n + 1].text, pair)
            for n, pair in enumerate(pairwise(levels))
            if pair[1] > pair[0] + 1
        ]
        assert jumps == [], name
        assert all(one.text.strip() for one in heads), name


def test_every_table_has_headings_that_say_what_they_head(pages) -> None:
    for name, page in pages.items():
        for one in page:
            if one.tag == "th":
                assert one.attributes.get("scope") in ("col", "row"), (name, one.text)
        tables = [one for one in page if one.tag == "table"]
        for table in tables:
            assert any(one.tag == "th" and table in one.parents for one in page), name


def test_what_scrolls_can_be_reached_by_keyboard_and_has_a_name_of_its_own(pages) -> None:
    for name, page in pages.items():
        regions = [one for one in page if "scroll" in one.attributes.get("class", "").split()]
        assert all(one.attributes.get("tabindex") == "0" for one in regions), name
        assert all(one.attributes.get("role") == "region" for one in regions), name
        labels = [one.attributes.get("aria-label", "").strip() for one in regions]
        assert all(labels), name
        assert sorted(labels) == sorted(set(labels)), name
        wide = [one for one in page if one.tag in ("table", "svg")]
        assert all(set(map(id, one.parents)) & set(map(id, regions)) for one in wide), name


def test_every_picture_has_words_and_what_is_referred_to_exists(pages) -> None:
    pictures = 0
    for name, page in pages.items():
        by_id = {one.attributes["id"]: one for one in page if "id" in one.attributes}
        for one in page:
            for reference in one.attributes.get("aria-labelledby", "").split():
                assert by_id[reference].text.strip(), (name, reference)
            if one.tag == "svg":
                pictures += 1
                assert one.attributes.get("role") == "img", name
                assert len(one.attributes["aria-labelledby"].split()) == 2, name
    assert pictures > 6


def test_links_have_words_and_fields_have_labels(pages) -> None:
    for name, page in pages.items():
        assert all(one.text.strip() for one in page if one.tag == "a"), name
        fields = [one for one in page if one.tag == "input"]
        assert all(one.inside("label") for one in fields), name
        assert all(one.text.strip() for one in page if one.tag in ("summary", "label")), name


def test_the_first_stop_of_the_keyboard_leads_past_the_top(pages) -> None:
    for name, page in pages.items():
        first = next(one for one in page if one.tag == "a")
        target = first.attributes["href"]
        assert first.attributes["class"] == "skip", name
        assert target.startswith("#"), name
        assert target[1:] in [one.attributes.get("id") for one in page], name


def test_hostile_text_is_text_wherever_it_stands(folder) -> None:
    for path in folder.rglob("*.html"):
        html = path.read_text("utf-8")
        assert "<script" not in html, path.name
        assert HOSTILE_TEXT not in html, path.name


def test_nothing_but_a_link_to_a_source_leads_outside(pages) -> None:
    for name, page in pages.items():
        for one in page:
            for attribute, value in one.attributes.items():
                if re.match(r"(?i)\s*(https?:)?//", value):
                    assert (one.tag, attribute) == ("a", "href"), name
                    assert "noopener" in one.attributes["rel"], name


# -- contrast -------------------------------------------------------------------------------------


def palettes(folder: Path) -> dict[str, dict[str, str]]:
    style = (folder / "index.html").read_text("utf-8").split("<style>")[1].split("</style>")[0]
    light, dark = (
        dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", block))
        for block in re.findall(r":root\s*\{(.*?)\}", style, re.S)[:2]
    )
    return {"light": light, "dark": {**light, **dark}}


def luminance(colour: str) -> float:
    shares = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_contrast_of_black_and_white_is_known() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        *((ink, ground) for ink in ("ink", "soft", "link") for ground in ("paper", "panel")),
        *((ink, "paper") for ink in ("flag", "hold", "investigate", "watch", "clear", "good")),
        *((ink, "flag-paper") for ink in ("ink", "soft", "flag", "link")),
        ("paper", "hold"),
    ],
)
def test_words_stand_out_from_what_they_stand_on(folder, mode: str, ink: str, ground: str) -> None:
    colours = palettes(folder)[mode]
    assert contrast(colours[ink], colours[ground]) >= LEAST_CONTRAST
