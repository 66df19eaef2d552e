"""The validation pack holds together: nothing is traced to a test that is not there."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.validation import __main__ as module
from tests.validation.__main__ import Recorder, outcome_of, results
from tests.validation.trace import MATRIX, Requirement, faults, matrix, read_requirements

GOOD = Requirement(
    id="URS-1",
    text="Does a thing.",
    asked_by=("DESIGN 1",),
    risk="high",
    design=("data/errors.py",),
    tests=("tests/validation/test_validation.py::test_every_requirement_has_tests_and_modules_that_exist",),
)  # fmt: skip


def test_every_requirement_has_tests_and_modules_that_exist() -> None:
    requirements = read_requirements()
    assert list(faults(requirements)) == []
    assert len(requirements) > 30


def test_the_printed_trace_is_that_of_the_requirements() -> None:
    printed = MATRIX.read_text(encoding="utf-8")
    assert printed == matrix(read_requirements()), "run: python -m tests.validation --no-run"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (replace(GOOD, tests=()), "nothing stands under tests"),
        (replace(GOOD, asked_by=()), "nothing stands under asked_by"),
        (replace(GOOD, tests=(f"{GOOD.tests[0]}s",)), "there is no test"),
        (replace(GOOD, tests=("tests/absent.py::test_a",)), "there is no test"),
        (replace(GOOD, design=("data/absent.py",)), "does not exist"),
        (replace(GOOD, risk="some"), "risk some"),
    ],
)
def test_a_requirement_that_nothing_shows_is_named(wrong: Requirement, said: str) -> None:
    assert list(faults([GOOD])) == []
    [fault] = faults([wrong])
    assert fault.startswith("URS-1: ")
    assert said in fault


def test_an_id_that_comes_twice_and_a_wrong_key_are_named(tmp_path: Path) -> None:
    assert "two requirements" in next(faults([GOOD, GOOD]))
    file = tmp_path / "r.toml"
    file.write_text('[[requirement]]\nid = "URS-1"\n', encoding="utf-8")
    with pytest.raises(ValueError, match="URS-1: the keys"):
        read_requirements(file)


def test_a_requirement_is_met_only_where_all_its_tests_passed() -> None:
    cases = {"a::t[1]": "passed", "a::t[2]": "skipped", "a::u": "failed", "a::v": "skipped"}
    found = [outcome_of(node, cases)["outcome"] for node in ("a::t", "a::u", "a::v", "a::w")]
    assert found == ["passed", "failed", "skipped", "not run"]
    asked = {
        ("a::t",): "met",
        ("a::t", "a::u"): "not met",
        ("a::t", "a::v"): "not fully shown",
        ("a::w",): "not fully shown",
    }
    for tests, outcome in asked.items():
        [told] = results([replace(GOOD, tests=tests)], cases)
        assert told["outcome"] == outcome


def test_a_case_that_fails_in_any_phase_has_failed(tmp_path: Path) -> None:
    recorder = Recorder()
    file = tmp_path / "test_phases.py"
    file.write_text(
        "import pytest\n"
        "@pytest.fixture\ndef late():\n    yield\n    assert False\n"
        "def test_good(): pass\n"
        "def test_late(late): pass\n"
        "def test_left_out(): pytest.skip('x')\n",
        encoding="utf-8",
    )
    pytest.main([str(file), "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}"], [recorder])
    assert {name.split("::")[1]: said for name, said in recorder.cases.items()} == {
        "test_good": "passed",
        "test_late": "failed",
        "test_left_out": "skipped",
    }


def test_a_run_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = GOOD.tests[0]
    requirements = [GOOD, replace(GOOD, id="URS-2", tests=("tests/other.py::test_it",))]
    ran: list[str] = []

    def run_some(words: list[str], plugins: list[Recorder]) -> int:
        ran.append(words[0])
        if words[0] == "tests/other.py::test_it" and len(ran) == 2:
            raise KeyboardInterrupt
        plugins[0].cases[words[0]] = "passed"
        return 0

    monkeypatch.setattr(module, "CASES", tmp_path / "cases.json")
    monkeypatch.setattr(pytest, "main", run_some)
    with pytest.raises(KeyboardInterrupt):
        module._run(requirements, "")
    expected = {node: "passed", "tests/other.py::test_it": "passed"}
    assert module._run(requirements, "") == expected
    assert ran == [node, "tests/other.py::test_it", "tests/other.py::test_it"]
    monkeypatch.setattr(module, "code_state", lambda: {"sha256": "another"})
    assert module._run(requirements, "") == expected
    assert len(ran) == 5
