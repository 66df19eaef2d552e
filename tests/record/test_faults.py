"""Faults of disk, memory, files, neighbours: a plain message, an exit code, nothing half-done."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from data.errors import OrchestratorError, ResourceError, WarehouseError
from data.record import disk
from data.record.checks import check_trail
from data.record.disk import lock_path, one_writer, refuse_foreign, swap_folder
from data.record.originals import Originals
from data.record.trail import trail_path
from data.warehouse import landing, snapshot
from data.warehouse.connection import open_memory, open_read_only
from data.warehouse.snapshot import newest_snapshot
from data.warehouse.sources import Source, read_source
from flows import record
from flows.steps import run_steps
from flows.verify_command import verify
from tests.faults.campaign import Figures, Place, _files, campaign
from tests.record.conftest import SECOND_NIGHT, Nights, small_feed

ROOT = Path(__file__).parents[2]


def quiet(_: object) -> None:
    pass


def published(nights: Nights) -> tuple[dict[str, str], Path | None]:
    return _files(nights.job.reports), newest_snapshot(nights.job.warehouse)


def is_sound(nights: Nights) -> bool:
    return verify(nights.job.warehouse, nights.job.reports).faults == ()


# --- two at once -----------------------------------------------------------------------------


def test_a_second_run_says_who_holds_the_warehouse(copied: Nights) -> None:
    job = copied.job
    before = published(copied)
    for held in (job.warehouse, job.reports):
        with (
            one_writer(lock_path(held), str(held)),
            pytest.raises(
                WarehouseError, match=rf"another run holds it \(process {os.getpid()}\)"
            ) as told,
        ):
            run_steps(job, quiet)
        assert told.value.exit_code == 14
    assert published(copied) == before


def test_a_lock_ends_with_the_process_that_held_it(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    code = (
        "import sys; from pathlib import Path; from data.record.disk import one_writer\n"
        "with one_writer(Path(sys.argv[1]), 'it'): print('held', flush=True); sys.stdin.readline()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lock)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with pytest.raises(WarehouseError, match="another run"), one_writer(lock, "it"):
            pass
        child.kill()
    with one_writer(lock, "it"):
        pass


# --- publication -----------------------------------------------------------------------------

STEPS = {
    "copy": (snapshot, "prepare"),
    "pages settled": (disk, "settle_folder"),
    "copy shown": (snapshot, "reveal"),
    "reports shown": (disk, "swap_folder"),
}


@pytest.mark.parametrize(
    ("step", "after"),
    [
        pytest.param(
            step,
            after,
            marks=() if step == "reports shown" and not after else pytest.mark.slow,
            id=f"{'behind' if after else 'before'} {step}",
        )
        for step in STEPS
        for after in (False, True)
    ],
)
def test_a_fault_at_any_step_of_publication_shows_the_old_or_the_new_whole(
    copied: Nights, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    job = copied.job
    new = published(copied)
    # Back to what the first night showed, the second one still to come.
    shutil.rmtree(job.reports)
    shutil.copytree(copied.first_reports, job.reports)
    old = _files(job.reports)
    module, name = STEPS[step]
    real = getattr(module, name)

    def fail(*values: object) -> None:
        if after:
            real(*values)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(module, name, fail)
    with pytest.raises(OSError, match="Input/output"):
        run_steps(job, quiet)
    assert _files(job.reports) in (old, new[0])
    assert is_sound(copied)
    monkeypatch.undo()
    run_steps(job, quiet)
    assert _files(job.reports) == new[0]
    assert is_sound(copied)
    left = [path.name for path in copied.folder.iterdir() if "unfinished" in path.name]
    assert not left


def test_folders_are_swapped_where_the_system_cannot_do_it_in_one_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "_exchange", lambda one, other: False)
    for text in ("one", "two", "three"):
        ready = tmp_path / ".reports.unfinished"
        ready.mkdir()
        (ready / "index.html").write_text(text)
        swap_folder(ready, tmp_path / "reports")
        assert (tmp_path / "reports" / "index.html").read_text() == text
        assert [path.name for path in tmp_path.iterdir()] == ["reports"]


def test_a_file_in_the_place_of_the_reports_is_refused(tmp_path: Path) -> None:
    (tmp_path / "reports").touch()
    with pytest.raises(Exception, match="is no folder"):
        refuse_foreign(tmp_path / "reports", frozenset())


def test_what_is_published_is_closed_to_others(nights: Nights) -> None:
    for path in (nights.job.reports, *nights.job.reports.rglob("*"), nights.second.snapshot):
        assert path.stat().st_mode & 0o007 == 0, path


# --- files that change -----------------------------------------------------------------------


@pytest.mark.parametrize("fate", ["changed", "vanished"])
def test_a_file_that_does_not_hold_still_is_set_aside_and_read_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fate: str
) -> None:
    path = tmp_path / "sites.csv"
    text = "gln,name\n9521234000013,Depot\n"
    path.write_text(text, encoding="utf-8")
    keep = Originals.keep

    def disturb(self: Originals, source: Path) -> str:
        source.unlink() if fate == "vanished" else source.write_text("gln,name\n", "utf-8")
        return keep(self, source)

    with open_memory() as con:
        monkeypatch.setattr(Originals, "keep", disturb)
        originals = Originals.of(tmp_path / "w.duckdb")
        [receipt] = landing.land(con, [path], SECOND_NIGHT, originals=originals)
        assert receipt.status == "set_aside"
        assert receipt.message == f"the file {fate} while it was read"
        monkeypatch.undo()
        path.write_text(text, encoding="utf-8")
        [receipt] = landing.land(con, [path], SECOND_NIGHT, originals=originals)
        assert receipt.status == "landed"
        assert con.execute("SELECT count(*) FROM raw_site").fetchall() == [(1,)]


def test_a_file_that_vanishes_while_no_copy_is_kept_is_set_aside_alone(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for name in ("a", "b", "c"):
        text = f"gln,name\n9521234000013,Depot {name}\n"
        (inbox / f"{name}.csv").write_text(text, encoding="utf-8")

    def read(path: Path) -> Source:
        if path.name == "b.csv":
            path.unlink()  # between its hash and its reading
        return read_source(path)

    with open_memory() as con:
        receipts = landing.land(con, [inbox], SECOND_NIGHT, read=read)
        assert [one.status for one in receipts] == ["landed", "set_aside", "landed"]
        assert receipts[1].message == "the file vanished while it was read"
        assert con.execute("SELECT count(*) FROM raw_site").fetchall() == [(2,)]


def test_a_document_is_read_from_the_kept_copy(tmp_path: Path) -> None:
    path = tmp_path / "sites.csv"
    path.write_text("gln,name\n9521234000013,Depot\n", encoding="utf-8")
    originals = Originals.of(tmp_path / "w.duckdb")

    def change(state: landing.LandingProgress) -> None:
        path.write_text("gln,name\n9521234000013,Other\n", encoding="utf-8")

    with open_memory() as con:
        landing.land(con, [path], SECOND_NIGHT, change, originals=originals)
        assert con.execute("SELECT name FROM raw_site").fetchall() == [("Depot",)]
        [(sha256,)] = con.execute("SELECT sha256 FROM raw_source_file").fetchall()
    assert originals.is_whole(sha256)


# --- disk, memory, clock, warehouse file -----------------------------------------------------


@pytest.mark.parametrize("place", [0, 4096, 300_000])
def test_a_damaged_warehouse_says_so_and_everything_else_stays(copied: Nights, place: int) -> None:
    job, before = copied.job, published(copied)
    text = bytearray(job.warehouse.read_bytes())
    text[place : place + 20_000] = bytes(20_000)
    job.warehouse.write_bytes(text)
    with pytest.raises(WarehouseError, match=r"damaged|cannot be opened|did not open") as told:
        run_steps(job, quiet)
    assert told.value.exit_code == 14
    assert published(copied) == before
    assert is_sound(copied)
    job.warehouse.unlink()
    run_steps(job, quiet)
    # All documents are landed anew, on the clock of this run: pages name that clock, so only
    # what is judged must be the same.
    with open_read_only(newest_snapshot(job.warehouse) or job.warehouse) as con:
        tiers = con.execute("SELECT tier, count(*) FROM lot_risk GROUP BY tier").fetchall()
    assert dict(tiers) == dict(copied.second.tiers)
    assert is_sound(copied)


def test_a_memory_limit_that_is_too_low_says_so(copied: Nights) -> None:
    before = published(copied)
    with pytest.raises(ResourceError, match="memory limit was reached") as told:
        run_steps(replace(copied.job, memory_limit="6MB"), quiet)
    assert told.value.exit_code == 17
    assert published(copied) == before
    run_steps(copied.job, quiet)
    assert is_sound(copied)


def test_a_clock_that_goes_back_does_not_stop_a_run(copied: Nights) -> None:
    early = replace(copied.job.recording, now=lambda: datetime.now(UTC) - timedelta(days=400))
    run_steps(replace(copied.job, recording=early), quiet)
    run_steps(copied.job, quiet)
    actions = [entry.action for entry in record.open_trail(copied.job.warehouse, early).read()]
    assert actions.count("clock") == 1
    assert is_sound(copied)


# The disk is a small one in memory, in a namespace of its own: full, or closed for writing.
SMALL_DISK = """
set -u
mount -t tmpfs -o size=$SIZE small "$PLACE/disk"
run() { "$PYTHON" -c 'from flows.command_line import main; main()' run "$PLACE/inbox" --direct \
    --as-of 2026-06-01T02:00:00Z --warehouse "$PLACE/disk/w.duckdb" --out "$PLACE/disk/reports"; }
