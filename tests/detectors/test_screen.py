from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pytest

from data.cases import library
from data.cases.memory import Basis, add_decision
from data.record.known import Decision
from data.warehouse.models import create_model, find_model_files
from detectors.screen import (
    LEAST_REFERENCE,
    OTHER_FEATURES,
    lot_traits,
    measure_graph,
    score_lots,
    similar_to_case,
    similar_to_lot,
)

ROOT = Path(__file__).parents[2]
TABLES = """
CREATE TABLE feat_lot (lot_id INTEGER, units DOUBLE, sites BIGINT, countries BIGINT,
    km_per_day_max DOUBLE, lag_h_p95 DOUBLE, inferred_share DOUBLE, a_later_column VARCHAR);
CREATE TABLE find_lot (
    lot_id INTEGER, tier VARCHAR, findings_standing BIGINT, findings_suppressed BIGINT);
CREATE TABLE find_finding (finding_id VARCHAR, lot_id INTEGER, pattern VARCHAR, status VARCHAR,
    benign VARCHAR, tests JSON);
CREATE TABLE core_lot (lot_id INTEGER, gtin VARCHAR, lot VARCHAR);
CREATE TABLE core_product (gtin VARCHAR, name VARCHAR);
CREATE TABLE core_site (site_id INTEGER, role VARCHAR);
CREATE TABLE stg_clock AS SELECT TIMESTAMP '2026-06-01' AS as_of;
CREATE TABLE graph_edge (from_site_id INTEGER, to_site_id INTEGER, movement_count BIGINT,
    units DOUBLE, first_at TIMESTAMP, last_at TIMESTAMP);
"""
BUILT = ("P01", "P02", "P04", "P08", "P12", "P16", "P20", "P21", "P27")


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute((ROOT / "sql" / "02_result_tables.sql").read_text(encoding="utf-8"))
        connection.execute(TABLES)
        for file in find_model_files():
            if file.name in ("find_decision", "find_known_case"):
                create_model(connection, file, "view")
        for code in BUILT:
            connection.execute(f"CREATE TABLE {code}_pattern (lot_id INTEGER)")
        library.store(connection)
        yield connection


def add_lots(con, count, *, start=1) -> None:
    rng = np.random.default_rng(start)
    for lot_id in range(start, start + count):
        values = [*np.exp(rng.normal(size=5)), float(rng.uniform(0, 0.2))]
        con.execute("INSERT INTO feat_lot VALUES (?, ?, ?, ?, ?, ?, ?, 'x')", [lot_id, *values])
        con.execute("INSERT INTO core_lot VALUES (?, '09501101530003', ?)", [lot_id, f"L{lot_id}"])
        con.execute("INSERT INTO find_lot VALUES (?, 'clear', 0, 0)", [lot_id])


def add_finding(con, lot_id, pattern, status="stands", benign=None, tests="[]") -> None:
    con.execute(
        "INSERT INTO find_finding VALUES (?, ?, ?, ?, ?, ?)",
        [f"{lot_id}{pattern}{status}{benign}", lot_id, pattern, status, benign, tests],
    )
    if status == "stands":
        con.execute(
            "UPDATE find_lot SET tier = 'hold', findings_standing = findings_standing + 1 "
            "WHERE lot_id = ?",
            [lot_id],
        )


def cited(con, lot_id) -> list[dict[str, object]]:
    rows = con.table("find_cited_case").order("rank").pl().to_dicts()
    return [row for row in rows if row["lot_id"] == lot_id]


def test_the_odd_lot_is_the_most_suspect_and_the_parts_say_why(con) -> None:
    add_lots(con, 40)
    con.execute("UPDATE feat_lot SET km_per_day_max = 20000 WHERE lot_id = 7")
    add_finding(con, 7, "P01")
    assert score_lots(con) == 40
    [(lot_id, suspicion, p_value)] = con.execute(
        "SELECT lot_id, suspicion_pct, p_value FROM find_score WHERE detector = 'local_density' "
        "ORDER BY score LIMIT 1"
    ).fetchall()
    assert lot_id == 7
    assert p_value == pytest.approx(1 / 40)  # 39 reference lots
    assert suspicion >= 100 * (1 - 1 / 40)
    [(feature,)] = con.execute(
        "SELECT feature FROM find_score_part WHERE lot_id = 7 AND detector = 'local_density' "
        "ORDER BY contribution LIMIT 1"
    ).fetchall()
    assert feature == "km_per_day_max"


