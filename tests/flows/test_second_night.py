"""A second night: what was withdrawn, decided or set aside since, and what that changes."""

import json
import shutil
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from data.errors import InputError, NotFoundError, RecordError, SettingsError
from data.record.manifest import find_run, runs_folder
from data.warehouse import suppressions
from data.warehouse.connection import open_read_only, open_warehouse
from data.warehouse.cookbook import ready_query
from data.warehouse.suppressions import Scope
from flows import decide_command, suppress_command
from flows.job import job_of
from flows.record import open_trail
from flows.reproduce_command import reproduce
from flows.settings import load_settings
from flows.steps import Job, Outcome, run_steps
from flows.verify_command import verify
from tests.flows.conftest import job_for
from tests.flows.exchanges import Exchange, Lot, Place, at, flow, network, write, zulu
from tests.flows.test_command_line import touchstone

FIRST = at(60).replace(tzinfo=None)
SECOND = FIRST + timedelta(days=1)
LIMITS = ("2GB", 2)


def quiet(_: object) -> None:
    pass


@dataclass(frozen=True)
class Night:
    """A night behind us: a lot held because one of its packs was sold twice."""

    job: Job
    outcome: Outcome
    lot: Lot
    shop: Place  # where the pack was sold a second time
    sale: dict[str, Any]  # the second sale's event


@pytest.fixture(scope="module")
def first_night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    folder = tmp_path_factory.mktemp("night")
    x = Exchange(1)
    n = network(x)
    lot = x.lot(n.gtin, 24)
    cases = x.cases(lot, n.maker, at(20), 8)
    flow(x, n, cases, at(21), sold=0.5)
    x.sell([lot.packs[0]], n.other, at(50))
    _, sale = x.events[-1]
    write(folder / "inbox", [x])
    job = job_for(folder / "inbox", folder, FIRST)
    return Night(job, run_steps(job, quiet), lot, n.other, sale)


@pytest.fixture
def night(first_night: Night, tmp_path: Path) -> Night:
    """A copy of the night that a test may go on from."""
    shutil.copytree(first_night.job.warehouse.parent, tmp_path, dirs_exist_ok=True)
    outcome = first_night.outcome
    snapshot = tmp_path / outcome.snapshot.name
    return replace(
        first_night,
        job=job_for(tmp_path / "inbox", tmp_path, FIRST),
        outcome=replace(outcome, snapshot=snapshot, index=tmp_path / "reports" / "index.html"),
    )


def again(night: Night, as_of: datetime = SECOND) -> tuple[Job, Outcome]:
    job = replace(night.job, as_of=as_of)
    return job, run_steps(job, quiet)


def withdraw(night: Night) -> None:
    """The shop's partner takes the second sale back, under the same id."""
    words = {"declarationTime": zulu(at(60, 10)), "reason": "incorrect_data"}
    line = json.dumps(night.sale | {"errorDeclaration": words, "recordTime": zulu(at(60, 10))})
    inbox = night.job.inputs[0]
    (inbox / "correction.ndjson").write_text(line + "\n", encoding="utf-8")


def rows(outcome: Outcome, query: str, *values: Any) -> list[dict[str, Any]]:
    with open_read_only(outcome.snapshot) as con:
        cursor = con.execute(query, list(values))
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def of_lot(outcome: Outcome, lot: Lot, view: str = "lot_risk") -> dict[str, Any]:
    query = f"SELECT * FROM {view} WHERE gtin = ? AND lot = ?"  # noqa: S608 - views of ours
    [row] = rows(outcome, query, lot.gtin, lot.number)
    return row


def page(job: Job, outcome: Outcome, lot: Lot) -> str:
    return (job.reports / of_lot(outcome, lot)["report"]).read_text(encoding="utf-8")


def index(job: Job) -> str:
    return (job.reports / "index.html").read_text(encoding="utf-8")


def same_again(job: Job, number: str) -> tuple[str, ...]:
    run = find_run(runs_folder(job.warehouse), number)
    return reproduce(run, job.warehouse, job.reports, LIMITS, quiet).differences


def acts(job: Job, action: str) -> list[Any]:
    entries = open_trail(job.warehouse, job.recording).read()
    return [entry for entry in entries if entry.action == action]


def decide(night: Night, at_: datetime) -> None:
    judgement = decide_command.Judgement(
        night.lot.gtin, night.lot.number, "suspect", "sold twice", "Dr. Öz", at_
    )
    decide_command.decide(judgement, night.job.warehouse, night.job.recording)


def set_aside(night: Night, scope: Scope, at_: datetime) -> None:
    suppress_command.begin(
        night.job.warehouse,
        scope,
        f"{(at_ + timedelta(days=30)).date()}",
        ("the till was <b>tested</b>", "Ann & Co"),
        at_,
        90,
        night.job.recording,
    )


def test_a_first_night_compares_with_nothing_and_a_quiet_one_finds_no_change(night: Night) -> None:
    assert rows(night.outcome, "FROM lot_change") == []
    assert "first run" in index(night.job)
    job, quiet_night = again(night, FIRST + timedelta(minutes=5))
    assert rows(quiet_night, "FROM lot_change") == []
    assert f"No lot is judged otherwise than in run {night.outcome.run_id}" in index(job)
    assert acts(job, "reopen") == []


