"""The words are complete, and stay within what software may say."""

from dataclasses import astuple

import pytest

from data.warehouse.models import find_model_files
from reports import wording
from reports.evidence import TIERS

FORBIDDEN = ("illegitimate", "fake", "proven", "guilty", "criminal")


def everything() -> list[str]:
    words = [text for pattern in wording.PATTERNS.values() for text in astuple(pattern)]
    for value in vars(wording).values():
        if isinstance(value, dict):
            words += [text for text in value.values() if isinstance(text, str)]
        elif isinstance(value, str):
            words.append(value)
    return words


def test_every_pattern_and_every_honest_explanation_has_words() -> None:
    assert list(wording.PATTERNS) == [f"P{n:02}" for n in range(1, 41)]
    assert list(wording.BENIGN) == [f"B{n:02}" for n in range(1, 29)]
    assert set(wording.TIERS) == set(wording.TIER_MEANING) == set(TIERS)


def test_no_two_patterns_share_a_title_or_a_definition() -> None:
    patterns = wording.PATTERNS.values()
    assert len({p.title for p in patterns}) == len({p.definition for p in patterns}) == 40
    assert len(set(wording.BENIGN.values())) == 28


@pytest.mark.parametrize("word", FORBIDDEN)
def test_no_word_decides_what_only_people_may_decide(word: str) -> None:
    assert [text for text in everything() if word in text.lower()] == []


def test_the_rule_of_tiers_in_words_has_the_number_of_the_one_that_judges() -> None:
    model = next(one for one in find_model_files() if one.name == "find_lot")
    assert f"by rule {wording.TIER_RULE_NO}:" in model.text