if test "$FAULT" = closed; then mount -o remount,ro "$PLACE/disk"; fi
run
echo "code $?"
find "$PLACE/disk" -name 'index.html' -o -name 'w.0*'
mount -o remount,rw,size=300m "$PLACE/disk"
run
echo "code $?"
cp -r "$PLACE/disk" "$PLACE/kept"
"""
NAMESPACE = shutil.which("unshare")


@pytest.mark.slow
@pytest.mark.skipif(NAMESPACE is None, reason="this system has no namespaces")
@pytest.mark.parametrize(
    ("fault", "size", "says"),
    [
        ("full", "128k", "disk is full"),
        ("full", "3m", "disk is full"),
        ("full", "16m", "disk is full"),
        ("full", "36m", "disk is full"),
        ("closed", "300m", "read-only"),
    ],
)
def test_a_full_or_closed_disk_says_so_and_the_next_run_goes_on(
    tmp_path: Path, fault: str, size: str, says: str
) -> None:
    small_feed(tmp_path)
    (tmp_path / "disk").mkdir()
    surroundings = {
        **{"FAULT": fault, "SIZE": size, "PLACE": str(tmp_path), "PYTHON": sys.executable},
        **{"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLUMNS": "300"},
    }
    done = subprocess.run(
        [str(NAMESPACE), "--user", "--map-root-user", "--mount", "sh", "-c", SMALL_DISK],
        check=False,
        cwd=ROOT,
        env=surroundings,
        capture_output=True,
        text=True,
    )
    if "mount" in done.stderr and "code" not in done.stdout:
        pytest.skip("this account may not mount")
    lines = done.stdout.splitlines()
    assert lines[0] == "code 17", done.stderr
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert lines[-1] == "code 0", done.stderr
    assert lines[1].startswith("Read "), "nothing was published before"
    kept = tmp_path / "kept"
    assert verify(kept / "w.duckdb", kept / "reports").faults == ()


@pytest.mark.slow
def test_a_prefect_server_that_is_not_there_says_so(copied: Nights) -> None:
    words = ["run", str(copied.folder / "inbox"), "--as-of", "2026-06-01T02:00:00Z"]
    words += ["--warehouse", str(copied.job.warehouse), "--out", str(copied.job.reports)]
    before = published(copied)
    done = subprocess.run(
        [sys.executable, "-c", "from flows.command_line import main; main()", *words],
        check=False,
        cwd=copied.folder,
        env={
            **{"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLUMNS": "300"},
            **{"HOME": str(copied.folder), "PREFECT_API_URL": "http://127.0.0.1:9/api"},
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 18, done.stderr
    assert "Prefect's server cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr
    assert published(copied) == before


def test_a_prefect_server_that_goes_away_in_a_run_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import batch
    from flows.steps import Job

    def lost(*_: object) -> None:  # a task whose state can no longer be told
        try:
            raise httpx.ConnectError("All connection attempts failed")
        except httpx.ConnectError as error:
            raise RuntimeError("crashed") from error

    monkeypatch.setattr(batch, "run_batch", lost)
    job = Job((tmp_path,), tmp_path / "w.duckdb", tmp_path / "reports", SECOND_NIGHT)
    with pytest.raises(OrchestratorError, match=r"went away .*what was landed stays") as told:
        batch.run_orchestrated(job, quiet)
    assert told.value.exit_code == 18


@pytest.mark.slow
def test_killed_runs_end_as_if_never_killed(tmp_path: Path) -> None:
    (tmp_path / "feed").mkdir()
    small_feed(tmp_path / "feed")
    feed = (tmp_path / "feed" / "inbox", "2026-06-01T02:00:00+00:00")
    *_, figures = campaign(8, 5, tmp_path, feed)
    assert figures.differing == []
    assert figures.half_published == 0
    assert figures.kills == 8


def test_the_campaign_would_notice_a_difference(copied: Nights, tmp_path: Path) -> None:
    from tests.faults import campaign as module

    place = Place(copied.folder, copied.folder / "inbox", "2026-06-01")
    expected = module.state(place)
    figures = Figures(trials=1)
    page = sorted((copied.job.reports / "lots").iterdir())[0]
    page.write_bytes(page.read_bytes() + b" ")
    module._compare(place, expected, figures)
    assert any(page.name in text for text in figures.differing)
    remarks, _ = check_trail(trail_path(copied.job.warehouse))
    assert remarks == []
