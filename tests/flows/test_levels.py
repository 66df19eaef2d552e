"""Edges, sites and ways on the sample feed: planted trade is found, and the parts add up."""

from data.warehouse.connection import open_read_only
from tests.flows.conftest import SampleRun

GREY_TRADER = "9521234000167"  # buys packs back from pharmacies and sells them on


def ask(sample: SampleRun, query: str, *values: object) -> list[tuple[object, ...]]:
    with open_read_only(sample.outcome.snapshot) as con:
        return con.execute(query, values).fetchall()


def test_the_grey_trader_is_among_the_most_unusual_edges(sample: SampleRun) -> None:
    top = ask(
        sample,
        "SELECT from_gln, to_gln FROM edge_score WHERE suspicion_pct IS NOT NULL "
        "ORDER BY suspicion_pct DESC, subject LIMIT 5",
    )
    assert any(GREY_TRADER in edge for edge in top)


def test_odd_ways_gather_in_the_attacked_lots(sample: SampleRun) -> None:
    attacked = {(row["gtin"], row["lot"]) for row in sample.truth if row["label"] == "attack"}
    rows = ask(sample, "SELECT gtin, lot, oddest_pct FROM lot_trajectory WHERE oddest_pct > 0")
    order = sorted(rows, key=lambda row: -float(str(row[2])))
    found = sum((gtin, lot) in attacked for gtin, lot, _ in order[: len(attacked)])
    assert found >= len(attacked) / 2


def test_published_parts_add_up_to_the_published_score(sample: SampleRun) -> None:
    for view in ("edge_score", "site_score", "trajectory_score"):
        rows = ask(
            sample,
            "SELECT any_value(score), sum(contribution), bool_and(exact) "  # noqa: S608
            f"FROM {view} JOIN level_part USING (subject) WHERE level = ? GROUP BY subject",
            view.removesuffix("_score"),
        )
        assert rows
        assert all(exact for *_, exact in rows)
        assert max(abs(float(str(a)) - float(str(b))) for a, b, _ in rows) < 1e-9


def test_levels_raise_no_lot(sample: SampleRun) -> None:
    """A lot's tier is that of its findings, or watch by the detectors of lots."""
    assert ask(
        sample,
        "SELECT count(*) FROM lot_risk r JOIN find_lot f ON true JOIN core_lot l "
        "ON l.lot_id = f.lot_id AND l.gtin = r.gtin AND l.lot = r.lot "
        "WHERE r.tier <> f.tier AND NOT (f.tier = 'clear' AND r.tier = 'watch')",
    ) == [(0,)]
