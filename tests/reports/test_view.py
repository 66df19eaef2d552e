"""What an officer reads is right for the lot at hand."""

from dataclasses import replace
from datetime import datetime

import pytest

from reports.claims import Bounded, Exposure, LotEvidence, Risk
from reports.conclusion import conclude
from reports.evidence import gather, gather_index
from reports.exposure_view import MOST_PLACES
from reports.index_view import view_index
from reports.view import view_lot
from tests.reports.sample import CLEAR, WATCHED


def risk(held, **values: object) -> Risk:
    return replace(held.risk, **values)


def test_a_held_lot_is_suspect_in_the_words_of_both_regimes(held) -> None:
    said = conclude(held)
    assert "suspect product in the sense of the DSCSA" in said.statement
    assert "potential suspect falsification" in said.statement
    assert "potentially counterfeit" in said.statement
    assert said.certainty.startswith("Strong: 2 independent kinds")
    assert said.tally == "6 findings, 3 explained, 3 stand; 1 question the data cannot answer"


def test_a_held_lot_is_to_be_quarantined_now_and_where(held) -> None:
    first = conclude(held).actions[0]
    assert first.when == "Now"
    assert first.what.startswith("Quarantine the 100 packs last known at 5 sites")


def test_what_would_change_the_conclusion_names_what_was_not_tested(held) -> None:
    assert "old messages sent again with wrong times" in conclude(held).change


def test_diversion_alone_is_not_called_a_falsification(held) -> None:
    only = replace(held, standing=Bounded((held.standing.rows[2],)))
    said = conclude(only).statement
    assert "potentially diverted" in said
    assert "falsification" not in said


def test_lesser_findings_that_agree_ask_for_a_look_and_not_for_quarantine(held) -> None:
    lesser = tuple(replace(f, severity="S3") for f in held.standing.rows)
    said = conclude(replace(held, standing=Bounded(lesser), risk=risk(held, tier="investigate")))
    assert "no finding against lot RV2406A of Relvacept 1 mg pen is grave by itself" in (
        said.statement
    )
    assert said.certainty.startswith("Limited: 2 kinds of evidence agree")
    assert not any("uarantine" in action.what for action in said.actions)


def test_packs_without_a_stated_lot_are_not_given_one(held) -> None:
    nameless = replace(held, facts=replace(held.facts, lot="(unstated)"))
    page = view_lot(nameless)
    assert page.heading == "Lot not stated"
    assert "packs of Relvacept 1 mg pen whose lot nobody states are suspect" in (
        page.conclusion.statement
    )


def test_absent_records_alone_never_make_a_strong_conclusion(held) -> None:
    missing = tuple(replace(f, history="missing") for f in held.standing.rows)
    assert conclude(replace(held, standing=Bounded(missing))).certainty.startswith("Limited")


def test_one_kind_of_evidence_is_moderate_at_most(held) -> None:
    one = replace(held, standing=Bounded((held.standing.rows[0],)))
    assert conclude(one).certainty.startswith("Moderate")


def test_a_watched_lot_is_not_called_suspect(con) -> None:
    said = conclude(gather(con, *WATCHED))
    assert "nothing that stands against lot KM0311 is grave enough" in said.statement
    assert not any("uarantine" in action.what for action in said.actions)


def test_a_clear_lot_says_why_it_is_clear(con) -> None:
    page = view_lot(gather(con, *CLEAR))
    assert page.conclusion.statement.endswith("stands.")
    assert page.explained.rows[0][4] == "Clock or time zone of a site wrong"
    assert page.explained.rows[0][6] == "clock shift 60 min"


def test_a_lot_that_only_a_detector_raised_is_said_to_be_unusual_as_a_whole(held) -> None:
    alarm = replace(held, standing=Bounded(), risk=risk(held, tier="watch", standing=0))
    assert "unlike other lots as a whole" in conclude(alarm).statement


def test_a_finding_shows_observed_limit_definition_and_tests_with_numbers(held) -> None:
    finding = view_lot(held).findings[0]
    assert finding.observed == (
        "distance 629 km (limit 50 km), time between 1.2 h, speed 524 km/h (limit 120 km/h)"
    )
    assert finding.concerns == (
        "serial number SN00007; Dom-Apotheke, Köln, DE and Farmacia Brera, Milano, IT"
    )
    assert finding.tests.rows[1][:3] == ("Clock or time zone of a site wrong", "B10", "ruled out")
    assert "shift 60 min" in finding.tests.rows[1][3]


def test_a_record_keeps_its_number_wherever_it_is_cited(held) -> None:
    findings = view_lot(held).findings
    by_event = {}
    for finding in findings:
        for row in finding.records.rows:
            by_event.setdefault(row[6], set()).add(row[0])
    assert all(len(numbers) == 1 for numbers in by_event.values())
    assert [row[0] for row in findings[2].records.rows] == ["2"]


