"""What people set aside and what changed since the run before, in the words of the pages."""

import datetime as dt
from dataclasses import replace

import pytest

from reports import wording
from reports.change_view import change_words, changes_table, suppressions_table
from reports.claims import Bounded, Decision, LotChange, LotEvidence, Suppression
from reports.evidence import gather_index
from reports.index_view import view_index
from reports.view import view_lot
from reports.write import render_index, render_lot

HOSTILE = "<script>x</script>"
SUPPRESSION = Suppression(
    suppression_id=3,
    pattern="P26",
    site_gln="9521234000129",
    gtin=None,
    lot=None,
    reason=f"licence is being renewed {HOSTILE}",
    suppressed_by=f"Ann {HOSTILE}",
    suppressed_at=dt.datetime(2024, 6, 20),
    until_on=dt.date(2024, 7, 20),
    findings=2,
    lots=1,
)
CHANGE = LotChange(
    gtin="09521234000013",
    lot="RV2406A",
    run_before="0123456789ab",
    tier_before="hold",
    tier="watch",
    standing_before=3,
    standing=1,
    changes=("fallen", "reopened"),
    causes=("correction",),
    records=5,
    record_ids=(7, 8, 9, 10, 11),
    event_ids=(),
    is_reopened=True,
    decision=Decision(
        decision_id=1,
        outcome="suspect",
        reason=HOSTILE,
        decided_by=HOSTILE,
        decided_at=dt.datetime(2024, 6, 1, 9),
        run_id=None,
        report_sha256=None,
        is_latest=True,
    ),
)


@pytest.fixture
def set_aside(held: LotEvidence) -> LotEvidence:
    """The held lot, with everything that stood set aside."""
    findings = tuple(
        replace(finding, status="suppressed", suppression_id=3) for finding in held.standing.rows
    )
    return replace(
        held,
        standing=Bounded(),
        suppressed=Bounded(findings),
        suppressions=(SUPPRESSION,),
        risk=replace(held.risk, tier="clear", standing=0, suppressed=len(findings)),
    )


def test_a_finding_set_aside_is_printed_with_person_day_reason_and_severity(
    set_aside: LotEvidence,
) -> None:
    view = view_lot(set_aside)
    assert len(view.suppressed.rows) == len(set_aside.suppressed.rows) > 0
    first = view.suppressed.rows[0]
    assert first[2].startswith(set_aside.suppressed.rows[0].severity)
    assert "until 20 Jul 2024 because licence is being renewed" in first[-1]
    count = set_aside.risk.suppressed
    assert f"{count} set aside" in view.conclusion.tally
    assert "would" in view.conclusion.statement
    assert "a person's word" in view.conclusion.certainty
    html = render_lot(view)
    assert HOSTILE not in html
    assert "&lt;script&gt;" in html


def test_a_lot_with_nothing_set_aside_says_nothing_of_it(held: LotEvidence) -> None:
    html = render_lot(view_lot(held))
    assert wording.say("page.suppressed") not in html
    assert wording.say("page.since") not in html


def test_a_change_is_told_from_old_to_new_with_cause_records_and_decision(
    held: LotEvidence,
) -> None:
    text = change_words(replace(held, change=CHANGE))
    assert text == (
        "Hold with 3 findings standing in run 0123456789ab, now Watch with 1 finding standing. "
        "Because of: records withdrawn since. Records: record 7, record 8, record 9 and 2 more. "
        f"The lot is open again: {HOSTILE} decided “suspect” on 1 Jun 2024, before this change."
    )
    assert HOSTILE not in render_lot(view_lot(replace(held, change=CHANGE)))


def test_the_index_lists_what_changed_and_what_is_set_aside(con) -> None:
    index = gather_index(con)
    gone = replace(CHANGE, tier=None, standing=0, event_ids=("e1", "e2"), records=2, decision=None)
    index = replace(
        index,
        suppressed=1,
        suppressions=(SUPPRESSION,),
        run_before="0123456789ab",
        changes=Bounded((CHANGE, gone), 4),
    )
    rows = changes_table(index).rows
    assert rows[0][2:6] == (
        "Hold with 3 findings standing",
        "Watch with 1 finding standing",
        "fallen and open again",
        "records withdrawn since",
    )
    assert (rows[1][3], rows[1][6]) == ("no longer in the data", "e1, e2")
    [suppression] = suppressions_table(index).rows
    assert suppression[2] == "at 9521234000129"
    assert suppression[4:6] == ("20 Jun 2024", "20 Jul 2024")
    view = view_index(index)
    assert "1 set aside" in view.tally
    assert "1 finding is set aside by people" in view.suppressions_words
    html = render_index(view)
    assert HOSTILE not in html
    assert "4 further lots changed" in html


def test_every_code_has_words() -> None:
    assert set(wording.table("codes.changes")) >= {
        "new",
        "risen",
        "fallen",
        "explained",
        "closed",
        "reopened",
    }
    assert not set(wording.table("codes.causes")) ^ {
        *("correction", "late_upload", "new_events", "settings", "suppression", "decision"),
        *("elsewhere", "time"),
    }
