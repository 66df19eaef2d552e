"""Runs as they are recorded: verified, made again after later data, changes named."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.errors import InputError, RecordError, SettingsError
from data.record.known import known_files
from data.record.manifest import NAME, find_run, runs_folder
from data.record.originals import Originals
from data.record.trail import Trail, trail_path
from data.warehouse.connection import open_memory
from data.warehouse.landing import land
from data.warehouse.landing_again import land_again
from data.warehouse.sources import read_source
from flows.record import Recording, open_trail
from flows.reproduce_command import _reader, reproduce, write_page
from flows.settings import Settings
from flows.steps import Job, limit_words, run_steps
from flows.verify_command import Verdict, verify
from reports.write import lot_files
from tests.data.epcis_samples import json_document, json_event
from tests.record.conftest import FIRST_NIGHT, Nights, small_feed

ROOT = Path(__file__).parents[2]
LIMITS = ("2GB", 2)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def check(job: Job, run: str | None = None) -> Verdict:
    return verify(job.warehouse, job.reports, run)


def trail(job: Job) -> Trail:
    return open_trail(job.warehouse, job.recording)


def quiet(_: object) -> None:
    pass


def test_the_record_of_two_nights_holds(nights: Nights) -> None:
    verdict = check(nights.job)
    assert verdict.remarks == ()
    assert verdict.runs == 2
    assert verdict.documents > 50
    assert check(nights.job, nights.first.run_id).faults == ()


def test_the_trail_tells_every_file_run_tier_and_publication(nights: Nights) -> None:
    entries = trail(nights.job).read()
    actions = [entry.action for entry in entries]
    assert actions[0] == "begin"
    assert actions.count("start") == actions.count("finish") == 2
    assert "fail" not in actions
    landed = {entry.version for entry in entries if entry.action == "ingest"}
    assert landed == {one["sha256"] for one in find_run(_runs(nights), "2").fields["files"]}
    assert any(entry.new == "hold" for entry in entries if entry.action == "score")


def _runs(nights: Nights) -> Path:
    return runs_folder(nights.job.warehouse)


def test_no_serial_and_no_partner_is_named_in_the_trail(nights: Nights) -> None:
    text = trail_path(nights.job.warehouse).read_text(encoding="utf-8")
    products = (nights.folder / "inbox").glob("*")
    names = {path.name for path in products}
    assert not [name for name in names if name in text]
    sites = next(path for path in (nights.folder / "inbox").iterdir() if "site" in path.name)
    partners = {line.split(",")[1] for line in sites.read_text("utf-8").splitlines()[1:]}
    assert partners
    assert not [partner for partner in partners if len(partner) > 3 and partner in text]


def test_a_run_made_again_after_later_data_gives_the_old_bytes(nights: Nights) -> None:
    run = find_run(_runs(nights), nights.first.run_id)
    result = reproduce(run, nights.job.warehouse, nights.job.reports, LIMITS, quiet)
    assert result.differences == ()
    assert result.changed == ()
    assert result.outputs == len(files_of(nights.first_reports)) - 1  # the manifest
    assert sorted(path.name for path in nights.folder.iterdir() if "again" in path.name) == []


def test_a_run_made_again_names_the_first_difference(copied: Nights) -> None:
    run = find_run(_runs(copied), "2")
    page = sorted((copied.job.reports / "lots").iterdir())[0]
    text = page.read_bytes()
    page.write_bytes(text[:2000] + b"#" + text[2001:])
    name = f"lots/{page.name}"
    other = replace(run, fields={**run.fields, "outputs": {**run.outputs, name: "0" * 64}})
    result = reproduce(other, copied.job.warehouse, copied.job.reports, LIMITS, quiet)
    [difference] = result.differences
    assert difference.startswith(f"{name}: differs")


def test_a_run_needs_the_documents_as_they_were(copied: Nights) -> None:
    run = find_run(_runs(copied), "1")
    kept = Originals.of(copied.job.warehouse).path(run.fields["files"][3]["sha256"])
    text = kept.read_bytes()
    kept.write_bytes(text + b" ")
    with pytest.raises(RecordError, match="not what it was"):
        reproduce(run, copied.job.warehouse, copied.job.reports, LIMITS, quiet)


def test_a_report_as_it_would_have_looked_then_is_what_was_published_then(copied: Nights) -> None:
    job = copied.job
    chosen = Settings(warehouse=job.warehouse, reports=job.reports)
    pages = sorted((copied.first_reports / "lots").iterdir())
    index = json.loads(_ask(copied, "SELECT gtin, lot, report FROM lot_risk"))
    by_page = {Path(report).name: (gtin, lot) for gtin, lot, report in index}
    page = next(page for page in pages if page.name in by_page)
    again = write_page(*by_page[page.name], chosen, Recording("officer"), FIRST_NIGHT, quiet)
    published = lot_files(page)
    assert {".csv", ".json"} < {path.suffix for path in published}
    assert [path.read_bytes() for path in lot_files(again)] == [
        path.read_bytes() for path in published
    ]
    told = [entry.object for entry in trail(job).read()[-len(published) :]]
    assert told == [f"page:lots/{path.name}" for path in published]
    assert check(job).faults == ()


def _ask(nights: Nights, query: str) -> str:
    from data.warehouse.connection import open_read_only

    with open_read_only(nights.second.snapshot) as con:
        return json.dumps(con.execute(query).fetchall())


def test_a_report_made_again_is_recorded_and_verifies(copied: Nights) -> None:
    job = copied.job
    chosen = Settings(warehouse=job.warehouse, reports=job.reports)
    gtin, lot, _ = json.loads(_ask(copied, "SELECT gtin, lot, tier FROM lot_risk"))[0]
    write_page(gtin, lot, chosen, Recording("officer"), None, quiet)
    last = trail(job).read()[-1]
    assert (last.action, last.actor) == ("export", "officer")
    assert check(job).faults == ()


def recorded_files(nights: Nights, kind: str) -> list[Path]:
    folder = nights.folder
    if kind == "copy":
        return [nights.second.snapshot]
    if kind == "trail":
        return [trail_path(nights.job.warehouse)]
    part = {"report": "reports", "manifest": "w.runs", "landed file": "w.originals"}[kind]
    return sorted(path for path in (folder / part).rglob("*") if path.is_file())


@pytest.mark.parametrize("kind", ["trail", "landed file", "report", "manifest", "copy"])
@given(data=st.data())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_flipped_bit_of_anything_recorded_is_found_and_named(
    nights: Nights, kind: str, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(recorded_files(nights, kind)))
    whole = path.read_bytes()
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    text = bytearray(whole)
    text[bit // 8] ^= 1 << bit % 8
    try:
        path.write_bytes(text)
        faults = check(nights.job).faults
    finally:
        path.write_bytes(whole)
    assert faults
    named = "entry" if path == trail_path(nights.job.warehouse) else path.name
    assert any(named in fault.text or "last line" in fault.text for fault in faults), faults


def test_a_document_is_landed_again_under_the_limit_it_was_landed_under(tmp_path: Path) -> None:
    path, originals = tmp_path / "a.json", Originals.of(tmp_path / "w.duckdb")
    events = [json_event(epcList=[f"urn:{n}" for n in range(count)]) for count in (2, 3)]
    path.write_bytes(json_document(*events))
    for most in (2, 3):
        with open_memory() as con, open_memory() as again:
            read = partial(read_source, max_epcs=most)
            [receipt] = land(con, [path], FIRST_NIGHT, None, read, originals, limit_words(most))
            assert receipt.set_aside_count == 3 - most
            assert land_again(again, known_files(con), originals, partial(_reader, originals)) == []


def test_missing_and_added_files_are_named(copied: Nights) -> None:
    lots = copied.job.reports / "lots"
    gone = sorted(lots.iterdir())[0]
    gone.unlink()
    (lots / "more.html").write_text("x", encoding="utf-8")
    texts = [fault.text for fault in check(copied.job).faults]
    assert any(gone.name in text and "missing" in text for text in texts)
    assert any("more.html" in text and "no run wrote it" in text for text in texts)


def test_changed_thresholds_are_recorded_with_old_new_and_reason(copied: Nights) -> None:
    asked = replace(copied.job.recording, needs_reason=True)
    job = replace(copied.job, thresholds={"P01": {"distance_km": 80.0}}, recording=asked)
    with pytest.raises(SettingsError, match=r"P01\.distance_km.*change_reason"):
        run_steps(job, quiet)
    assert trail(job).read()[-1].new == {"kind": "SettingsError", "exit_code": 13}
    said = replace(asked, reason="islands are nearer than they look")
    run_steps(replace(job, recording=said), quiet)
    [change] = [entry for entry in trail(job).read() if entry.action == "configure"]
    assert change.object == "threshold:P01.distance_km"
    assert (change.old, change.new) == (50, 80)
    assert change.reason == "islands are nearer than they look"
    assert check(job).faults == ()


def test_a_run_repeated_exactly_has_one_manifest_and_the_same_bytes(copied: Nights) -> None:
    before = files_of(copied.job.reports), files_of(_runs(copied))
    run_steps(copied.job, quiet)
    assert (files_of(copied.job.reports), files_of(_runs(copied))) == before


def test_a_removed_trail_shows_in_the_new_one(copied: Nights) -> None:
    trail_path(copied.job.warehouse).unlink()
    run_steps(copied.job, quiet)
    entries = trail(copied.job).read()
    assert entries[0].new == {"warehouse": True, "runs": 2}
    late = [entry for entry in entries if entry.action == "ingest" and entry.reason]
    assert late, "files of the first night are recorded again, and said to be"


def test_a_broken_trail_stops_the_next_run_before_it_touches_anything(copied: Nights) -> None:
    path = trail_path(copied.job.warehouse)
    path.write_bytes(path.read_bytes().replace(b'"night"', b'"knight"', 1))
    before = files_of(copied.job.reports)
    with pytest.raises(RecordError, match="entry 1"):
        run_steps(copied.job, quiet)
    assert files_of(copied.job.reports) == before


def test_a_folder_with_other_things_in_it_is_never_replaced(copied: Nights) -> None:
    mine = copied.job.reports / "my notes.txt"
    mine.write_text("keep", encoding="utf-8")
    with pytest.raises(InputError, match="my notes"):
        run_steps(copied.job, quiet)
    assert mine.read_text(encoding="utf-8") == "keep"


@pytest.mark.slow
def test_folders_locales_zones_and_users_give_the_same_bytes(tmp_path: Path) -> None:
    results = []
    for name, umask, surroundings in (
        ("a", 0o022, {"LC_ALL": "C", "LANG": "C", "TZ": "UTC", "USER": "ann",
                      "PYTHONHASHSEED": "1"}),
        ("other folder/b ü", 0o077, {
            "LC_ALL": "tr_TR.UTF-8",
            "LANG": "de_DE.UTF-8",
            "TZ": "Pacific/Chatham",
            "USER": "bob",
            "PYTHONHASHSEED": "2",
        }),
    ):  # fmt: skip
        folder = tmp_path / name
        (folder / "home").mkdir(parents=True)
        small_feed(folder)
        surroundings["HOME"] = str(folder / "home")
        words = ["run", "inbox", "--direct", "--as-of", "2026-06-01T02:00:00Z"]
        words += ["--warehouse", "w.duckdb", "--out", "reports"]
        subprocess.run(
            [sys.executable, "-c", "from flows.command_line import main; main()", *words],
            check=True,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **surroundings},
            stdout=subprocess.DEVNULL,
            umask=umask,
        )
        results.append({**files_of(folder / "reports"), **files_of(folder / "w.runs")})
        shutil.rmtree(folder / "inbox")
    assert results[0] == results[1]
    assert NAME in results[0]