def test_a_past_case_says_what_it_shares_and_what_not(held) -> None:
    case = view_lot(held).cases[0]
    assert case.shared == ("P01 One pack in two distant places",)
    assert case.only_case[0].startswith("P02")
    assert [signal[:3] for signal in case.only_lot] == ["P26", "P34"]
    assert [(link.text, link.url) for link in case.links] == [
        ("Authority's warning", "https://example.org/warning"),
        ("Odd link", ""),
    ]


def test_it_says_plainly_when_no_case_is_near(held) -> None:
    assert view_lot(replace(held, cases=())).cases_words.startswith("None of the known cases")
    far = tuple(replace(case, is_near=False) for case in held.cases)
    assert view_lot(replace(held, cases=far)).cases_words.startswith("None of the known cases")


def test_score_parts_are_shown_with_suspicion_upwards(held) -> None:
    score = view_lot(held).scores[0]
    assert [row[2] for row in score.table.rows] == ["+2.1", "+1.3", "+1.2", "−0.4"]
    assert "raw score 4.2" in score.summary


def test_a_lot_without_places_partners_serials_or_scores_still_reads(hostile) -> None:
    bare = replace(
        hostile,
        places={},
        sites=Bounded(),
        lanes=Bounded(),
        timeline=Bounded(),
        holdings=Bounded(),
        feeds=(),
        files=Bounded(),
        run=replace(hostile.run, as_of=None),
    )
    page = view_lot(bare)
    assert page.timeline_picture is None
    assert page.findings[0].records.rows[0][4] == "place not stated"
    assert "coverage is not known" in page.coverage[0]
    assert page.scores == ()


def test_coverage_names_inferred_moves_silent_sites_and_unread_records(held) -> None:
    said = " ".join(view_lot(held).coverage)
    assert "100 % of the lot: 120 commissioned of 120 stated" in said
    assert "5 of 8 sites publish data of their own" in said
    assert "inferred from a container" in said
    assert "2 records of the documents below could not be read" in said


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (
            {"hold": 1, "watch": 2, "clear": 1},
            "Of 4 lots 1 is suspect and to be held now and 2 to be watched.",
        ),
        ({"clear": 3}, "Of 3 lots none has a finding that stands."),
        ({}, "No lot has been judged yet."),
    ],
)
def test_the_index_says_at_once_how_many_lots_are_suspect(con, counts, words) -> None:
    page = view_index(replace(gather_index(con), tier_counts=counts))
    assert page.summary.startswith(words)


def test_a_date_of_the_run_is_part_of_the_statement(held) -> None:
    later = replace(held, run=replace(held.run, as_of=datetime(2025, 2, 3)))
    assert "up to 3 Feb 2025" in conclude(later).statement


def test_it_says_what_can_be_called_back_what_is_gone_and_what_is_in_doubt(held) -> None:
    said = view_lot(held).reach_line
    assert said.startswith(
        "Of 120 packs 100 can still be called back and 20 are out of reach, dispensed to patients."
    )
    assert "1 pack may be elsewhere than listed" in said
    assert "names no single packs" not in said


def test_packs_that_nobody_places_are_said_to_be_so(held) -> None:
    lost = replace(held.reach[0], fate="unseen", units=7.0)
    said = view_lot(replace(held, reach=(*held.reach, lost))).reach_line
    assert "for 7 no record says where they are" in said


def test_findings_that_name_no_pack_are_said_to_concern_every_pack(con) -> None:
    watched = view_lot(gather(con, *WATCHED))
    assert "names no single packs" not in watched.reach_line
    evidence = gather(con, *WATCHED)
    nameless = tuple(replace(row, named_units=0.0) for row in evidence.reach)
    assert "names no single packs" in view_lot(replace(evidence, reach=nameless)).reach_line


def test_the_trail_reads_from_the_maker_to_the_places_that_findings_name(held) -> None:
    rows = view_lot(held).exposed.rows
    assert [(row[0], row[1].split(",")[0]) for row in rows[:4]] == [
        ("Had them before", "Relva Pharma"),
        ("Had them before", "Rhine Logistics"),
        ("Named by a finding", "Dom-Apotheke"),
        ("Named by a finding", "Farmacia Brera"),
    ]
    assert rows[0][9] == "21 of the named packs made here"


def test_a_trail_that_begins_with_no_maker_is_said_to(held) -> None:
    begun = replace(held.exposure.rows[0], begins_units=2.0)
    row = view_lot(replace(held, exposure=Bounded((begun,)))).exposed.rows[0]
    assert "the trail of 2 packs begins here: no record says where they came from" in row[9]


def many_places(held: LotEvidence) -> tuple[Exposure, ...]:
    more = replace(held.exposure.rows[-2], relation="same_lot", held_units=2.0, coming_units=1.0)
    return (*held.exposure.rows, *([more] * 500))


