"""The map and the cloud of lots: places lie where they are, and a table says the same."""

import re
from dataclasses import replace

import pytest

from reports.claims import Bounded, FeatureSpace, LotEvidence
from reports.evidence import gather
from reports.feature_space import space_picture, space_table
from reports.map_view import map_note, map_picture, map_table
from reports.route_map import MapPicture, Route, Spot, route_map
from reports.view import view_lot
from tests.reports.sample import CLEAR, HOSTILE, HOSTILE_TEXT


def spot(no: int, latitude: float, longitude: float, name: str = "Town") -> Spot:
    return Spot(no, name, latitude, longitude, name, is_flagged=False)


def drawn(*spots: Spot, routes: tuple[Route, ...] = ()) -> str:
    return str(route_map(MapPicture("Map", "Words", spots, routes)))


def centres(svg: str) -> list[tuple[float, float]]:
    return [
        (float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.-]+)" cy="([\d.-]+)"', svg)
    ]


def test_north_is_up_and_east_is_right() -> None:
    (x1, y1), (x2, y2) = centres(drawn(spot(1, 60, 5), spot(2, 40, 15)))
    assert x1 < x2
    assert y1 < y2


def test_places_on_both_sides_of_the_date_line_lie_side_by_side() -> None:
    svg = drawn(spot(1, -18, 178), spot(2, -14, -172), spot(3, -36, 174))
    (fiji, _), (samoa, _), (auckland, _) = centres(svg)
    assert auckland < fiji < samoa


@pytest.mark.parametrize(
    "spots",
    [
        (spot(1, 47.5, 7.6), spot(2, 47.5, 7.6)),
        (spot(1, 85, -180), spot(2, -85, 179.9), spot(3, 0, 0)),
        tuple(spot(n, n / 2, 2 * n - 90) for n in range(1, 90)),
    ],
)
def test_everything_stays_inside_the_picture(spots: tuple[Spot, ...]) -> None:
    svg = drawn(*spots)
    width, height = map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups())
    assert all(0 <= x <= width and 0 <= y <= height for x, y in centres(svg))
    assert len(centres(svg)) == len(spots)


def test_names_that_would_lie_on_each_other_give_way_to_numbers() -> None:
    svg = drawn(spot(1, 50, 8, "First"), spot(2, 50, 8.01, "Second"), spot(3, 40, 2, "Third"))
    labels = re.findall(r'class="spot-text"[^>]*>([^<]+)<', svg)
    assert labels == ["1 First", "2", "3 Third"]


def test_the_map_and_its_table_hold_the_lanes_between_known_places(held) -> None:
    picture, table = map_picture(held), map_table(held)
    assert picture is not None
    assert [str(one.no) for one in picture.spots] == [row[0] for row in table.rows]
    for route in picture.routes:
        assert f"{route.target}: " in table.rows[route.source - 1][3].lower()
    assert "Nordmed Wholesale" in table.rows[0][1]


def test_places_without_a_position_are_counted_and_not_drawn(held) -> None:
    lost = {k: replace(p, latitude=None) for k, p in held.places.items()}
    assert map_picture(replace(held, places=lost)) is None
    one = {**held.places, 4: replace(held.places[4], longitude=float("nan"))}
    assert map_note(replace(held, places=one)).startswith("Not drawn: ")
    assert view_lot(replace(held, lanes=Bounded())).map_picture is None


def test_a_hostile_town_is_text_on_the_map(held) -> None:
    named = {k: replace(p, city=HOSTILE_TEXT, name=HOSTILE_TEXT) for k, p in held.places.items()}
    svg = str(view_lot(replace(held, places=named)).map_picture)
    assert "<script" not in svg
    assert "&lt;script&gt;" in svg


def test_the_lot_stands_among_its_neighbours_by_its_two_weightiest_features(held) -> None:
    space = held.space
    assert (space.x, space.y) == ("km_per_day_max", "countries")
    assert [(p.lot, p.kind, p.x, p.y) for p in space.points] == [
        ("RV2406A", "lot", 755.0, 4.0),
        (CLEAR[1], "neighbour", 210.0, 2.0),
    ]
    table, svg = space_table(held), str(space_picture(held))
    assert [row[1] for row in table.rows] == ["RV2406A", CLEAR[1]]
    assert svg.count('class="point"') == 2
    assert "1 neighbour" in svg


def test_a_lot_without_a_score_or_a_value_has_no_such_picture(con, held) -> None:
    assert gather(con, *HOSTILE).space is None
    first, *rest = held.space.points
    blank = (replace(first, x=None), *rest)
    without: LotEvidence = replace(held, space=FeatureSpace("a", "b", blank))
    assert space_picture(without) is None
    assert space_table(without).rows[0][4] == "not known"


def test_equal_values_do_not_break_the_axes(held) -> None:
    same = tuple(replace(point, x=0.0, y=0.0) for point in held.space.points)
    svg = space_picture(replace(held, space=FeatureSpace("a", "b", same)))
    assert "nan" not in str(svg)
