"""The sample feed end to end: planted truth is found, honest noise is explained."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from data.simulator.sample.demo import make_demo_feed
from data.warehouse.connection import open_read_only
from flows.steps import run_steps
from tests.flows.conftest import SampleRun, job_for
from tests.reports.page import read_page
from tests.reports.reproduced import faults

ROOT = Path(__file__).parents[2]
Row = tuple[object, ...]


def ask(sample: SampleRun, query: str, *values: object) -> list[Row]:
    with open_read_only(sample.outcome.snapshot) as con:
        return con.execute(query, values).fetchall()


def test_every_planted_attack_stands_with_its_pattern_and_ranks_above_watch(
    sample: SampleRun,
) -> None:
    attacks = [row for row in sample.truth if row["label"] == "attack"]
    assert len(attacks) >= 9
    missed = []
    for row in attacks:
        standing = {
            str(pattern)
            for (pattern,) in ask(
                sample,
                "SELECT DISTINCT pattern FROM finding "
                "WHERE gtin = ? AND lot = ? AND status = 'stands'",
                row["gtin"],
                row["lot"],
            )
        }
        [(tier,)] = ask(
            sample, "SELECT tier FROM lot_risk WHERE gtin = ? AND lot = ?", row["gtin"], row["lot"]
        )
        if not set(row["patterns"].split(";")) <= standing or tier not in ("hold", "investigate"):
            missed.append((row["lot"], row["note"], row["patterns"], sorted(standing), tier))
    assert not missed


def test_no_honest_lot_is_above_watch(sample: SampleRun) -> None:
    accused = []
    for row in sample.truth:
        if row["label"] == "attack":
            continue
        [(tier, top)] = ask(
            sample,
            "SELECT tier, top_pattern FROM lot_risk WHERE gtin = ? AND lot = ?",
            row["gtin"],
            row["lot"],
        )
        if tier not in ("watch", "clear"):
            accused.append((row["lot"], row["label"], row["benign"], tier, top))
    assert not accused


def test_counts_of_every_file_add_up(sample: SampleRun) -> None:
    wrong = ask(
        sample,
        "SELECT path FROM source_file WHERE read <> accepted + duplicate + void + set_aside",
    )
    assert not wrong
    [(files, void, duplicate)] = ask(
        sample, "SELECT count(*), sum(void), sum(duplicate) FROM source_file"
    )
    assert files > 100
    assert void >= 2  # the mistaken event and its declaration
    assert duplicate >= 12  # the replayed queue


def test_all_checks_hold(sample: SampleRun) -> None:
    assert not sample.outcome.failed_checks


def test_every_suspect_lot_has_a_page_and_the_index_links_it(sample: SampleRun) -> None:
    index = sample.outcome.index.read_text(encoding="utf-8")
    pages = ask(sample, "SELECT report FROM lot_risk WHERE tier <> 'clear'")
    assert pages
    for (page,) in pages:
        assert (sample.job.reports / str(page)).is_file()
        assert f'href="{page}"' in index


def test_every_suspect_lot_above_watch_cites_cases(sample: SampleRun) -> None:
    counts = ask(
        sample,
        "SELECT r.lot, count(c.case_id) FROM lot_risk AS r LEFT JOIN cited_case AS c "
        "USING (gtin, lot) WHERE r.tier IN ('hold', 'investigate') GROUP BY r.lot",
    )
    assert counts
    assert all(3 <= int(str(count)) <= 5 for _, count in counts)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_second_run_of_the_same_files_reads_nothing_and_writes_the_same_bytes(
    sample: SampleRun,
) -> None:
    before = files_of(sample.job.reports)
    again = run_steps(sample.job, lambda text: None)
    assert again.landed.files == 0
    assert again.run_id == sample.outcome.run_id
    assert files_of(sample.job.reports) == before


@pytest.mark.slow
def test_the_same_seed_gives_the_same_reports_in_another_place(
    sample: SampleRun, tmp_path: Path
) -> None:
    feed = make_demo_feed(tmp_path)
    job = job_for(feed.inbox, tmp_path, feed.as_of.replace(tzinfo=None))
    outcome = run_steps(job, lambda text: None)
    assert outcome.run_id == sample.outcome.run_id
    assert files_of(job.reports) == files_of(sample.job.reports)


@pytest.mark.slow
def test_a_run_that_is_killed_and_started_again_ends_as_if_never_killed(
    sample: SampleRun, tmp_path: Path
) -> None:
    folder = sample.job.inputs[0].parent
    words = ["run", str(folder / "inbox"), "--direct", "--as-of", sample.job.as_of.isoformat()]
    words += ["--warehouse", str(tmp_path / "w.duckdb"), "--out", str(tmp_path / "reports")]
    command = [sys.executable, "-c", "from flows.command_line import main; main()", *words]
    for seconds in (3, 6, 9):
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    assert files_of(tmp_path / "reports") == files_of(sample.job.reports)


def test_every_citation_resolves_and_every_printed_query_gives_what_is_printed(
    sample: SampleRun,
) -> None:
    pages = sorted((sample.job.reports / "lots").glob("*.json"))
    assert len(pages) > 5
    with open_read_only(sample.outcome.snapshot) as con:
        found = {}
        for page in pages:
            report = json.loads(page.read_text(encoding="utf-8"))
            found[page.name] = faults(con, report)
            for query in read_page(page.with_suffix(".html").read_text("utf-8")).queries:
                con.execute(query).fetchone()
        index = read_page((sample.job.reports / "index.html").read_text(encoding="utf-8"))
        for query in index.queries:
            con.execute(query).fetchone()
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    assert index.queries
