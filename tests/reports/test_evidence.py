"""Evidence names its sources, finds the lot, and stays bounded."""

import dataclasses
import json

import pytest

from data.errors import NotFoundError
from data.record.canonical import digest
from reports import claims
from reports.evidence import gather, gather_index, gather_lots, lots, movements
from reports.lot_data import lot_json
from reports.view import view_lot
from tests.reports.sample import CLEAR, HELD, WATCHED, sample_warehouse

CLAIMS = [
    value
    for value in vars(claims).values()
    if isinstance(value, type) and issubclass(value, claims.Claim)
]


@pytest.mark.parametrize("kind", CLAIMS, ids=lambda kind: kind.__name__)
def test_a_claim_without_a_source_cannot_be_made(kind: type[claims.Claim]) -> None:
    values = {f.name: None for f in dataclasses.fields(kind)} | {"record_ids": ()}
    with pytest.raises(claims.UncitedClaimError):
        kind(**values)


def test_every_record_behind_a_claim_exists(con, held) -> None:
    known = {row[0] for row in con.execute("SELECT record_id FROM stg_record").fetchall()}
    made = [
        *held.standing.rows,
        *held.explained.rows,
        *held.timeline.rows,
        *held.lanes.rows,
        *held.holdings.rows,
        *held.exposure.rows,
        *held.sites.rows,
        *(c for f in held.standing.rows for c in f.citations.rows),
    ]
    assert len(made) > 30
    assert {record for claim in made for record in claim.record_ids} <= known


def test_cited_records_tell_both_clocks_the_place_and_the_document(held) -> None:
    first = held.standing.rows[0].citations.rows[0]
    assert first.event_at is not None
    assert first.recorded_at is not None
    assert first.event_at < first.recorded_at
    assert (first.step, held.places[first.site_id].name) == ("dispensing", "Dom-Apotheke")
    assert (first.path, first.position) == ("inbox/day-2.xml", 19)


def test_the_gravest_finding_comes_first(held) -> None:
    assert [f.pattern for f in held.standing.rows] == ["P01", "P26", "P34"]


def test_packs_are_counted_once_where_they_were_last_known(held) -> None:
    by_state = {}
    for holding in held.holdings.rows:
        by_state[holding.state] = by_state.get(holding.state, 0) + holding.units
    assert by_state == {"at_site": 95, "in_transit": 5, "ended": 20}


def test_packs_without_serials_are_found_by_balance(hostile) -> None:
    (holding,) = hostile.holdings.rows
    assert (holding.basis, holding.site_id, holding.units) == ("balance", 10, 900)


def test_an_unknown_lot_is_said_to_be_unknown(con) -> None:
    with pytest.raises(NotFoundError):
        gather(con, HELD[0], "no such lot")


def test_many_lots_are_gathered_as_each_alone_with_no_more_questions(con, monkeypatch) -> None:
    class Asked:
        def __init__(self) -> None:
            self.questions = 0

        def execute(self, *words: object) -> object:
            self.questions += 1
            return con.execute(*words)

    every = [WATCHED, HELD, CLEAR]
    one, many, parted = Asked(), Asked(), Asked()
    [alone] = gather_lots(one, [HELD])
    together = list(gather_lots(many, every))
    assert together == [gather(con, *name) for name in every]
    assert together[1] == alone
    assert many.questions == one.questions
    monkeypatch.setattr(lots, "TOGETHER", 2)
    assert list(gather_lots(parted, every)) == together
    assert parted.questions > many.questions


def test_a_page_counts_the_files_of_its_run_and_does_not_grow_with_them() -> None:
    sizes = []
    for count in (10, 5_000):
        with sample_warehouse() as con:
            inputs = [f"{number:064x}" for number in range(count)]
            con.execute("UPDATE raw_run SET manifest = ?", [json.dumps({"inputs": inputs})])
            found = gather(con, *CLEAR)
        told = dict(found.run.manifest)["inputs"]
        assert told == {"files": count, "sha256": digest(inputs)}
        sizes.append(len(lot_json(found, view_lot(found))))
    assert sizes[1] - sizes[0] < 100


def test_a_clear_lot_has_evidence_too(con) -> None:
    found = gather(con, *CLEAR)
    assert found.risk.tier == "clear"
    assert [f.benign for f in found.explained.rows] == ["B10"]


def test_a_large_lot_stays_bounded_and_counts_the_rest() -> None:
    with sample_warehouse() as con:
        con.execute(
            "INSERT INTO evid_lot_timeline BY NAME SELECT 3 AS lot_id, 10 + i AS row_no, "
            "TIMESTAMP '2024-05-30' AS first_at, TIMESTAMP '2024-05-30' AS last_at, "
            "'dispensing' AS step, 3 AS site_id, 2 AS units, 1 AS event_count, "
            "false AS is_inferred, false AS is_cited, [1001] AS record_ids FROM range(1000) t(i)"
        )
        timeline = gather(con, *WATCHED).timeline
    assert len(timeline.rows) + timeline.rest_count == 1004
    assert len(timeline.rows) <= movements.MOST_TIMELINE_ROWS
    assert timeline.rest_units == 2 * timeline.rest_count


def test_what_is_exposed_stays_bounded_and_says_how_much_more_there_is(monkeypatch) -> None:
    monkeypatch.setattr(movements, "MOST_EXPOSED", 3)
    with sample_warehouse() as con:
        exposure = gather(con, *HELD).exposure
        [(every,)] = con.execute(
            "SELECT count(*) FROM exposure WHERE lot = ?", [HELD[1]]
        ).fetchall()
        said = view_lot(gather(con, *HELD)).exposure_rest
    assert (len(exposure.rows), exposure.rest_count) == (3, every - 3)
    assert said.startswith(f"{every - 3} further rows are exposed")


def test_every_fate_adds_up_to_the_packs_that_are_placed(held) -> None:
    assert sum(row.units for row in held.reach) == sum(row.units for row in held.holdings.rows)


def test_the_index_ranks_by_tier_then_suspicion_and_leaves_clear_lots_out(con) -> None:
    index = gather_index(con)
    assert [lot.tier for lot in index.lots.rows] == ["hold", "watch", "watch"]
    assert index.lots.rows[1].lot == WATCHED[1]
    assert index.tier_counts == {"hold": 1, "investigate": 0, "watch": 2, "clear": 1}


def test_the_index_totals_are_those_of_the_findings(con) -> None:
    index = gather_index(con)
    assert (index.standing, index.explained, index.gaps) == (5, 4, 1)
