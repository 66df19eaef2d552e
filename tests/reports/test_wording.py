"""The words are complete in every language, in use, and within what software may say."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

import reports
from data.warehouse.models import find_model_files
from detectors.features import EDGE_FEATURES, FEATURES, SITE_FEATURES, TRAJECTORY_FEATURES
from reports import phrases, wording
from reports.evidence import TIERS
from reports.natures import NATURES
from reports.view import TIER_RULE_NO
from reports.write import SECTIONS

FORBIDDEN = {
    "en": ("illegitimate", "fake", "proven", "guilty", "criminal"),
    "de": ("illegitim", "gefälscht ist", "bewiesen", "schuldig", "kriminell", "erwiesen"),
}
SOURCES = Path(reports.__file__).parent
OTHERS = [language for language in wording.LANGUAGES if language != "en"]


def forms(message: Any) -> list[str]:
    """Every text of a message: its forms, its lines, or itself."""
    if isinstance(message, dict):
        return list(message.values())
    return [str(text) for text in message] if isinstance(message, list) else [str(message)]


def fields(message: Any) -> set[str]:
    return {name for text in forms(message) for _, name, _, _ in Formatter().parse(text) if name}


def everything(language: str) -> Iterator[tuple[str, str]]:
    for key, message in wording.messages_of(language).items():
        # What people decide is named as they decided it.
        if not key.startswith("codes.outcomes."):
            yield from ((key, text) for text in forms(message))


def test_every_pattern_and_every_honest_explanation_has_words() -> None:
    assert list(wording.table("patterns")) == [f"P{n:02}" for n in range(1, 41)]
    assert list(wording.table("explanations")) == [f"B{n:02}" for n in range(1, 29)]
    assert set(wording.table("tiers.names")) == set(wording.table("tiers.meanings")) == set(TIERS)
    assert sorted(NATURES) == list(wording.table("patterns"))
    assert set(NATURES.values()) == set(wording.table("tiers.natures"))


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_no_two_patterns_share_a_title_or_a_definition(language: str) -> None:
    with wording.use(language):
        patterns = wording.table("patterns").values()
        assert len({p["title"] for p in patterns}) == len({p["definition"] for p in patterns}) == 40
        assert len(set(wording.table("explanations").values())) == 28


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_no_word_decides_what_only_people_may_decide(language: str) -> None:
    for word in FORBIDDEN[language]:
        begins = re.compile(rf"\b{word}")
        assert [key for key, text in everything(language) if begins.search(text.lower())] == []


def test_the_rule_of_tiers_in_words_has_the_number_of_the_one_that_judges() -> None:
    model = next(one for one in find_model_files() if one.name == "find_lot")
    assert f"by rule {TIER_RULE_NO}:" in model.text


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_same_messages_with_the_same_values(language: str) -> None:
    english, other = wording.messages_of("en"), wording.messages_of(language)
    assert sorted(english.keys() ^ other.keys()) == []
    for key, message in english.items():
        assert type(other[key]) is type(message), key
        assert fields(other[key]) == fields(message), key
        if isinstance(message, list):
            assert len(other[key]) == len(message), key


@pytest.mark.parametrize("language", OTHERS)
def test_tables_of_codes_keep_their_order(language: str) -> None:
    for key in ("codes.fates", "codes.relations", "tiers.names", "tiers.meanings", "patterns"):
        with wording.use(language):
            other = list(wording.table(key))
        assert other == list(wording.table(key)), key


def said_keys() -> set[str]:
    """The keys that the views name, whole; of composed keys the part before the first value."""
    named = set()
    for path in SOURCES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named.add(node.value)
            elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                named.add(f"{node.values[0].value}*")
    return named


def test_no_message_is_left_that_no_page_says() -> None:
    named = said_keys()
    stems = tuple(name[:-1] for name in named if re.fullmatch(r"\w+\.[\w.]*\*", name))
    tables = tuple(f"{name}." for name in named)
    templates = "".join(p.read_text(encoding="utf-8") for p in (SOURCES / "templates").iterdir())
    in_templates = set(re.findall(r"\bwords\.(\w+)", templates)) | set(SECTIONS)
    unsaid = [
        key
        for key in wording.messages_of("en")
        if key not in named
        and not key.startswith((*stems, *tables))
        and not (key.startswith(("page.", "dictionary.")) and key.split(".")[1] in in_templates)
    ]
    assert unsaid == []


def told_names() -> Iterator[str]:
    """The names under which patterns tell values, and those of the detectors' features."""
    inner = ("code", "result", "ord", "event_at", "is_ship", "is_birth")  # of no value told
    for model in find_model_files():
        if re.fullmatch(r"P\d\d_\w+", model.name):
            names = re.findall(r"'([a-z][a-z0-9_]*)'\s*:", model.text)
            for call in re.split(r"\bjson_object\(", model.text)[1:]:
                names += [one.strip("'") for one in arguments(call)[0::2]]
            yield from (one for one in names if one not in inner and not one.endswith("_id"))
    for group in (FEATURES, EDGE_FEATURES, SITE_FEATURES, TRAJECTORY_FEATURES):
        yield from (feature.name for feature in group)


def arguments(call: str) -> list[str]:
    """The arguments of a call of which the text begins behind the bracket."""
    depth, found = 0, [""]
    for sign in re.sub(r"--.*", "", call):
        depth += (sign in "([{") - (sign in ")]}")
        if depth < 0:
            break
        if sign == "," and depth == 0:
            found.append("")
        else:
            found[-1] += sign
    return [one.strip() for one in found]


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_every_value_that_a_pattern_or_a_detector_names_has_words(language: str) -> None:
    with wording.use(language):
        known = set(wording.table("measures.names").values())
        strange = {name for name in told_names() if phrases.feature(name) not in known}
    assert sorted(strange) == []