def test_a_lot_at_many_places_is_cut_on_the_page_and_the_rest_counted(held) -> None:
    table = view_lot(replace(held, exposure=Bounded(many_places(held)))).exposed
    assert len(table.rows) == MOST_PLACES
    here = len([row for row in held.exposure.rows if row.relation != "same_site"])
    more = here + 500 - MOST_PLACES
    assert table.rest == (
        f"and {more} more places with {3 * more:,} packs still there or on the way: "
        "see the spreadsheet."
    )


def test_quarantine_counts_every_place_and_not_only_those_listed(held) -> None:
    far = tuple(
        replace(held.exposure.rows[0], site_id=1000 + n, held_units=1.0, coming_units=0.0)
        for n in range(200)
    )
    first = conclude(replace(held, exposure=Bounded(far))).actions[0]
    assert "at 200 sites" in first.what


def test_other_lots_at_a_named_place_are_exposed_and_not_called_suspect(held) -> None:
    page = view_lot(held)
    assert [row[:3] for row in page.other_lots.rows] == [
        ("RV2407B", "Clear", "Nordmed Wholesale, Hamburg, DE")
    ]
    assert page.exposure_file == "0000000000000001.csv"


def test_a_clear_lot_exposes_nothing_and_has_no_spreadsheet(con) -> None:
    page = view_lot(gather(con, *CLEAR))
    assert page.exposed.rows == page.other_lots.rows == ()
    assert page.exposure_file == ""
    assert page.holders.rows


def test_every_decision_on_the_lot_is_told_and_the_latest_counts(held) -> None:
    page = view_lot(held)
    rows = [row[:5] for row in page.decisions.rows]
    assert rows == [
        ("2", "2024-06-03 00:00", "cleared (replaced)", "R. Okafor", rows[0][4]),
        ("3", "2024-06-20 00:00", "suspect", "M. Lind", "seals differ"),
    ]
    facts = dict(page.facts)
    assert facts["Decided"] == "suspect by M. Lind on 2024-06-20, because: seals differ"


def test_what_waits_for_a_second_person_or_was_withdrawn_is_told_as_such(held) -> None:
    first, latest = held.decisions
    day = latest.decided_at
    waiting = replace(latest, decision_id=4, outcome="cleared", state="proposed", is_latest=False)
    slip = replace(
        first,
        state="withdrawn",
        withdrawn_by="M. Sand",
        withdrawn_at=day,
        withdrawn_reason="another lot was meant",
    )
    signed = replace(
        latest,
        second_by="J. Lind",
        second_at=day,
        second_meaning="review",
        second_reason="I saw the seals too",
    )
    page = view_lot(replace(held, decisions=(slip, signed, waiting)))
    assert [row[2] for row in page.decisions.rows] == [
        "cleared (withdrawn)",
        "suspect",
        "cleared (proposed: a second person has to sign)",
    ]
    assert page.decisions.rows[0][4].endswith(
        "withdrawn by M. Sand, 2024-06-20: another lot was meant"
    )
    assert page.decisions.rows[1][3:5] == (
        "M. Lind; J. Lind, second person (review), 2024-06-20",
        "seals differ; I saw the seals too",
    )
    facts = dict(page.facts)
    assert facts["Decided"].startswith("suspect by M. Lind")
    assert facts["Proposed"].startswith("cleared by M. Lind")


def test_a_case_decided_here_says_who_decided_when_and_why(held) -> None:
    own = next(case for case in view_lot(held).cases if case.kind == "decided here")
    assert own.title == "Lot KM0311 of Kardomet 5 mg, cleared"
    assert own.is_benign
    assert own.outcome == (
        "cleared by R. Okafor on 2024-06-02, because: the returns desk scans twice"
    )


def test_a_decision_made_after_the_run_looked_back_is_not_told(con) -> None:
    assert gather(con, *CLEAR).decisions == ()
    assert view_lot(gather(con, *CLEAR)).decisions.rows == ()


def test_the_index_marks_decided_lots_and_counts_them(con) -> None:
    index = view_index(gather_index(con))
    marks = {row.lot: row.decided for row in index.lots}
    assert marks["RV2406A"] == "decided: suspect"
    assert marks["KM0311"] == "decided: cleared"
    assert index.decided_words == "3 lots are decided by people: 2 suspect and 1 cleared."


def test_the_index_counts_the_lots_that_wait_for_a_second_person(con) -> None:
    evidence = gather_index(con)
    first = replace(evidence.lots.rows[0], decided=None, proposed="cleared")
    lots = replace(evidence.lots, rows=(first, *evidence.lots.rows[1:]))
    index = view_index(replace(evidence, lots=lots, proposed=2))
    assert index.lots[0].decided == "proposed: cleared"
    assert index.decided_words.endswith(
        "On 2 lots a proposed decision waits for a second person's signature."
    )


def test_patterns_that_no_data_could_answer_are_named_with_what_is_missing(held) -> None:
    lines = view_lot(held).coverage
    assert "Not testable, no licence list in the data: P26 Party without a valid licence." in lines
