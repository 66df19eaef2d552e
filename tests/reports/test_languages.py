"""A report in another language is in it throughout, and only its words differ."""

import json
import re
from html import unescape
from pathlib import Path
from string import Formatter
from typing import Any, get_args

import pytest

from data.errors import SettingsError
from flows.settings import Settings, load_settings
from reports import wording
from reports.pdf import lot_pdf, printable
from reports.phrases import as_title
from reports.write import write_lot, write_reports
from tests.reports.page import read_page
from tests.reports.sample import CLEAR, sample_warehouse
from tests.reports.test_wording import forms

LOT = "lots/0000000000000001"
NAMES = ["index.html", f"{LOT}.html", f"{LOT}-notice.html"]
LEAST_LETTERS = 12  # of a message with values in it: fewer may well stand in a name


def write_all(out: Path, language: str) -> Path:
    with sample_warehouse() as con:
        con.execute("INSERT INTO raw_judged_run (run_id, as_of) SELECT run_id, as_of FROM raw_run")
        write_reports(con, out, lot_pdf, lambda p: [0.5] * len(p), language)
        write_lot(con, *CLEAR, out, language)
    return out


@pytest.fixture(scope="module")
def german(tmp_path_factory) -> Path:
    return write_all(tmp_path_factory.mktemp("de"), "de")


@pytest.fixture(scope="module")
def english(tmp_path_factory) -> Path:
    return write_all(tmp_path_factory.mktemp("en"), "en")


def said(path: Path) -> set[str]:
    """Every piece of text that a reader meets: in the page, in its pictures, read out to him."""
    html = re.sub(r"<(style|pre)>.*?</\1>", "", path.read_text("utf-8"), flags=re.DOTALL)
    pieces = re.findall(r'>([^<>]+)<|aria-label="([^"]*)"', html)
    return {unescape(text or label).strip().rstrip(".") for text, label in pieces}


def as_pattern(text: str) -> str:
    """A message as an expression that finds it with any values set in."""
    parts = Formatter().parse(text)
    return "".join(re.escape(before) + (".+" if name else "") for before, name, _, _ in parts)


def english_only() -> list[tuple[str, str]]:
    """The English messages that are no German ones too, as expressions, with their keys."""
    found = []
    german = wording.messages_of("de").values()
    same = {text.lower() for message in german for text in forms(message)}
    for key, message in wording.messages_of("en").items():
        for text in forms(message):
            letters = sum(map(str.isalpha, re.sub(r"\{\w+\}", "", text)))
            if (
                letters
                and text.lower() not in same
                and ("{" not in text or letters >= LEAST_LETTERS)
            ):
                found += [(key, as_pattern(one.rstrip("."))) for one in {text, as_title(text)}]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_words_of_a_german_page(german, snapshot, name: str) -> None:
    assert read_page((german / name).read_text("utf-8")).text == snapshot


def test_no_english_word_of_ours_is_left_on_a_german_page(german) -> None:
    patterns = english_only()
    assert len(patterns) > 700
    for path in sorted(german.rglob("*.html")):
        text = said(path)
        left = [
            (key, piece)
            for key, pattern in patterns
            for piece in text
            if re.fullmatch(pattern, piece)
        ]
        assert left == [], path.name


def test_the_search_for_english_words_finds_them_on_an_english_page(english) -> None:
    text = said(english / f"{LOT}.html")
    found = {
        key
        for key, pattern in english_only()
        if any(re.fullmatch(pattern, piece) for piece in text)
    }
    assert found > {"page.conclusion", "patterns.P01.definition", "lot.facts.quantity"}


def test_a_page_tells_the_browser_its_language(german, english) -> None:
    for folder, language in ((german, "de"), (english, "en")):
        for path in folder.rglob("*.html"):
            assert f'<html lang="{language}">' in path.read_text("utf-8"), path.name


def test_figures_and_dates_are_written_as_germans_write_them(german) -> None:
    text = read_page((german / f"{LOT}.html").read_text("utf-8")).text
    assert "98,6 von 100 (p = 0,004)" in text
    assert "31. März 2026" in text
    assert "02.04.2024 08:00 bis 11.06.2024 10:30 UTC" in text
    assert "Zeit dazwischen: 1,2 h" in text


def test_machines_read_the_same_in_every_language(german, english) -> None:
    for path in sorted(english.rglob("*.csv")):
        assert (german / path.relative_to(english)).read_bytes() == path.read_bytes()
    for path in sorted(english.rglob("*.json")):
        one = json.loads(path.read_text("utf-8"))
        other = json.loads((german / path.relative_to(english)).read_text("utf-8"))
        assert other["evidence"] == one["evidence"]
        assert (one["view"]["language"], other["view"]["language"]) == ("en", "de")
        assert queries(other["view"]) == queries(one["view"])


def queries(thing: Any) -> list[str]:
    """All queries of a view, in order."""
    if isinstance(thing, dict):
        own = [thing["sql"]] if "sql" in thing else []
        return own + [sql for value in thing.values() for sql in queries(value)]
    return [sql for value in thing for sql in queries(value)] if isinstance(thing, list) else []


def test_the_pdf_speaks_the_language_of_its_report(german, english) -> None:
    assert b"/Lang(de)" in (german / f"{LOT}.pdf").read_bytes()
    assert b"/Lang(en)" in (english / f"{LOT}.pdf").read_bytes()


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_the_fonts_of_the_pdf_have_every_sign_of_our_words(language: str) -> None:
    for key, message in wording.messages_of(language).items():
        assert printable(message) == message, key


def test_a_page_in_german_leaves_the_next_one_alone(held) -> None:
    from reports.conclusion import conclude

    before = conclude(held)
    with pytest.raises(ZeroDivisionError), wording.use("de"):
        assert conclude(held).actions[0].when == "Sofort"
        raise ZeroDivisionError
    assert conclude(held) == before


def test_a_setting_names_the_language_and_takes_no_other() -> None:
    assert get_args(Settings.model_fields["language"].annotation) == wording.LANGUAGES
    assert load_settings(language="de").language == "de"
    with pytest.raises(SettingsError, match="language"):
        load_settings(language="fr")
