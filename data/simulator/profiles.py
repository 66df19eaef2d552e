"""Worlds by name, and the words by which a person asks for a world of his own."""

from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

from data.errors import InputError
from data.simulator.attacks import ATTACKS
from data.simulator.attacks.cases import CASES
from data.simulator.delivering import FORMATS
from data.simulator.feeds import NOISE
from data.simulator.world import Played, World

T = TypeVar("T")

_START = date(2026, 1, 5)
_ALL = tuple(Played(code) for code in sorted(ATTACKS))
_MIXED = ("xml", "json", "csv")

PROFILES = {
    # Seconds: every attack once, small lots.
    "demo": World(
        40, 120, 7, _START, 30, _ALL, rate=0.0, formats=_MIXED, tail_days=90, delivery_days=30
    ),
    # About a million unit events.
    "month": World(240, 280, 7, _START, 30, _ALL, rate=0.0, formats=_MIXED),
    # About a hundred million.
    "year": World(
        4_000, 2_000, 7, _START, 365, _ALL, rate=0.001, formats=("parquet",), delivery_days=30
    ),
    # One careful scheme in a large honest world.
    "needle": World(400, 300, 7, _START, 60, (Played("P34", 1.0, 1.0),), formats=_MIXED),
    # Look-alikes only: nothing to find.
    "storm": World(240, 280, 7, _START, 30, noise=NOISE["high"], formats=_MIXED),
}


@dataclass(frozen=True)
class Wishes:
    """What a person said on the command line; None: as the profile has it."""

    lots: int | None = None
    units: int | None = None
    seed: int | None = None
    start: str | None = None
    days: int | None = None
    attacks: str | None = None
    case: str | None = None
    rate: float | None = None
    noise: str | None = None
    formats: str | None = None


def world_of(profile: str, wishes: Wishes) -> World:
    """The profile's world with what was wished changed.

    Raises InputError for a word that names nothing, or a number out of its range.
    """
    world = _known(PROFILES, profile, "profile")
    for name, low, high in (
        ("lots", 1, 1_900_000),
        ("units", 20, 40_000),
        ("days", 1, 3_660),
        ("seed", 0, 2**62),
        ("rate", 0.0, 1.0),
    ):
        value = getattr(wishes, name)
        if value is None:
            continue
        if not low <= value <= high:
            raise InputError(f"--{name} {value}: out of range. Expected {low} to {high}.")
        world = replace(world, **{name: value})
    if wishes.start is not None:
        world = replace(world, start=_day(wishes.start))
    if wishes.attacks is not None:
        world = replace(world, attacks=_attacks(wishes.attacks))
    if wishes.case is not None:
        world = replace(world, cases=tuple(_case(word) for word in _words(wishes.case)))
        if wishes.attacks is None:
            world = replace(world, attacks=())
    if wishes.noise is not None:
        world = replace(world, noise=_known(NOISE, wishes.noise, "noise"))
    if wishes.formats is not None:
        formats = tuple(_words(wishes.formats))
        for word in formats:
            _known(dict.fromkeys(FORMATS), word, "format")
        world = replace(world, formats=formats)
    return world


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _known(options: dict[str, T], word: str, kind: str) -> T:
    if word not in options:
        raise InputError(f"{word}: no such {kind}. Known: {', '.join(options)}.")
    return options[word]


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InputError(f"--start {text}: not a date. Write it as in 2026-01-05.") from None
    if not 1990 <= day.year <= 2080:
        raise InputError(f"--start {text}: out of range. Expected the years 1990 to 2080.")
    return day


def _attacks(text: str) -> tuple[Played, ...]:
    """``all``, ``none``, or codes, each with size and skill if wished: ``P12:2:0.9``."""
    if text in ("all", "none"):
        return _ALL if text == "all" else ()
    played: dict[str, Played] = {}
    for word in _words(text):
        code, *numbers = word.split(":")
        _known(ATTACKS, code.upper(), "attack")
        try:
            size, skill = [*map(float, numbers), *(1.0, 0.5)[len(numbers) :]]
        except ValueError:
            size = skill = -1.0
        if not (0 < size <= 100 and 0 <= skill <= 1):
            raise InputError(
                f"{word}: no attack. Expected a code with size (up to 100) and skill (0 to 1), "
                "as in P12:2:0.9."
            )
        played[code.upper()] = Played(code.upper(), size, skill)
    return tuple(played.values())


def _case(word: str) -> str:
    found = [case for case in sorted(CASES) if word in case]
    if word in found:
        return word
    if len(found) != 1:
        several = ", ".join(found or sorted(CASES))
        raise InputError(f"--case {word}: names {len(found)} cases. Choose one of: {several}.")
    return found[0]
