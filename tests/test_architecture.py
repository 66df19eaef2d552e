"""The rules of the house that a reader may rely on, checked on the files themselves."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("flows", "reports", "detectors", "data", "sql", "tests")
SOURCES = sorted(
    path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if "__pycache__" not in path.parts
)

# Left may import right; nothing else of ours.
MAY_IMPORT = {
    "flows": {"flows", "reports", "detectors", "data", "sql", "tests.bench"},
    "reports": {"reports", "detectors.explanation", "data", "sql"},
    "detectors.screen": {"detectors", "data", "sql"},
    "detectors": {"detectors"},
    "data": {"data", "sql"},
    "sql": {"sql"},
    "tests": set(PACKAGES),
}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imported_names(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def is_below(name: str, roots: set[str]) -> bool:
    return any(name == root or name.startswith(root + ".") for root in roots)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_what_its_place_in_the_house_allows(path: Path) -> None:
    name = module_name(path)
    rule = max((key for key in MAY_IMPORT if is_below(name, {key})), key=len)
    ours = {i for i in imported_names(path) if i.split(".")[0] in PACKAGES}
    # `from data.warehouse import ledger` names the package and the module: either may allow it.
    wrong = {
        i
        for i in ours
        if not is_below(i, MAY_IMPORT[rule]) and not any(is_below(a, {i}) for a in MAY_IMPORT[rule])
    }
    assert not wrong, f"{name} may import {sorted(MAY_IMPORT[rule])}, not {sorted(wrong)}"


def test_no_relative_imports_hide_a_direction() -> None:
    hidden = [
        module_name(path)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not hidden


@pytest.mark.parametrize(
    "path",
    [p for p in SOURCES if "tests" not in p.relative_to(ROOT).parts],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_sql_of_any_weight_lives_in_the_sql_folder(path: Path) -> None:
    heavy = re.compile(r"\b(JOIN|WITH\s+\w+\s+AS|PARTITION BY|UNION ALL|GROUP BY)\b")
    strings = [
        node.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    docstrings = {
        ast.get_docstring(node, clean=False)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
    }
    found = [text for text in strings if text not in docstrings and len(heavy.findall(text)) > 1]
    assert not found


def test_kernels_carry_explicit_flags_and_never_full_fastmath() -> None:
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        if path.name != "test_architecture.py":
            assert "fastmath=True" not in text, module_name(path)


def test_help_needs_neither_prefect_nor_the_detectors() -> None:
    code = (
        "import sys, flows.command_line\n"
        "slow = {'prefect', 'sklearn', 'numba', 'networkx', 'polars', 'duckdb'}\n"
        "heavy = slow & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
