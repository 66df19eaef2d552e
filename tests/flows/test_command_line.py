"""The command as a person uses it: exit codes, messages without traceback, read-only SQL."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows.conftest import SampleRun

ROOT = Path(__file__).parents[2]


def touchstone(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from flows.command_line import main; main()", *words],
        check=False,
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("run", "nowhere"), 11, "no such file or folder"),
        (("run", ".", "--settings", "nowhere.toml"), 13, "no such settings file"),
        (("run", ".", "--as-of", "yesterday"), 11, "ISO 8601"),
        (("sql", "FROM lot_risk", "--warehouse", "nowhere.duckdb"), 14, "no warehouse here yet"),
        (("sql",), 11, "one query"),
        (("frobnicate",), 2, "No such command"),
        (("decide", "1", "L", "--outcome", "cleared", "--by", "x"), 2, "Missing option '--reason'"),
        (
            ("decide", "1", "L", "--outcome", "cleared", "--by", "x", "--reason", "y"),
            14,
            "no warehouse here yet",
        ),
        (("decide", "1", "L", "--by", "x", "--reason", "y"), 11, "give one of --outcome, --second"),
        (
            ("decide", "1", "L", "--second", "--by", "x", "--reason", "y"),
            14,
            "no warehouse here yet",
        ),
        (
            ("case", "withdraw", "own-0001", "--by", "x", "--reason", "y"),
            14,
            "no warehouse here yet",
        ),
        (("case", "similar", "own-0001"), 14, "no run has judged any lot"),
        (("case", "export", "pack.json", "--share", "--with-names"), 11, "holds no names"),
        (("case", "show", "nothing-of-the-kind"), 15, "no such case"),
        (("case", "list", "--kind", "odd"), 11, "unknown; choose own"),
        (("case", "import", "nowhere.jsonl"), 11, "no such file"),
        (("case", "export", "cases.jsonl"), 14, "no warehouse here yet"),
    ],
)
def test_a_mistake_gives_its_exit_code_and_one_plain_message(
    words: tuple[str, ...], code: int, says: str, tmp_path: Path
) -> None:
    done = touchstone(*words, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_settings_are_named(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("warehose = 'x'\n", encoding="utf-8")
    done = touchstone("run", str(tmp_path), "--settings", str(settings))
    assert done.returncode == 13
    assert "warehose" in done.stderr


def test_an_unknown_threshold_is_named(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text("[patterns.P01]\nspeed_limit = 3\n", encoding="utf-8")
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    done = touchstone(
        "run",
        str(inbox),
        "--settings",
        str(settings),
        "--direct",
        "--warehouse",
        str(tmp_path / "w.duckdb"),
    )
    assert done.returncode == 13
    assert "speed_limit" in done.stderr


def test_sql_answers_from_the_published_copy_and_cannot_write(sample: SampleRun) -> None:
    warehouse = str(sample.job.warehouse)
    done = touchstone("sql", "SELECT count(*) AS n FROM lot", "--warehouse", warehouse)
    assert done.returncode == 0, done.stderr
    assert "n" in done.stdout
    for query in ("DROP TABLE raw_event", "COPY lot TO '/tmp/x.csv'", "FROM '/etc/passwd'"):
        refused = touchstone("sql", query, "--warehouse", warehouse)
        assert refused.returncode == 11, query


def test_trace_tells_the_story_of_a_lot_and_of_a_pack(sample: SampleRun) -> None:
    warehouse = str(sample.job.warehouse)
    first = sample.truth[0]
    done = touchstone("trace", first["gtin"], first["lot"], "--warehouse", warehouse)
    assert done.returncode == 0, done.stderr
    assert "commissioning" in done.stdout
    pack = touchstone("trace", "(01)09521234001010(21)234RA7A2ERZ9", "--warehouse", warehouse)
    assert "Farmacia Baixa" in pack.stdout
    assert "S1 P01 stands" in pack.stdout
    case = touchstone("trace", "(00)095212340000000013", "--warehouse", warehouse)
    assert "unpacking" in case.stdout
    missing = touchstone("trace", "(01)09521234001010(21)NOTHERE", "--warehouse", warehouse)
    assert missing.returncode == 15


def test_help_says_what_holds_where_an_option_is_left_out() -> None:
    shown = " ".join(touchstone("run", "--help").stdout.split())
    assert "var/touchstone.duckdb" in shown
    assert "var/reports" in shown