def test_lots_odder_than_all_authentic_ones_are_still_told_apart(con) -> None:
    add_lots(con, 30)
    for lot_id, km in [(3, 1e4), (4, 1e5), (5, 1e6)]:
        con.execute("UPDATE feat_lot SET km_per_day_max = ? WHERE lot_id = ?", [km, lot_id])
        add_finding(con, lot_id, "P01")
    for lot_id in range(10, 20):
        add_finding(con, lot_id, "P20")
    score_lots(con)
    scores = con.execute(
        "SELECT lot_id, suspicion_pct, p_value, score FROM find_score "
        "WHERE detector = 'local_density' ORDER BY suspicion_pct DESC, lot_id"
    ).fetchall()
    assert {lot_id for lot_id, *_ in scores[:3]} == {3, 4, 5}
    assert len({p_value for _, _, p_value, _ in scores[:3]}) == 1
    order = [score for *_, score in scores]
    assert order == sorted(order)
    assert all(0 <= pct <= 100 for _, pct, *_ in scores)


def test_parts_add_up_to_the_score_of_every_lot(con) -> None:
    add_lots(con, 30)
    con.execute("UPDATE feat_lot SET units = NULL, sites = NULL WHERE lot_id % 3 = 0")
    for lot_id, pattern in [(1, "P16"), (2, "P01"), (2, "P21"), (3, "P20")]:
        add_finding(con, lot_id, pattern)
    score_lots(con)
    rows = con.execute(
        "SELECT score, coalesce(sum(contribution), 0) FROM find_score "
        "LEFT JOIN find_score_part USING (lot_id, detector) GROUP BY lot_id, detector, score"
    ).fetchall()
    assert len(rows) == 60
    assert all(score == pytest.approx(total, abs=1e-9) for score, total in rows)
    assert sum(total != 0 for _, total in rows) == 33  # all by features, three by what stands


def test_names_the_lots_it_compares_with_and_the_case_it_resembles(con) -> None:
    add_lots(con, 20)
    add_finding(con, 4, "P16")
    score_lots(con)
    parts = con.table("find_score_part").filter("lot_id = 4").pl()
    lots = parts.filter(parts["detector"] == "local_density")["neighbour"].drop_nulls()
    assert lots.n_unique() == 5
    assert lots.str.starts_with("09501101530003/L").all()
    assert "09501101530003/L4" not in lots
    resembled = parts.filter(parts["detector"] == "nearest_prototype")
    assert resembled.rows_by_key("feature")["P16"][0][-1] == "forged-pedigrees-us-2019"


def test_the_parts_beyond_the_largest_are_kept_as_one(con) -> None:
    add_lots(con, 12)
    for pattern in BUILT:
        add_finding(con, 1, pattern)
    score_lots(con)
    parts = con.execute(
        "SELECT feature FROM find_score_part WHERE lot_id = 1 AND detector = 'nearest_prototype'"
    ).fetchall()
    assert 2 <= len(parts) <= 13
    assert not {feature for (feature,) in parts} - {*library.PATTERN_CODES, OTHER_FEATURES}


def test_a_lot_that_stands_out_by_findings_resembles_attacks_more_than_a_clear_one(con) -> None:
    add_lots(con, 20)
    add_finding(con, 5, "P12")
    add_finding(con, 6, "P20", "explained", "B11")
    score_lots(con)
    score = dict(
        con.execute(
            "SELECT lot_id, score FROM find_score WHERE detector = 'nearest_prototype'"
        ).fetchall()
    )
    assert score[5] < score[6] == score[1] == 0


