"""A drop folder: unfinished files wait, finished ones may move away, none is read twice."""

import json
import os
import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from data.errors import InputError, SettingsError
from flows.inbox import Inbox, moments
from flows.job import job_of
from flows.record import recorded
from flows.settings import load_settings
from flows.steps import Job, Landed, land_files

AT = datetime(2026, 1, 5)
OLD = time.time() - 3600


def deliver(path: Path, number: int = 1, age_s: float = 3600) -> None:
    event = {
        "type": "ObjectEvent",
        "eventTime": f"2026-01-01T10:00:{number:02}Z",
        "eventTimeZoneOffset": "+00:00",
        "epcList": [f"urn:epc:id:sgtin:9521234.000001.S{number}"],
        "action": "OBSERVE",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(event) + "\n", encoding="utf-8")
    os.utime(path, (time.time() - age_s,) * 2)


def job_with(tmp_path: Path, **inbox: object) -> Job:
    settings = load_settings(warehouse=tmp_path / "w" / "t.duckdb", **inbox)
    return job_of(settings, [tmp_path / "in"], AT)


def landed_by(job: Job) -> Landed:
    with recorded(job.warehouse, job.recording) as trail:
        return land_files(job, trail, lambda _: None)


def names(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_file_still_being_written_is_left_for_the_next_run(tmp_path: Path) -> None:
    inbox = tmp_path / "in"
    deliver(inbox / "partner a" / "old.json", 1)
    deliver(inbox / "partner b" / "fresh.json", 2, age_s=5)
    deliver(inbox / "copying.json.part", 3)
    deliver(inbox / "copying.TMP", 4)
    deliver(inbox / ".hidden.json", 5)
    job = job_with(tmp_path, settle_s=60)
    landed = landed_by(job)
    assert (landed.files, landed.read, landed.waiting) == (1, 1, 3)
    os.utime(inbox / "partner b" / "fresh.json", (OLD, OLD))
    (inbox / "copying.json.part").rename(inbox / "copying.json")
    landed = landed_by(job)
    assert (landed.files, landed.known, landed.waiting) == (2, 1, 1)


def test_a_file_that_is_named_does_not_wait(tmp_path: Path) -> None:
    deliver(tmp_path / "in" / "fresh.json", age_s=0)
    job = job_with(tmp_path, settle_s=60, move_done=tmp_path / "done")
    landed = landed_by(replace(job, inputs=(tmp_path / "in" / "fresh.json",)))
    assert (landed.files, landed.waiting) == (1, 0)
    assert names(tmp_path / "in") == ["fresh.json"]


def test_files_are_left_where_they_are_unless_folders_are_named(tmp_path: Path) -> None:
    deliver(tmp_path / "in" / "a.json")
    landed_by(job_with(tmp_path))
    assert names(tmp_path / "in") == ["a.json"]


def test_what_is_landed_or_set_aside_moves_away_under_its_own_name(tmp_path: Path) -> None:
    inbox, done, odd = (tmp_path / name for name in ("in", "done", "odd"))
    job = job_with(tmp_path, move_done=done, move_set_aside=odd)
    deliver(inbox / "partner a" / "1.json", 1)
    (inbox / "letter.txt").write_text("Dear all")
    deliver(inbox / "partner a" / "2.json.part", 2)
    landed_by(job)
    assert names(inbox) == ["partner a/2.json.part"]
    assert names(done) == ["in/partner a/1.json"]
    assert names(odd) == ["in/letter.txt"]
    # The same file again, and another one of its name.
    shutil.copy(done / "in" / "partner a" / "1.json", inbox / "partner a" / "again.json")
    deliver(inbox / "partner a" / "1.json", 7)
    landed = landed_by(job)
    assert (landed.files, landed.known) == (1, 1)
    assert names(done) == ["in/partner a/" + n for n in ("1.2.json", "1.json", "again.json")]


def test_a_folder_that_cannot_take_files_costs_nothing_but_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    deliver(tmp_path / "in" / "a.json")
    (tmp_path / "done").write_text("a file, not a folder")
    landed = landed_by(job_with(tmp_path, move_done=tmp_path / "done"))
    assert landed.files == 1
    assert names(tmp_path / "in") == ["a.json"]
    assert "1 files could not be moved" in caplog.text


def test_moving_into_the_inbox_itself_is_refused(tmp_path: Path) -> None:
    deliver(tmp_path / "in" / "a.json")
    with pytest.raises(SettingsError, match=r"move_done: .* lies inside"):
        landed_by(job_with(tmp_path, move_done=tmp_path / "in" / "done"))
    assert Inbox() == job_with(tmp_path).inbox


def test_a_missed_night_is_made_of_what_had_arrived_by_then(tmp_path: Path) -> None:
    inbox = tmp_path / "in"
    deliver(inbox / "first.json", 1, age_s=7200)
    deliver(inbox / "second.json", 2, age_s=600)
    missed = datetime.fromtimestamp(time.time() - 3600, UTC)
    before = landed_by(job_with(tmp_path, arrived_by=missed))
    assert (before.files, before.waiting) == (1, 1)
    assert landed_by(job_with(tmp_path)).files == 1


def test_moments_of_a_backfill_include_both_ends() -> None:
    first, last = datetime(2026, 1, 1, 2, tzinfo=UTC), datetime(2026, 1, 3, 2, tzinfo=UTC)
    assert [moment.day for moment in moments(first, last, 24)] == [1, 2, 3]
    with pytest.raises(InputError, match="earlier than --from"):
        list(moments(last, first, 24))
