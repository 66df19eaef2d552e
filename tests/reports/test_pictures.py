"""Pictures are well-formed, say what they show, and carry meaning without colour."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from xml.etree import ElementTree

import pytest

from reports import picture_view, pictures
from reports.claims import Bounded
from reports.custody_graph import CustodyPicture, Edge, Node, custody
from reports.pictures import Bar, BarPicture, Flag, Mark, TimelinePicture

START = datetime(2024, 1, 1)
SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314


def mark(days: float, lane: int = 0, *, inferred: bool = False) -> Mark:
    return Mark(START + timedelta(days=days), lane, "in", 5, inferred, "tip")


def drawn(*edges: Edge, nodes: str = "abcd") -> ElementTree.Element:
    made = tuple(Node(n, n.upper(), "", "", is_known=True, flag="") for n in nodes)
    return parsed(custody(CustodyPicture("t", "d", made, edges)))


def edge(source: str, target: str, units: float = 1, **values: object) -> Edge:
    plain = Edge(source, target, units, f"{units:g}", "scanned", False, "tip")
    return replace(plain, **values)


def boxes(svg: ElementTree.Element) -> dict[str, float]:
    """Left edge of each box by the node's name."""
    return {
        group.findtext("title", ""): float(group.find("rect").get("x"))
        for group in svg.iter("g")
        if "node" in group.get("class", "")
    }


def test_every_picture_has_a_title_and_a_description(held) -> None:
    for svg in (
        pictures.timeline(picture_view.timeline_picture(held)),
        custody(picture_view.custody_picture(held)),
        pictures.score_bars(picture_view.score_picture(held.scores[0])),
    ):
        root = parsed(svg)
        named = root.get("aria-labelledby", "").split()
        ids = {e.get("id"): e.text for e in root.iter() if e.get("id")}
        assert [bool(ids.get(name)) for name in named] == [True, True]


def test_inferred_marks_and_lines_are_drawn_apart(held) -> None:
    assert "mark in inferred" in pictures.timeline(picture_view.timeline_picture(held))
    assert "edge inferred" in custody(picture_view.custody_picture(held))


def test_a_finding_is_marked_by_its_label_and_not_by_colour_alone(held) -> None:
    labels = re.findall(
        r'class="flag-text"[^>]*>([^<]+)<',
        str(pictures.timeline(picture_view.timeline_picture(held))),
    )
    assert {"F1", "F2"} <= {label for text in labels for label in text.split()}
    edges = re.findall(
        r'class="edge-text flagged"[^>]*>([^<]+)<', str(custody(picture_view.custody_picture(held)))
    )
    assert edges == ["F2 · 20"]


@pytest.mark.parametrize("days", [0, 0.01, 0.3, 3, 40, 400, 4000, 40000])
def test_a_timeline_of_any_length_has_a_few_round_ticks(days: float) -> None:
    picture = TimelinePicture("t", "d", (("Site", ""),), (mark(0), mark(days)), (), ())
    ticks = [e for e in parsed(pictures.timeline(picture)).iter("line") if e.get("class") == "tick"]
    assert 1 <= len(ticks) <= 12


def test_labels_of_findings_that_nearly_touch_are_gathered() -> None:
    flags = tuple(Flag(START + timedelta(minutes=n), 0, f"F{n}", "tip") for n in (1, 2, 10))
    picture = TimelinePicture("t", "d", (("Site", ""),), (mark(0), mark(90)), flags, ())
    texts = [e.text for e in parsed(pictures.timeline(picture)).iter("text")]
    assert "F1 F2 F10" in texts


def test_sites_stand_in_columns_by_transfers() -> None:
    left = boxes(drawn(edge("a", "b"), edge("b", "c"), edge("a", "d")))
    assert left["A"] < left["B"] < left["C"]
    assert left["D"] == left["B"]


def test_a_site_stands_right_of_all_it_received_from() -> None:
    left = boxes(drawn(edge("a", "c"), edge("a", "b"), edge("b", "c"), edge("c", "d")))
    assert left["A"] < left["B"] < left["C"] < left["D"]


def test_goods_that_come_back_are_led_under_the_boxes() -> None:
    svg = drawn(edge("a", "b"), edge("b", "a"), nodes="ab")
    assert boxes(svg)["A"] < boxes(svg)["B"]
    assert float(svg.get("height")) > float(drawn(edge("a", "b"), nodes="ab").get("height"))


def test_wider_lines_carry_more_packs() -> None:
    svg = drawn(edge("a", "b", 1), edge("a", "c", 400))
    thin, thick = (float(path.get("stroke-width")) for path in svg.iter("path"))
    assert thick > thin


def test_a_graph_of_many_sites_folds_the_small_ones(held) -> None:
    lane = held.lanes.rows[0]
    many = tuple(replace(lane, from_site_id=3, to_site_id=1000 + n, units=1.0) for n in range(200))
    picture = picture_view.custody_picture(replace(held, lanes=Bounded((*held.lanes.rows, *many))))
    assert len(picture.nodes) <= picture_view.MOST_NODES + 2
    (folded,) = [node for node in picture.nodes if "further sites" in node.name]
    kept = sum(e.units for e in picture.edges if e.source == "site-3")
    assert folded.name.split()[0].isdigit()
    assert kept == 200 + sum(e.units for e in held.lanes.rows if e.from_site_id == 3)


def test_no_movement_gives_no_picture(held) -> None:
    assert picture_view.custody_picture(replace(held, lanes=Bounded())) is None
    assert picture_view.timeline_picture(replace(held, timeline=Bounded())) is None


def test_score_bars_end_where_they_add_up_to() -> None:
    bars = (Bar("a", 2.0, "+2"), Bar("b", -0.5, "-0.5"))
    root = parsed(pictures.score_bars(BarPicture("s", "t", "d", bars, "Sum", "1.5")))
    ends = [
        (float(r.get("x")), float(r.get("x")) + float(r.get("width"))) for r in root.iter("rect")
    ]
    (start, top), (back, _), (base, total) = ends
    assert start == base
    assert back == total < top


def test_hostile_text_in_a_picture_stays_text() -> None:
    nasty = '<script>x</script>"&'
    picture = TimelinePicture(nasty, nasty, ((nasty, nasty),), (mark(0),), (), (("in", nasty),))
    root = parsed(pictures.timeline(picture))
    assert not list(root.iter("script"))
    assert root.findtext("title") == nasty