def test_cites_the_cases_that_share_most_and_says_what_they_share(con) -> None:
    add_lots(con, 10)
    for pattern in ("P01", "P02", "P21", "P27"):
        add_finding(con, 3, pattern)
    score_lots(con)
    cases = cited(con, 3)
    assert cases[0]["case_id"] == "ozempic-us-2023-nar0074"
    assert cases[0]["is_near"]
    assert cases[0]["shared"] == ["P01", "P02", "P21", "P27"]
    assert cases[0]["unshared"] == ["P07"]
    assert [c["rank"] for c in cases] == [1, 2, 3, 4, 5]
    assert [c["distance"] for c in cases] == sorted(c["distance"] for c in cases)
    assert 1 <= sum(c["kind"] == "benign" for c in cases) <= 2


def test_clear_lots_cite_nothing(con) -> None:
    add_lots(con, 10)
    add_finding(con, 2, "P20", "explained", "B11")
    score_lots(con)
    assert con.execute("SELECT count(*) FROM find_cited_case").fetchall() == [(0,)]


def test_what_stands_weighs_more_than_what_was_explained(con) -> None:
    add_lots(con, 10)
    add_finding(con, 1, "P16")
    add_finding(con, 1, "P04", "explained", "B06")
    add_finding(con, 2, "P04")
    add_finding(con, 2, "P04", "explained", "B06")
    score_lots(con)
    assert cited(con, 1)[0]["kind"] == "public"
    assert cited(con, 2)[0]["case_id"] == "B06_late_upload"
    assert cited(con, 2)[0]["shared"] == ["P04", "B06"]


def test_a_benign_cause_that_the_tests_ruled_out_is_not_cited(con) -> None:
    add_lots(con, 10)
    add_finding(con, 1, "P16", tests='[{"code": "B22", "result": "not_testable"}]')
    add_finding(con, 2, "P16", tests='[{"code": "B22", "result": "ruled_out"}]')
    score_lots(con)
    assert "B22_stale_partner_data" in [c["case_id"] for c in cited(con, 1)]
    assert "B22_stale_partner_data" not in [c["case_id"] for c in cited(con, 2)]


def test_a_cause_that_explains_other_flags_is_not_cited_for_what_it_does_not_explain(con) -> None:
    add_lots(con, 10)
    add_finding(con, 1, "P04", "explained", "B06", '[{"code": "B06", "result": "supported"}]')
    add_finding(con, 1, "P04", tests='[{"code": "B06", "result": "ruled_out"}]')
    score_lots(con)
    assert "B06_late_upload" not in [c["case_id"] for c in cited(con, 1)]


def test_an_own_case_comes_first_among_equals_but_never_for_its_own_lot(con) -> None:
    add_lots(con, 10)
    con.execute(
        "INSERT INTO raw_case (case_id, kind, product, lots, mechanism_class) "
        "VALUES ('zz-ours', 'own', '09501101530003', ['L1'], 'stolen')"
    )
    con.execute(
        "INSERT INTO raw_case_signal SELECT 'zz-ours', signal, why FROM raw_case_signal "
        "WHERE case_id = 'forged-pedigrees-us-2019'"
    )
    add_finding(con, 1, "P16")
    add_finding(con, 2, "P16")
    score_lots(con)
    assert [c["case_id"] for c in cited(con, 2)][:2] == ["zz-ours", "forged-pedigrees-us-2019"]
    assert "zz-ours" not in [c["case_id"] for c in cited(con, 1)]


def decide(con, number, lot_id, outcome, day="2026-05-01") -> str:
    """Decide on a lot as it stands; return the id of the case that it makes."""
    lot = f"L{lot_id}"
    traits = lot_traits(con, "09501101530003", lot)
    decision = Decision(
        number, "09501101530003", lot, outcome, "looked", "A. Officer", datetime.fromisoformat(day)
    )
    return add_decision(con, decision, Basis("Pills", "run", None, traits)).case_id


def likeness(con, lot_id) -> float:
    [(score,)] = con.execute(
        "SELECT score FROM find_score WHERE detector = 'nearest_prototype' AND lot_id = ?", [lot_id]
    ).fetchall()
    return -score


