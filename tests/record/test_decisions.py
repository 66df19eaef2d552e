"""Decisions and cases over several nights: recorded, cited by the next run, and known by time."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from data.errors import InputError, NotFoundError, WarehouseError
from data.record.disk import lock_path, one_writer
from data.record.manifest import find_run, runs_folder
from data.record.trail import trail_path
from data.warehouse.connection import open_read_only, open_warehouse
from flows import case_command, decide_command, sign_command
from flows.decide_command import Judgement, decide
from flows.record import Recording, open_trail
from flows.reproduce_command import reproduce
from flows.sign_command import Signature, sign_second, withdraw_case, withdraw_decision
from flows.similar_command import similar_lines
from flows.steps import Job, run_steps
from flows.verify_command import verify
from tests.record.conftest import SECOND_NIGHT, Nights

DAY = timedelta(days=1)
OFFICER = Recording("officer", now=lambda: datetime(2026, 8, 1, 9, tzinfo=UTC))


def quiet(_: object) -> None:
    pass


def rows(warehouse: Path, query: str, *values: object) -> list[tuple[object, ...]]:
    with open_read_only(warehouse) as con:
        return con.execute(query, list(values)).fetchall()


def page_of(warehouse: Path, lot: tuple[str, str]) -> str:
    query = "SELECT report FROM lot_risk WHERE gtin = ? AND lot = ?"
    return str(rows(warehouse, query, *lot)[0][0])


def suspects(nights: Nights) -> list[tuple[str, str]]:
    found = rows(nights.second.snapshot, "SELECT gtin, lot FROM lot_risk WHERE tier = 'hold'")
    return [(str(gtin), str(lot)) for gtin, lot in found]


def judge(
    nights: Nights, lot: tuple[str, str], outcome: str = "illegitimate", **other: object
) -> decide_command.Recorded:
    """Decide; a second person signs at once where one is needed."""
    done = propose(nights, lot, outcome, **other)
    if done.proposal:
        sign(nights, lot, done.decision.decided_at)
    return done


def propose(
    nights: Nights, lot: tuple[str, str], outcome: str = "illegitimate", **other: object
) -> decide_command.Recorded:
    said = {"reason": "seals differ from the maker's", "by": "R. Okafor", "at": SECOND_NIGHT + DAY}
    return decide(Judgement(*lot, outcome, **(said | other)), nights.job.warehouse, OFFICER)


def sign(
    nights: Nights,
    lot: tuple[str, str],
    at: datetime,
    by: str = "J. Lind",
    number: int | None = None,
) -> sign_command.Signed:
    signature = Signature(by, "I saw the laboratory's letter", at)
    return sign_second(*lot, number, signature, nights.job.warehouse, OFFICER)


def run_again(nights: Nights, as_of: datetime) -> Job:
    job = replace(nights.job, as_of=as_of)
    run_steps(job, quiet)
    return job


def same_again(job: Job, run: str) -> None:
    found = find_run(runs_folder(job.warehouse), run)
    result = reproduce(found, job.warehouse, job.reports, ("2GB", 2), quiet)
    assert result.differences == ()


def test_a_decision_is_recorded_with_the_run_and_page_it_rests_on(copied: Nights) -> None:
    lot = suspects(copied)[0]
    done = judge(copied, lot, "suspect")
    last = open_trail(copied.job.warehouse, OFFICER).read()[-1]
    assert (last.action, last.actor, last.run) == ("decide", "officer", copied.second.run_id)
    assert last.object == f"lot:{lot[0]}/{lot[1]}"
    assert last.reason == "seals differ from the maker's"
    manifest = find_run(runs_folder(copied.job.warehouse), copied.second.run_id)
    assert last.new["report"] == manifest.outputs[page_of(copied.second.snapshot, lot)]
    assert done.decision.decision_id == 1
    text = "\n".join(decide_command.lines(done))
    assert "touchstone case show own-0001" in text
    assert verify(copied.job.warehouse, copied.job.reports).faults == ()


@pytest.mark.slow
def test_later_and_late_decisions_leave_the_runs_before_as_they_were(copied: Nights) -> None:
    lots = suspects(copied)
    for lot in lots:
        judge(copied, lot)
    judge(copied, lots[0], "cleared", at=SECOND_NIGHT + 2 * DAY, reason="the seals were new")
    # Told late: it was decided before the second night, which did not know of it.
    judge(copied, lots[1], "cleared", at=SECOND_NIGHT - DAY, reason="an old note was found")
    job = run_again(copied, SECOND_NIGHT + 3 * DAY)
    index = (job.reports / "index.html").read_text(encoding="utf-8")
    assert f"{len(lots)} lots are decided by people" in index
    page = (job.reports / page_of(job.warehouse, lots[0])).read_text(encoding="utf-8")
    assert "illegitimate (replaced)" in page
    assert "cleared by R. Okafor on 2026-06-03, because: the seals were new" in page
    same_again(job, "2")
    same_again(job, "3")
    assert verify(job.warehouse, job.reports).faults == ()


def test_a_run_knows_only_what_was_decided_by_the_time_it_looks_back_from(copied: Nights) -> None:
    judge(copied, suspects(copied)[0], at=SECOND_NIGHT + 5 * DAY)
    job = run_again(copied, SECOND_NIGHT + DAY)
    assert rows(job.warehouse, "FROM find_decision") == []
    assert rows(job.warehouse, "FROM cited_case WHERE kind = 'own'") == []
    ids = {find_run(runs_folder(job.warehouse), "3").run_id}
    job = run_again(copied, SECOND_NIGHT + 6 * DAY)
    assert len(rows(job.warehouse, "FROM find_decision")) == 1
    assert find_run(runs_folder(job.warehouse), "4").run_id not in ids


@pytest.mark.slow
def test_a_decision_makes_another_run_and_the_same_decisions_the_same(copied: Nights) -> None:
    as_of = SECOND_NIGHT + 2 * DAY
    run_again(copied, as_of)
    judge(copied, suspects(copied)[0])
    run_again(copied, as_of)
    job = run_again(copied, as_of)
    runs = [find_run(runs_folder(job.warehouse), number) for number in ("3", "4")]
    assert runs[0].run_id != runs[1].run_id
    assert len(list(runs_folder(job.warehouse).iterdir())) == 4  # the last one once only


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"lot": "no such lot"}, NotFoundError, "no run has judged such a lot"),
        ({"reason": "  "}, InputError, "--reason is empty"),
        ({"by": ""}, InputError, "--by is empty"),
        ({"reason": "a\nb"}, InputError, "control characters"),
        ({"reason": "x" * 2001}, InputError, "2,000 at most"),
        ({"outcome": "guilty"}, InputError, "choose cleared, suspect, illegitimate"),
        ({"at": datetime(2027, 1, 1)}, InputError, "yet to come"),
    ],
)
def test_a_decision_that_says_too_little_is_refused(copied, change, error, said) -> None:
    gtin, lot = suspects(copied)[0]
    whole = Judgement(gtin, lot, "cleared", "looked", "R. Okafor", SECOND_NIGHT)
    with pytest.raises(error, match=said):
        decide(replace(whole, **change), copied.job.warehouse, OFFICER)
    assert rows(copied.job.warehouse, "FROM raw_decision") == []
    actions = [e.action for e in open_trail(copied.job.warehouse, OFFICER).read()]
    assert "decide" not in actions


def test_while_a_batch_holds_the_warehouse_a_decision_waits(copied: Nights) -> None:
    lot = suspects(copied)[0]
    warehouse = copied.job.warehouse
    with (
        one_writer(lock_path(warehouse), str(warehouse)),
        pytest.raises(WarehouseError, match="another run holds it"),
    ):
        judge(copied, lot)
    assert judge(copied, lot).decision.decision_id == 1


def test_a_trail_that_cannot_be_written_leaves_no_decision(copied: Nights, monkeypatch) -> None:
    from data.record.trail import Trail

    def refuse(self: Trail, acts: object) -> None:
        raise WarehouseError("full")

    monkeypatch.setattr(Trail, "append", refuse)
    with pytest.raises(WarehouseError, match="full"):
        judge(copied, suspects(copied)[0])
    assert rows(copied.job.warehouse, "FROM raw_decision") == []
    assert rows(copied.job.warehouse, "FROM raw_case WHERE kind = 'own'") == []


def test_a_decision_slipped_in_or_changed_behind_the_record_is_named(copied: Nights) -> None:
    judge(copied, suspects(copied)[0])
    with open_warehouse(copied.job.warehouse) as con:
        con.execute("UPDATE raw_decision SET reason = 'paid'")
        con.execute(
            "INSERT INTO raw_decision SELECT * REPLACE (9 AS decision_id) FROM raw_decision"
        )
    job = run_again(copied, SECOND_NIGHT + 2 * DAY)
    texts = [fault.text for fault in verify(job.warehouse, job.reports).faults]
    assert any("decision 1: is not what was decided" in text for text in texts)
    assert any("decision 9: the trail knows no such decision" in text for text in texts)


def exported(nights: Nights, with_names: bool) -> list[dict[str, object]]:
    path = nights.folder / f"cases-{with_names}.jsonl"
    case_command.export(path, with_names, nights.job.warehouse, OFFICER)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[1:]]


def test_exported_cases_hold_no_serial_and_names_only_where_asked(copied: Nights) -> None:
    lot = suspects(copied)[0]
    [(serial, partner)] = rows(
        copied.second.snapshot,
        "SELECT min(serial), (SELECT min(name) FROM partner) FROM item_event WHERE lot = ?",
        lot[1],
    )
    assert serial
    assert partner
    judge(
        copied,
        lot,
        reason=f"{partner} returned {serial}, urn:epc:id:sgtin:4012345.012345.99 and (21)77",
    )
    [case] = exported(copied, False)
    assert case["mechanism"] == "[name] returned [serial], [serial] and [serial]"
    assert case["outcome"] == "illegitimate"
    assert str(serial) not in json.dumps(case)
    [named] = exported(copied, True)
    assert named["mechanism"] == f"{partner} returned [serial], [serial] and [serial]"
    assert named["outcome"] == "illegitimate by R. Okafor"


@pytest.mark.slow
def test_an_import_adds_once_touches_nothing_of_ours_and_is_cited(
    copied: Nights, tmp_path: Path
) -> None:
    lots = suspects(copied)
    judge(copied, lots[0])
    [case] = exported(copied, False)
    head = {"format": "touchstone-cases", "version": 1}
    theirs = {**case, "case_id": "own-0001", "product": "Another product", "title": "Of theirs"}
    path = tmp_path / "theirs.jsonl"
    path.write_text("\n".join(map(json.dumps, (head, theirs, case))), encoding="utf-8")
    ours = rows(copied.job.warehouse, "FROM raw_case WHERE kind = 'own'")
    said = case_command.import_cases(path, "Partner & Co", copied.job.warehouse, OFFICER)
    assert said.startswith("1 of 2 cases are imported; 0 were here already, 1 are of lots decided")
    again = case_command.import_cases(path, "Partner & Co", copied.job.warehouse, OFFICER)
    assert again.startswith("0 of 2 cases are imported; 1 were here already")
    assert rows(copied.job.warehouse, "FROM raw_case WHERE kind = 'own'") == ours
    listed = list(case_command.case_lines(copied.job.warehouse, "imported"))
    assert len(listed) == 2
    assert "Of theirs" in listed[0]
    # Known from the officer's clock on, not before.
    run_again(copied, SECOND_NIGHT + DAY)
    kinds = "SELECT count(*) FROM find_known_case WHERE kind = 'imported'"
    assert rows(copied.job.warehouse, kinds) == [(0,)]
    job = run_again(copied, datetime(2026, 8, 2))
    assert rows(job.warehouse, kinds) == [(1,)]
    assert rows(job.warehouse, "FROM cited_case WHERE kind = 'imported' AND is_near")
    same_again(job, "4")
    assert verify(job.warehouse, job.reports).faults == ()


def test_a_shared_pack_holds_no_identifier_of_the_warehouse_and_is_imported_elsewhere(
    copied: Nights, tmp_path: Path
) -> None:
    warehouse = copied.job.warehouse
    for number, lot in enumerate(suspects(copied)):
        [(serial,)] = rows(
            copied.second.snapshot, "SELECT min(serial) FROM item_event WHERE lot = ?", lot[1]
        )
        judge(copied, lot, "cleared" if number % 2 else "illegitimate", reason=f"pack {serial}")
    path = tmp_path / "pack.json"
    case_command.export_share(path, None, warehouse, OFFICER)
    text = path.read_text(encoding="utf-8")
    identifiers = rows(
        copied.second.snapshot,
        "SELECT serial FROM core_unit UNION SELECT lot FROM core_lot UNION SELECT gtin FROM "
        "core_lot UNION SELECT name FROM core_product UNION SELECT gln FROM core_site UNION "
        "SELECT name FROM core_site UNION SELECT name FROM core_partner UNION SELECT sscc FROM "
        "core_container UNION SELECT event_id FROM stg_record UNION SELECT path FROM stg_record",
    )
    known = {str(word) for (word,) in identifiers if word is not None and len(str(word)) > 3}
    assert len(known) > 1000
    assert [word for word in sorted(known) if word in text] == []
    assert "R. Okafor" not in text
    salt = case_command.salt_path(warehouse)
    again = tmp_path / "again.json"
    case_command.export_share(again, salt, warehouse, OFFICER)
    assert again.read_bytes() == path.read_bytes()
    said = case_command.import_cases(path, None, warehouse, OFFICER)
    assert said.startswith("0 of") and "0 were here already" in said  # they are one's own
    partner = tmp_path / "partner.duckdb"
    said = case_command.import_cases(path, "Relva Pharma", partner, OFFICER)
    assert said.startswith(f"{len(suspects(copied))} of {len(suspects(copied))} cases")
    listed = list(case_command.case_lines(partner, "imported"))
    shown = "\n".join(case_command.shown_lines(partner, listed[0].split()[0]))
    assert "told by Relva Pharma" in shown
    assert "P" in shown


def test_the_nearest_cases_of_a_lot_and_of_a_case_are_named_with_what_they_share(
    copied: Nights,
) -> None:
    gtin, lot = suspects(copied)[0]
    found = "\n".join(similar_lines([gtin, lot], 3, copied.job.warehouse))
    [(nearest, distance)] = rows(
        copied.second.snapshot,
        "SELECT case_id, distance FROM cited_case WHERE gtin = ? AND lot = ? "
        "ORDER BY distance, case_id LIMIT 1",
        gtin,
        lot,
    )
    assert f"{distance:.2f}  {nearest}" in found
    assert "signals shared: P" in found
    assert found.count("outcome:") == 3
    other = "\n".join(similar_lines([str(nearest)], 1, copied.job.warehouse))
    assert str(nearest) not in other.split("One of them")[0]
    with pytest.raises(NotFoundError, match="no run has judged such a lot"):
        list(similar_lines([gtin, "none"], 3, copied.job.warehouse))
    with pytest.raises(NotFoundError, match="compared lots with no such case"):
        list(similar_lines(["none"], 3, copied.job.warehouse))
    with pytest.raises(InputError, match="choose 1 to"):
        list(similar_lines([gtin, lot], 0, copied.job.warehouse))


def test_a_case_written_down_is_added_once_and_shown_with_its_sources(
    copied: Nights, tmp_path: Path
) -> None:
    path = tmp_path / "pens.toml"
    path.write_text(
        'case_id = "pens-2026"\ntitle = "Pens of a parallel trader"\noutcome = "Destroyed."\n'
        'mechanism_class = "relabelled"\nvisible_in_event_data = "full"\n'
        'signals = [{code = "P08", why = "two expiry dates"}]\n'
        'sources = [{title = "Letter", url = "https://example.org/letter"}]\n',
        encoding="utf-8",
    )
    case_command.add(path, copied.job.warehouse, OFFICER)
    shown = "\n".join(case_command.shown_lines(copied.job.warehouse, "pens-2026"))
    assert "P08  two expiry dates" in shown
    assert "https://example.org/letter" in shown
    assert "added by officer" in shown
    with pytest.raises(InputError, match="a case is never changed"):
        case_command.add(path, copied.job.warehouse, OFFICER)
    with pytest.raises(NotFoundError, match="no such case"):
        list(case_command.shown_lines(copied.job.warehouse, "pens-2027"))
    learned = [e for e in open_trail(copied.job.warehouse, OFFICER).read() if e.action == "learn"]
    assert [entry.object for entry in learned] == ["case:pens-2026"]
    assert learned[0].new == {"kind": "own", "signals": ["P08"]}


def test_before_any_run_the_shipped_cases_are_listed(tmp_path: Path) -> None:
    listed = list(case_command.case_lines(tmp_path / "none.duckdb", None))
    assert listed[-1].startswith("84 cases.")
    with pytest.raises(InputError, match="choose own, imported"):
        list(case_command.case_lines(tmp_path / "none.duckdb", "odd"))


def test_no_decision_or_case_is_lost_where_the_trail_is(copied: Nights) -> None:
    judge(copied, suspects(copied)[0])
    trail_path(copied.job.warehouse).unlink()
    assert judge(copied, suspects(copied)[0], "cleared").decision.decision_id == 2


def test_no_one_person_clears_a_lot_with_a_gravest_finding(copied: Nights) -> None:
    lot = suspects(copied)[0]
    done = propose(copied, lot, "cleared")
    assert done.proposal is not None
    assert "until a second person signs" in "\n".join(decide_command.lines(done))
    asked = open_trail(copied.job.warehouse, OFFICER).read()[-1]
    assert asked.new["proposed"] == 1
    assert asked.new["s1"].startswith("P")
    with pytest.raises(InputError, match="the same person decided it"):
        sign(copied, lot, SECOND_NIGHT + 2 * DAY, by="  r. OKAFOR ")
    with pytest.raises(InputError, match="lies before the decision"):
        sign(copied, lot, SECOND_NIGHT)
    job = run_again(copied, SECOND_NIGHT + 3 * DAY)
    states = "SELECT state, is_latest FROM find_decision"
    assert rows(job.warehouse, states) == [("proposed", False)]
    assert rows(job.warehouse, "FROM find_known_case WHERE kind = 'own'") == []
    page = (job.reports / page_of(job.warehouse, lot)).read_text(encoding="utf-8")
    assert "cleared (proposed: a second person has to sign)" in page
    index = (job.reports / "index.html").read_text(encoding="utf-8")
    assert "On 1 lot a proposed decision waits for a second person" in index
    assert "proposed: cleared" in index
    path = copied.folder / "none.jsonl"
    with pytest.raises(NotFoundError, match="no case of one's own"):
        case_command.export(path, False, job.warehouse, OFFICER)
    signed = sign(copied, lot, SECOND_NIGHT + 4 * DAY)
    assert "as second person (approval)" in "\n".join(sign_command.lines(signed))
    last = open_trail(job.warehouse, OFFICER).read()[-1]
    assert (last.action, last.object, last.old) == ("sign", f"lot:{lot[0]}/{lot[1]}", "proposed")
    assert last.new["meaning"] == "approval"
    with pytest.raises(NotFoundError, match="waits for a second person"):
        sign(copied, lot, SECOND_NIGHT + 4 * DAY, by="M. Sand")
    job = run_again(copied, SECOND_NIGHT + 5 * DAY)
    assert rows(job.warehouse, states) == [("signed", True)]
    assert len(rows(job.warehouse, "FROM find_known_case WHERE kind = 'own'")) == 1
    page = (job.reports / page_of(job.warehouse, lot)).read_text(encoding="utf-8")
    assert "R. Okafor; J. Lind, second person (approval), 2026-06-05" in page
    same_again(job, "3")  # made before the second signature was entered
    assert verify(job.warehouse, job.reports).faults == ()


def test_a_withdrawn_decision_stops_counting_and_stays_on_record(copied: Nights) -> None:
    lot = suspects(copied)[0]
    warehouse = copied.job.warehouse
    judge(copied, lot, "suspect")
    judge(copied, lot, at=SECOND_NIGHT + 2 * DAY)
    slip = Signature("M. Sand", "another lot was meant", SECOND_NIGHT + 3 * DAY)
    done = withdraw_decision(*lot, None, slip, warehouse, OFFICER)
    assert done.decision is not None
    assert done.decision.decision_id == 2
    last = open_trail(warehouse, OFFICER).read()[-1]
    assert (last.action, last.old, last.reason) == ("withdraw", "signed", "another lot was meant")
    job = run_again(copied, SECOND_NIGHT + 4 * DAY)
    known = "SELECT case_id FROM find_known_case WHERE kind = 'own'"
    assert rows(job.warehouse, known) == [("own-0001",)]  # what it replaced counts again
    page = (job.reports / page_of(job.warehouse, lot)).read_text(encoding="utf-8")
    assert "illegitimate (withdrawn)" in page
    assert "withdrawn by M. Sand, 2026-06-04: another lot was meant" in page
    shown = "\n".join(case_command.shown_lines(warehouse, "own-0002"))
    assert "withdrawn by M. Sand" in shown
    withdraw_case("own-0001", slip, warehouse, OFFICER)
    with pytest.raises(InputError, match="withdrawn already"):
        withdraw_case("own-0001", slip, warehouse, OFFICER)
    with pytest.raises(NotFoundError, match="a shipped case is not withdrawn"):
        withdraw_case("forged-pedigrees-us-2019", slip, warehouse, OFFICER)
    with pytest.raises(NotFoundError, match="is there to withdraw"):
        withdraw_decision(*lot, None, slip, warehouse, OFFICER)
    listed = [line for line in case_command.case_lines(warehouse, "own") if "own-" in line]
    assert [line.endswith("[withdrawn]") for line in listed] == [True, True]
    same_again(job, "3")  # made before the second withdrawal was entered
    assert verify(warehouse, job.reports).faults == ()


def test_a_proposal_or_signature_forged_behind_the_record_is_named(copied: Nights) -> None:
    propose(copied, suspects(copied)[0], "cleared")
    with open_warehouse(copied.job.warehouse) as con:
        con.execute("DELETE FROM raw_case_act")
        con.execute(
            "INSERT INTO raw_case_act VALUES (2, 'own-0001', 1, 'second', 'approval', 'seen', "
            "'J. Lind', TIMESTAMP '2026-06-02 03:00:00')"
        )
    job = run_again(copied, SECOND_NIGHT + 2 * DAY)
    texts = [fault.text for fault in verify(job.warehouse, job.reports).faults]
    assert any("act 1: is recorded, yet not in the copy" in text for text in texts)
    assert any("act 2: is not what the trail says" in text for text in texts)