def test_a_withdrawn_sale_opens_the_lot_again_with_old_and_new_values(night: Night) -> None:
    before = of_lot(night.outcome, night.lot)
    assert before["tier"] == "hold"
    decide(night, FIRST + timedelta(hours=4))
    withdraw(night)
    job, second = again(night)
    after = of_lot(second, night.lot)
    assert after["tier"] == "clear"
    change = of_lot(second, night.lot, "lot_change")
    assert (change["tier_before"], change["tier"]) == ("hold", "clear")
    assert change["findings_standing_before"] == before["findings_standing"]
    assert change["changes"] == ["fallen", "closed", "reopened"]
    assert change["causes"] == ["correction", "decision"]
    assert change["event_ids"] == [night.sale["eventID"]]
    assert change["run_before"] == night.outcome.run_id
    [act] = acts(job, "reopen")
    assert act.object == f"lot:{night.lot.gtin}/{night.lot.number}"
    assert (act.old["tier"], act.new["tier"], act.version) == ("hold", "clear", "decision:1")
    assert act.new["records"] == change["record_ids"]
    assert night.sale["eventID"] in index(job)
    assert "records withdrawn since" in index(job)
    assert verify(job.warehouse, job.reports).faults == ()
    assert same_again(job, "2") == ()
    assert same_again(job, "1") == ()
    # The same night once more: the same bytes, and nothing is opened twice.
    text = index(job)
    again(night)
    assert index(job) == text
    assert len(acts(job, "reopen")) == 1


def test_what_a_person_sets_aside_stays_in_sight_and_in_the_record(night: Night) -> None:
    patterns = {row["pattern"] for row in standing(night.outcome, night.lot)}
    assert patterns
    for pattern in sorted(patterns):
        set_aside(night, Scope(pattern, gtin=night.lot.gtin, lot=night.lot.number), FIRST + HOUR)
    job, second = again(night)
    risk = of_lot(second, night.lot)
    assert (risk["tier"], risk["findings_standing"]) == ("clear", 0)
    assert risk["findings_suppressed"] == len(standing(night.outcome, night.lot))
    found = rows(second, "FROM finding WHERE status = 'suppressed' ORDER BY finding_id")
    then = standing(night.outcome, night.lot)
    kept = ("finding_id", "severity", "tests", "record_ids", "observed", "units")
    assert [[row[k] for k in kept] for row in found] == [[row[k] for k in kept] for row in then]
    text = page(job, second, night.lot)
    assert "Set aside by Ann &amp; Co until" in text
    assert "because the till was &lt;b&gt;tested&lt;/b&gt;" in text
    assert night.lot.number in index(job)
    assert "Set aside by people" in index(job)
    assert [act.actor for act in acts(job, "suppress")] == ["Ann & Co"] * len(patterns)
    assert acts(job, "suppress")[0].reason == "the till was <b>tested</b>"
    assert of_lot(second, night.lot, "lot_change")["causes"] == ["suppression"]
    assert verify(job.warehouse, job.reports).faults == ()
    assert same_again(job, "2") == ()
    # Ended, they stand again; both runs can still be made as they were.
    suppress_command.end(job.warehouse, 1, ("found out", "Bob"), SECOND + HOUR, night.job.recording)
    job, third = again(night, SECOND + timedelta(days=1))
    assert of_lot(third, night.lot)["tier"] != "clear"
    assert of_lot(third, night.lot, "lot_change")["changes"] == ["risen"]
    assert same_again(job, "2") == ()
    assert same_again(job, "3") == ()


HOUR = timedelta(hours=1)


def standing(outcome: Outcome, lot: Lot) -> list[dict[str, Any]]:
    query = "FROM finding WHERE status = 'stands' AND gtin = ? AND lot = ? ORDER BY finding_id"
    return rows(outcome, query, lot.gtin, lot.number)


def test_a_suppression_needs_a_pattern_a_scope_a_near_day_and_words(night: Night) -> None:
    now, lot = FIRST + HOUR, night.lot
    near = date(2026, 3, 31)
    assert near > now.date()
    of_lot_ = Scope("P12", gtin=lot.gtin, lot=lot.number)
    with open_warehouse(night.job.warehouse) as con:

        def refused(
            error: type[Exception],
            says: str,
            scope: Scope = of_lot_,
            until: date = near,
            reason: str = "why",
            person: str = "Ann",
            moment: datetime = now,
        ) -> None:
            with pytest.raises(error, match=says):
                suppressions.plan_begin(con, scope, until, reason, person, moment, 90)

        suppressions.plan_begin(con, of_lot_, near, "why", "Ann", now, 90)
        suppressions.plan_begin(con, of_lot_, now.date(), "why", "Ann", now, 90)
        refused(InputError, "no such pattern", replace(of_lot_, pattern="P99"))
        refused(InputError, "everywhere", Scope("P12"))
        refused(InputError, "--lot needs --gtin", Scope("P12", night.shop.gln, None, lot.number))
        refused(NotFoundError, "no such place", Scope("P12", "9529999999990"))
        refused(NotFoundError, "no such product or lot", replace(of_lot_, lot="L9"))
        refused(InputError, "is past", until=now.date() - timedelta(days=1))
        refused(InputError, "more than 90 days", until=now.date() + timedelta(days=91))
        refused(InputError, "--reason is empty", reason=" ")
        refused(InputError, "--by is empty", person="")
        refused(InputError, "the latest run judged", moment=FIRST)
        assert suppressions.entries(con) == []