def test_a_decided_lot_is_cited_first_for_others_and_never_for_itself(con) -> None:
    add_lots(con, 10)
    for lot_id in (1, 2):
        for pattern in ("P16", "P21"):
            add_finding(con, lot_id, pattern)
    case_id = decide(con, 1, 1, "illegitimate")
    score_lots(con)
    first = cited(con, 2)[0]
    assert (first["case_id"], first["kind"], first["distance"]) == (case_id, "own", 0)
    assert first["shared"] == ["P16", "P21"]
    assert case_id not in [c["case_id"] for c in cited(con, 1)]


def test_the_cases_like_a_lot_are_told_with_features_alike_and_apart(con) -> None:
    add_lots(con, 10)
    for lot_id in (1, 2):
        add_finding(con, lot_id, "P16")
    add_finding(con, 2, "P21")
    con.execute("UPDATE feat_lot SET units = 20, countries = 2 WHERE lot_id = 1")
    con.execute("UPDATE feat_lot SET units = 30, countries = 90 WHERE lot_id = 2")
    case_id = decide(con, 1, 1, "illegitimate")
    [own] = [
        case for case in similar_to_lot(con, "09501101530003", "L2", 90) if case.case_id == case_id
    ]
    assert (own.shared, own.only_case, own.only_here) == (("P16",), (), ("P21",))
    assert own.is_near
    assert "units" in own.alike
    assert ("countries", 2.0, 90.0) in own.unlike
    same = similar_to_lot(con, "09501101530003", "L1", 90)
    assert case_id not in [case.case_id for case in same]  # no lot is like itself
    assert not any(case.is_near for case in similar_to_lot(con, "09501101530003", "L9", 3))
    others = similar_to_case(con, case_id, 3)
    assert [case.distance for case in others] == sorted(case.distance for case in others)
    assert case_id not in [case.case_id for case in others]
    with pytest.raises(LookupError):
        similar_to_lot(con, "09501101530003", "none", 3)
    with pytest.raises(LookupError):
        similar_to_case(con, "none", 3)


def test_a_case_keeps_what_its_lot_showed_when_it_was_decided(con) -> None:
    add_lots(con, 10)
    add_finding(con, 1, "P16")
    add_finding(con, 1, "P21", "data_gap")
    add_finding(con, 1, "P04", "explained", "B06")
    case_id = decide(con, 1, 1, "suspect")
    con.execute("DELETE FROM find_finding WHERE lot_id = 1")
    add_finding(con, 1, "P20")
    add_finding(con, 2, "P16")
    score_lots(con)
    own = next(c for c in cited(con, 2) if c["case_id"] == case_id)
    assert (own["shared"], own["unshared"]) == (["P16"], ["B06"])
    kept = con.execute("SELECT trait, value FROM raw_case_trait ORDER BY trait").fetchall()
    signals = {trait: value for trait, value in kept if trait[0] in "PB" and trait[1:].isdigit()}
    assert signals["P16"] == 1
    assert signals["B06"] == 0.5
    assert signals["P21"] is None
    assert "P20" not in signals
    [(km,)] = con.execute("SELECT km_per_day_max FROM feat_lot WHERE lot_id = 1").fetchall()
    assert dict(kept)["km_per_day_max"] == km


def test_a_decision_counts_from_its_time_on_and_the_latest_of_a_lot_alone(con) -> None:
    add_lots(con, 10)
    for lot_id in (1, 2):
        add_finding(con, lot_id, "P16")
    decide(con, 1, 1, "suspect", "2026-05-01")
    decide(con, 2, 1, "cleared", "2026-05-20")
    decide(con, 3, 1, "illegitimate", "2026-07-01")  # after the run looks back
    score_lots(con)
    own = [c["case_id"] for c in cited(con, 2) if c["kind"] == "own"]
    assert own == ["own-0002"]


