"""Drafts for the authorities: filled from the evidence, open where it is silent, never sent."""

import json
from dataclasses import replace

import pytest

from reports import wording
from reports.claims import Bounded
from reports.evidence import gather
from reports.natures import NATURES
from reports.notices import Notice, draft_notices
from reports.write import lot_files, write_lot
from tests.reports.page import read_page
from tests.reports.sample import CLEAR, HELD, HOSTILE, HOSTILE_TEXT, WATCHED, sample_warehouse


def values(notice: Notice) -> dict[str, str]:
    return {item.name: item.value for item in notice.items}


def test_a_suspect_lot_gets_both_drafts_and_others_none(con, held) -> None:
    assert [notice.code for notice in draft_notices(held)] == ["fda_3911", "eu"]
    assert draft_notices(gather(con, *WATCHED)) == ()
    assert draft_notices(gather(con, *CLEAR)) == ()
    bare = replace(held, standing=Bounded(), risk=replace(held.risk, standing=0))
    assert draft_notices(bare) == ()


def test_form_3911_is_filled_from_the_evidence(held) -> None:
    form = values(draft_notices(held)[0])
    assert form["Name of the product as on the label"] == "Relvacept 1 mg pen"
    assert form["NDC"] == "0169-4132-12"
    assert form["Lot numbers"] == "RV2406A"
    assert form["Expiration dates"] == "31 Mar 2026"
    assert form["Serial numbers"] == "SN00007"
    assert form["Classification"] == "Counterfeit"
    assert form["Quantity and unit"].startswith("21 packs concerned by the findings")
    assert form["Date discovered"] == "1 Jul 2024"
    assert "Relva Pharma, Basel, CH" in form["Trading partners"]


def test_the_description_names_every_finding_and_its_events(held) -> None:
    said = values(draft_notices(held)[0])["Description of the event"]
    assert "suspect product in the sense of the DSCSA" in said
    for index, finding in enumerate(held.standing.rows):
        assert f"F{index + 1} " in said
        first = finding.citations.rows[0]
        assert (first.event_id or f"record {first.record_ids[0]}") in said


@pytest.mark.parametrize(
    "name",
    [
        "2 Incident number",
        "4 Date the product was determined to be what is notified",
        "20 Company name and address",
        "24 Submitter",
    ],
)
def test_what_only_a_person_knows_stays_blank_and_is_listed(held, name: str) -> None:
    form = draft_notices(held)[0]
    assert name in form.blanks
    assert len(form.blanks) == sum(not item.value for item in form.items)


def test_the_class_follows_the_gravest_finding_and_fits_the_form(held) -> None:
    only = replace(held, standing=Bounded((held.standing.rows[2],)))
    assert values(draft_notices(only)[0])["Classification"] == "Diverted"
    assert set(wording.table("notices.classes")) == set(NATURES.values())


def test_where_nothing_speaks_of_falsification_the_notice_of_the_eu_says_so(held) -> None:
    assert draft_notices(held)[1].remark == ""
    only = replace(held, standing=Bounded((held.standing.rows[2],)))
    assert draft_notices(only)[1].remark.startswith("No finding that stands speaks of falsif")


def test_the_notice_of_the_eu_says_what_was_ruled_out_and_whether_patients_got_packs(held) -> None:
    form = values(draft_notices(held)[1])
    assert "clock or time zone of a site wrong" in form["Honest explanations ruled out by test"]
    assert form["Did packs reach patients"] == "20 dispensed on record"
    assert form["Product code"] == "GTIN 09521234000013, NDC 0169-4132-12"


def test_the_page_says_it_was_not_sent_and_shows_strange_text_as_text(tmp_path) -> None:
    with sample_warehouse() as con:
        con.execute("UPDATE lot_risk SET tier = 'hold'")
        page = write_lot(con, *HOSTILE, tmp_path)
    [draft] = [path for path in lot_files(page) if path.name.endswith("-notice.html")]
    shown = read_page(draft.read_text("utf-8"))
    assert shown.faults == []
    assert "Draft, not submitted." in shown.text
    assert "script" not in shown.tags
    assert HOSTILE_TEXT in shown.text
    assert ("a", "href", draft.name) in read_page(page.read_text("utf-8")).attributes
    assert ("a", "href", page.name) in shown.attributes


def test_the_json_has_the_drafts_and_a_cleared_lot_loses_its_page(tmp_path) -> None:
    with sample_warehouse() as con:
        page = write_lot(con, *HELD, tmp_path)
        told = json.loads(page.with_suffix(".json").read_text("utf-8"))["view"]["notices"]
        assert [notice["status"] for notice in told] == ["draft, not submitted"] * 2
        con.execute("UPDATE lot_risk SET tier = 'watch' WHERE lot = ?", [HELD[1]])
        write_lot(con, *HELD, tmp_path)
    assert not list(tmp_path.rglob("*-notice.html"))