def test_a_suppression_is_ended_once(night: Night) -> None:
    job, now = night.job, FIRST + HOUR
    set_aside(night, Scope("P12", site_gln=night.shop.gln), now)
    with pytest.raises(NotFoundError, match="no such suppression"):
        suppress_command.end(job.warehouse, 7, ("why", "Bob"), now + HOUR, job.recording)
    suppress_command.end(job.warehouse, 1, ("why", "Bob"), now + HOUR, job.recording)
    with pytest.raises(InputError, match="ended already"):
        suppress_command.end(job.warehouse, 1, ("why", "Bob"), now + 2 * HOUR, job.recording)
    readable = night.outcome.snapshot
    assert [*suppress_command.listed(job.warehouse, readable, now + 2 * HOUR, False)] == [
        "Nothing is set aside."
    ]
    told = "\n".join(suppress_command.listed(job.warehouse, readable, now + 2 * HOUR, True))
    assert f"P12 at {night.shop.gln}" in told
    assert "by Ann & Co" in told
    assert "ended by Bob" in told


@pytest.mark.slow
def test_a_run_cannot_be_made_again_over_a_changed_judgement(night: Night) -> None:
    withdraw(night)
    job, second = again(night)
    with open_warehouse(second.snapshot) as con:
        con.execute("UPDATE raw_lot_judgement SET tier = 'watch' WHERE tier = 'hold'")
    with pytest.raises(RecordError, match="is changed"):
        same_again(job, "2")


@pytest.mark.slow
def test_a_changed_threshold_says_who_changed_it_and_why(night: Night, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    text = "require_reason = true\n[patterns.P01]\ndistance_km = 80\n"
    file.write_text(text, encoding="utf-8")
    places = {"warehouse": night.job.warehouse, "reports": night.job.reports}
    with pytest.raises(SettingsError, match=r"P01\.distance_km.*reason ="):
        run_steps(job_of(load_settings(file, **places), night.job.inputs, SECOND), quiet)
    file.write_text(text + 'reason = "islands are near"\nby = "Ann"\n', encoding="utf-8")
    chosen = load_settings(file, **places)
    assert chosen.patterns == {"P01": {"distance_km": 80.0}}
    job = job_of(chosen, night.job.inputs, SECOND)
    second = run_steps(job, quiet)
    [act] = acts(job, "configure")
    assert (act.old, act.new) == (50, {"value": 80, "decided_by": "Ann"})
    assert act.reason == "islands are near"
    [changed] = [
        row for row in rows(second, ready_query("changed_thresholds").text) if row["is_changed"]
    ]
    assert changed["name"] == "P01.distance_km"
    assert (changed["reason"], changed["decided_by"]) == ("islands are near", "Ann")
    assert same_again(job, "2") == ()
    run_steps(replace(job, as_of=SECOND + HOUR), quiet)
    assert len(acts(job, "configure")) == 1, "told once, when it changed"


@pytest.mark.slow
def test_the_command_sets_aside_lists_and_refuses_in_plain_words(night: Night) -> None:
    there = ("--warehouse", str(night.job.warehouse), "--as-of", zulu(at(60, 20)))
    scope = ("--pattern", "p12", "--gtin", night.lot.gtin[1:], "--lot", night.lot.number)
    words = ("--reason", "the till was tested", "--by", "Ann", "--until", "2026-03-31")
    for given, code, says in (
        ((*scope, *words[2:]), 2, "--reason"),
        (("--pattern", "P99", *scope[2:], *words), 11, "no such pattern"),
        ((*scope, *words[:-1], "2026-03-01"), 11, "is past"),
        ((*scope, *words[:-1], "soon"), 11, "not a day"),
        ((*scope, *words[:4]), 11, "nothing is set aside for ever"),
        (words, 11, "--pattern"),
        ((*words, "--end", "1"), 11, "stands alone"),
    ):
        refused = touchstone("suppress", *given, *there)
        assert refused.returncode == code, refused.stderr
        assert says in refused.stderr
    done = touchstone("suppress", *scope, *words, *there)
    assert done.returncode == 0, done.stderr
    told = touchstone("suppressions", *there)
    assert f"P12 of {night.lot.gtin} lot {night.lot.number}, until 2026-03-31" in told.stdout
    assert "by Ann" in told.stdout
    assert "covers 1 findings in 1 lots" in told.stdout
    ended = touchstone("suppress", "--end", "1", *words[:4], *there[:3], zulu(at(60, 21)))
    assert ended.returncode == 0, ended.stderr
    assert "Nothing is set aside" in touchstone("suppressions", *there).stdout