def test_a_confirmed_lot_makes_its_like_more_suspect_and_a_cleared_one_less(con) -> None:
    add_lots(con, 10)
    for lot_id in (1, 2):
        add_finding(con, lot_id, "P16")
        add_finding(con, lot_id, "P20")
    add_finding(con, 3, "P01")
    score_lots(con)
    before, other = likeness(con, 2), likeness(con, 3)
    decide(con, 1, 1, "illegitimate", "2026-05-01")
    score_lots(con)
    confirmed = likeness(con, 2)
    decide(con, 2, 1, "cleared", "2026-05-02")
    score_lots(con)
    assert likeness(con, 2) == 0  # the same as a lot that was cleared
    assert confirmed > before
    assert likeness(con, 3) == pytest.approx(other)
    assert likeness(con, 1) == pytest.approx(before)  # a lot is no evidence about itself


def test_with_own_cases_the_parts_still_add_up(con) -> None:
    add_lots(con, 12)
    for lot_id, pattern in [(1, "P16"), (1, "P20"), (2, "P16"), (3, "P20"), (4, "P01"), (4, "P20")]:
        add_finding(con, lot_id, pattern)
    decide(con, 1, 1, "illegitimate")
    decide(con, 2, 3, "cleared")
    score_lots(con)
    rows = con.execute(
        "SELECT score, coalesce(sum(contribution), 0) FROM find_score "
        "LEFT JOIN find_score_part USING (lot_id, detector) "
        "WHERE detector = 'nearest_prototype' GROUP BY lot_id, score"
    ).fetchall()
    assert any(score < -0.5 for score, _ in rows)
    for score, parts in rows:
        assert parts == pytest.approx(score, abs=1e-9)


def test_what_was_cleared_calibrates_and_what_was_confirmed_does_not(con) -> None:
    add_lots(con, 12)
    add_finding(con, 1, "P20")
    score_lots(con)

    def p_values() -> dict[int, float]:
        return dict(
            con.execute(
                "SELECT lot_id, p_value FROM find_score WHERE detector = 'nearest_prototype'"
            ).fetchall()
        )

    assert p_values()[1] == pytest.approx(1 / 12)  # eleven reference lots
    decide(con, 1, 2, "illegitimate")  # nothing stands on it, yet it is no reference any more
    score_lots(con)
    assert p_values()[1] == pytest.approx(1 / 11)
    decide(con, 2, 1, "cleared")
    score_lots(con)
    assert p_values()[1] == pytest.approx(1 / 11)  # one of the eleven itself
    for pattern in ("P16", "P01", "P02"):
        add_finding(con, 6, pattern)
    score_lots(con)
    # Of nine lots on which nothing stands and the cleared one, the cleared one is odder.
    assert p_values()[6] == pytest.approx(2 / 11)


def test_benign_causes_neither_crowd_out_past_cases_nor_get_lost_among_them(con) -> None:
    add_lots(con, 10)
    for number in range(4):
        con.execute(
            "INSERT INTO raw_case (case_id, kind, product, lots, mechanism_class) "
            "VALUES (?, 'own', 'other', [], 'stolen')",
            [f"ours-{number}"],
        )
        con.execute("INSERT INTO raw_case_signal VALUES (?, 'P16', 'x')", [f"ours-{number}"])
    add_finding(con, 1, "P16")  # five cases are nearer than B22, which is near as well
    add_finding(con, 2, "P04")  # nine benign causes look alike
    score_lots(con)
    assert [c["kind"] for c in cited(con, 1)] == ["own"] * 3 + ["public", "benign"]
    assert cited(con, 1)[4]["is_near"]
    assert sum(c["kind"] == "benign" for c in cited(con, 2)) == 2
    assert len(cited(con, 2)) > 2


def test_a_question_the_data_could_not_answer_is_no_difference_yet(con) -> None:
    add_lots(con, 10)
    for lot_id in (1, 2):
        add_finding(con, lot_id, "P01")
        add_finding(con, lot_id, "P02")
    add_finding(con, 2, "P21", "data_gap")
    score_lots(con)
    answered, open_question = (
        next(c for c in cited(con, lot) if c["case_id"] == "ozempic-us-2023-nar0074")
        for lot in (1, 2)
    )
    assert open_question["distance"] < answered["distance"]
    assert "P21" in open_question["unshared"]


