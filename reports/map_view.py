"""The map of a lot's movements and the table that says the same."""

from reports import phrases
from reports.claims import Lane, LotEvidence, Place
from reports.parts import Table, place_of
from reports.phrases import as_title, decimal, joined_long, number, packs, place_name
from reports.picture_view import (
    flagged_lanes,
    flagged_sites,
    knowing_of,
    labels_words,
    route_tip,
)
from reports.route_map import MapPicture, Route, Spot
from reports.wording import lines, say

MOST_SPOTS = 40

Spots = dict[tuple[float, float], list[Place]]


def map_picture(evidence: LotEvidence) -> MapPicture | None:
    """Return the map, or None where fewer than two places with known positions trade."""
    spots, numbers = _spots(evidence)
    routes = _routes(evidence, numbers)
    if len(spots) < 2 or not routes:
        return None
    suspects = flagged_sites(evidence)
    drawn = tuple(
        Spot(
            no=no,
            name=_town(places),
            latitude=latitude,
            longitude=longitude,
            tip="; ".join(place_name(place) for place in places),
            is_flagged=any(place.site_id in suspects for place in places),
        )
        for no, ((latitude, longitude), places) in enumerate(spots.items(), 1)
    )
    between = tuple(route for route in routes if route.source != route.target)
    description = say(
        "movements.map.description",
        places=say("movements.map.places", n=len(drawn)),
        lanes=say("movements.map.lanes", n=len(between)),
        cited=sum(route.is_flagged for route in between),
    )
    return MapPicture(say("page.map"), description, drawn, between)


def map_note(evidence: LotEvidence) -> str:
    """Say how many sites are not on the map, or nothing."""
    _, numbers = _spots(evidence)
    sites = {s for lane in evidence.lanes.rows for s in (lane.from_site_id, lane.to_site_id)}
    left = len([site for site in sites if site not in numbers])
    return say("movements.map.not_drawn", n=left) if left else ""


def map_table(evidence: LotEvidence) -> Table:
    """List the places of the map with their positions and what went on from each."""
    spots, numbers = _spots(evidence)
    routes = _routes(evidence, numbers)
    suspects = flagged_sites(evidence)
    rows = []
    for no, ((latitude, longitude), places) in enumerate(spots.items(), 1):
        sent = [
            say("movements.map.sent", to=str(route.target), packs=_packs(route.units))
            for route in routes
            if route.source == no
        ]
        labels = [label for place in places for label in suspects.get(place.site_id, [])]
        rows.append(
            (
                str(no),
                joined_long(phrases.place_line(place) for place in places),
                _lies_at(latitude, longitude),
                as_title("; ".join(sent)) or say("movements.map.nothing"),
                labels_words(list(dict.fromkeys(labels))),
            )
        )
    return Table(lines("movements.heads.map"), tuple(rows), "nttt")


def _packs(units: float) -> str:
    return packs(units) if units else say("movements.map.packs_not_stated")


def _lies_at(latitude: float, longitude: float) -> str:
    north, east = "north" if latitude >= 0 else "south", "east" if longitude >= 0 else "west"
    return say(
        "movements.map.position",
        latitude=say(f"language.coordinates.{north}", degrees=decimal(abs(latitude), 1)),
        longitude=say(f"language.coordinates.{east}", degrees=decimal(abs(longitude), 1)),
    )


def _spots(evidence: LotEvidence) -> tuple[Spots, dict[int | None, int]]:
    """Sites of the lanes by position, a tenth of a degree apart, and each site's number."""
    spots: Spots = {}
    for lane in evidence.lanes.rows:  # in order of weight
        for site_id in (lane.from_site_id, lane.to_site_id):
            place = place_of(evidence, site_id)
            where = _position(place)
            if place is None or where is None:
                continue
            if where in spots or len(spots) < MOST_SPOTS:
                known = spots.setdefault(where, [])
                if place not in known:
                    known.append(place)
    numbers: dict[int | None, int] = {
        place.site_id: no for no, places in enumerate(spots.values(), 1) for place in places
    }
    return spots, numbers


def _position(place: Place | None) -> tuple[float, float] | None:
    if place is None or place.latitude is None or place.longitude is None:
        return None
    if not (abs(place.latitude) <= 85 and abs(place.longitude) <= 180):
        return None  # no place that a map can show, or no number at all
    return round(place.latitude, 1), round(place.longitude, 1)


def _town(places: list[Place]) -> str:
    towns = [place.city or place_name(place) for place in places]
    return towns[0]


def _routes(evidence: LotEvidence, numbers: dict[int | None, int]) -> list[Route]:
    flagged = flagged_lanes(evidence)
    gathered: dict[tuple[int, int], list[Lane]] = {}
    for lane in evidence.lanes.rows:
        if lane.from_site_id in numbers and lane.to_site_id in numbers:
            ends = numbers[lane.from_site_id], numbers[lane.to_site_id]
            gathered.setdefault(ends, []).append(lane)
    routes = []
    for (source, target), lanes in gathered.items():
        labels = list(
            dict.fromkeys(
                label
                for lane in lanes
                for label in flagged.get((lane.from_site_id, lane.to_site_id), [])
            )
        )
        units = sum(lane.units for lane in lanes)
        knowing = knowing_of(lanes)
        routes.append(
            Route(
                source=source,
                target=target,
                units=units,
                label=" · ".join([labels_words(labels), number(units)]),
                knowing=knowing,
                is_flagged=bool(labels),
                tip=route_tip(
                    say("movements.custody.from_to", from_place=str(source), to_place=str(target)),
                    units,
                    knowing,
                    labels,
                ),
            )
        )
    return routes
