"""Real cities: where they lie, their time zone, and how many people live there."""

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from math import asin, cos, radians, sin, sqrt

import numpy as np

from data.simulator.chance import I64

EARTH_RADIUS_KM = 6371.0
# Countries in the order in which a growing world takes them in; the last four only buy.
COUNTRIES: tuple[str, ...] = (
    "DE",
    "FR",
    "ES",
    "GB",
    "PL",
    "NL",
    "IT",
    "US",
    "GR",
    "AT",
    "CH",
    "BE",
    "PT",
    "IE",
    "TR",
)
BUYING_ABROAD = ("AE", "SG", "KE", "HK")


@dataclass(frozen=True)
class City:
    """A place with its population in thousands."""

    name: str
    country: str
    latitude: float
    longitude: float
    zone: str
    population_k: int


@lru_cache(maxsize=1)
def cities() -> tuple[City, ...]:
    """All cities, in the order of the list."""
    text = (files("data.simulator") / "places.csv").read_text(encoding="utf-8")
    return tuple(
        City(
            row["city"],
            row["country"],
            float(row["latitude"]),
            float(row["longitude"]),
            row["zone"],
            int(row["population_k"]),
        )
        for row in csv.DictReader(text.splitlines())
    )


def distance_km(a: City, b: City) -> int:
    """Great-circle distance, to the kilometre."""
    half_lat = radians(b.latitude - a.latitude) / 2
    half_lon = radians(b.longitude - a.longitude) / 2
    h = sin(half_lat) ** 2
    h += cos(radians(a.latitude)) * cos(radians(b.latitude)) * sin(half_lon) ** 2
    return round(2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(h))))


@lru_cache(maxsize=1)
def distances_km() -> I64:
    """Distance of every pair of cities."""
    places = cities()
    out = np.zeros((len(places), len(places)), dtype=np.int64)
    for i, a in enumerate(places):
        for j in range(i):
            out[i, j] = out[j, i] = distance_km(a, places[j])
    return out
