"""Requirements and the tests that show them, as a table that the build makes."""

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
REQUIREMENTS = Path(__file__).with_name("requirements.toml")
MATRIX = ROOT / "docs" / "validation" / "trace-matrix.md"
RISKS = ("high", "medium", "low")
_KEYS = ("id", "text", "asked_by", "risk", "design", "tests")


@dataclass(frozen=True)
class Requirement:
    """One thing the software must do."""

    id: str
    text: str
    asked_by: tuple[str, ...]
    risk: str
    design: tuple[str, ...]  # modules and models, from the root of the repository
    tests: tuple[str, ...]  # pytest node ids, without the parameters of a case


def read_requirements(path: Path = REQUIREMENTS) -> list[Requirement]:
    """The requirements in the order of the file. Raises ValueError naming a wrong key."""
    found = []
    for said in tomllib.loads(path.read_text(encoding="utf-8"))["requirement"]:
        if sorted(said) != sorted(_KEYS):
            raise ValueError(f"{path}: {said.get('id')}: the keys must be {', '.join(_KEYS)}.")
        found.append(Requirement(**{key: _frozen(said[key]) for key in _KEYS}))
    return found


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def faults(requirements: list[Requirement], root: Path = ROOT) -> Iterator[str]:
    """What does not hold: a test or module that does not exist, a requirement without one."""
    ids = [one.id for one in requirements]
    for one in requirements:
        if ids.count(one.id) > 1:
            yield f"{one.id}: two requirements have this id"
        if one.risk not in RISKS:
            yield f"{one.id}: risk {one.risk} is none of {', '.join(RISKS)}"
        for name in ("asked_by", "design", "tests"):
            if not getattr(one, name):
                yield f"{one.id}: nothing stands under {name}"
        for place in one.design:
            if not (root / place).exists():
                yield f"{one.id}: {place} does not exist"
        for node in one.tests:
            file, _, name = node.partition("::")
            if name not in _tests_of(root / file):
                yield f"{one.id}: there is no test {node}"


@cache
def _tests_of(file: Path) -> frozenset[str]:
    """The test functions of a file, read from its text: nothing is imported."""
    if not file.is_file():
        return frozenset()
    functions = ast.parse(file.read_text(encoding="utf-8")).body
    return frozenset(
        one.name
        for one in functions
        if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")
    )


def matrix(requirements: list[Requirement]) -> str:
    """The table of requirement, design and test."""
    lines = [
        "# Trace matrix",
        "",
        "Made by `python -m tests.validation` from `tests/validation/requirements.toml`; do not "
        "edit. What came of the tests stands in `var/validation/` after that command.",
        "",
        f"{len(requirements)} requirements, "
        f"{len({node for one in requirements for node in one.tests})} tests.",
        "",
        "| id | requirement | asked by | risk | built in | shown by |",
        "|---|---|---|---|---|---|",
    ]
    for one in requirements:
        cells = (
            one.id,
            one.text,
            "<br>".join(one.asked_by),
            one.risk,
            "<br>".join(f"`{place}`" for place in one.design),
            "<br>".join(f"`{node}`" for node in one.tests),
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