def test_says_that_none_is_near_and_still_names_the_nearest(con) -> None:
    add_lots(con, 10)
    con.execute("CREATE TABLE P22_pattern (lot_id INTEGER)")
    con.execute("CREATE TABLE P05_pattern (lot_id INTEGER)")
    for pattern in ("P22", "P05", "P08", "P12", "P16", "P20"):
        add_finding(con, 4, pattern)
    score_lots(con)
    assert len(cited(con, 4)) >= 3
    assert not any(c["is_near"] for c in cited(con, 4))


def test_cases_that_event_data_cannot_show_are_not_cited(con) -> None:
    con.execute("CREATE TABLE P34_pattern (lot_id INTEGER)")
    add_lots(con, 10)
    add_finding(con, 1, "P34")
    score_lots(con)
    assert "gambia-2022" not in [c["case_id"] for c in cited(con, 1)]


@pytest.mark.parametrize("count", [0, 1, 2, LEAST_REFERENCE - 1])
def test_few_lots_get_no_p_value_and_no_crash(con, count) -> None:
    add_lots(con, count)
    if count:
        add_finding(con, 1, "P01")
    assert score_lots(con) == count
    rows = con.execute("SELECT p_value, suspicion_pct FROM find_score").fetchall()
    assert len(rows) == 2 * count
    assert all(p_value is None for p_value, _ in rows)
    assert all(pct is None or 0 <= pct <= 100 for _, pct in rows)


def test_lots_without_any_known_feature_are_scored_as_unknown(con) -> None:
    add_lots(con, 10)
    con.execute(
        "UPDATE feat_lot SET units = NULL, sites = NULL, countries = NULL, "
        "km_per_day_max = NULL, lag_h_p95 = NULL, inferred_share = NULL"
    )
    score_lots(con)
    rows = con.execute(
        "SELECT DISTINCT score, p_value, suspicion_pct FROM find_score "
        "WHERE detector = 'local_density'"
    ).fetchall()
    assert rows == [(None, None, None)]


def test_reference_lots_are_scored_without_themselves(con) -> None:
    add_lots(con, 12)
    con.execute("UPDATE feat_lot SET units = 1e9, km_per_day_max = 1e9 WHERE lot_id = 5")
    score_lots(con)
    [(p_value,)] = con.execute(
        "SELECT p_value FROM find_score WHERE detector = 'local_density' AND lot_id = 5"
    ).fetchall()
    assert p_value == pytest.approx(1 / 12)


def test_a_second_run_gives_the_same_rows(con) -> None:
    add_lots(con, 15)
    add_finding(con, 3, "P21")
    tables = ("find_score", "find_score_part", "find_cited_case")
    score_lots(con)
    once = [con.table(table).fetchall() for table in tables]
    score_lots(con)
    assert [con.table(table).fetchall() for table in tables] == once


def test_the_graph_is_measured_from_the_makers(con) -> None:
    con.execute("INSERT INTO core_site VALUES (1, 'maker'), (2, 'wholesaler'), (3, NULL)")
    con.execute("INSERT INTO graph_edge VALUES (1, 2, 4, 10, NULL, NULL), (2, 3, 1, 2, NULL, NULL)")
    assert measure_graph(con) == measure_graph(con) > 0
    hops = con.execute(
        "SELECT site_id, value FROM graph_site_measure WHERE measure = 'hops_from_maker'"
    ).fetchall()
    assert hops == [(1, 0), (2, 1), (3, 2)]


def test_an_empty_graph_is_measured_as_nothing(con) -> None:
    assert measure_graph(con) == 0


def test_a_signal_that_many_lots_of_the_run_show_makes_a_lot_less_suspect(con) -> None:
    add_lots(con, 12)
    add_finding(con, 1, "P02")

    def score() -> float:
        score_lots(con)
        [(value,)] = con.sql(
            "SELECT score FROM find_score WHERE detector = 'nearest_prototype' AND lot_id = 1"
        ).fetchall()
        return float(value)

    rare = score()
    for lot in range(2, 9):
        add_finding(con, lot, "P02")
    assert rare < score() < 0
