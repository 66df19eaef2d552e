"""Local working time for whole columns: offsets, office hours, weekends, cut-off hours.

Times are UTC microseconds. A zone's offsets come from a table of its transitions, made once; the
rest is integer arithmetic.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np

from data.simulator.chance import I64, Mask

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

_ZONE_BITS = 54  # microseconds of any year until 2500 fit below
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLOSED_DAYS = ((1, 1), (5, 1), (12, 25), (12, 26))  # month, day: closed nearly everywhere


def to_us(at: datetime) -> int:
    """A time as UTC microseconds."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def from_us(at_us: int) -> datetime:
    """UTC microseconds as a time."""
    return _EPOCH + timedelta(microseconds=int(at_us))


@dataclass(frozen=True)
class Clocks:
    """Offsets and working days of several zones over a span of years.

    ``keys`` holds each zone's transitions under its number, ``offsets_us`` the offset from there
    on. ``next_workday[kind, day]`` is the first day not before ``day`` (both counted from
    ``first_day``) that is worked; ``kind`` is 0 for Monday to Friday, 1 to Saturday, 2 for all
    days.
    """

    zones: tuple[str, ...]
    keys: I64
    offsets_us: I64
    first_day: int
    next_workday: I64

    def offset_us(self, at_us: I64, zone_no: I64) -> I64:
        """Local time less UTC."""
        place = np.searchsorted(self.keys, (zone_no << _ZONE_BITS) + at_us, side="right") - 1
        return self.offsets_us[place]

    def local_us(self, at_us: I64, zone_no: I64) -> I64:
        """Wall clock of a zone, as microseconds."""
        return at_us + self.offset_us(at_us, zone_no)

    def utc_us(self, local_us: I64, zone_no: I64) -> I64:
        """UTC of a wall clock; in the doubled hour of autumn the later."""
        guess = local_us - self.offset_us(local_us, zone_no)
        return local_us - self.offset_us(guess, zone_no)

    def open_hours(self, at_us: I64, zone_no: I64, hours: "Hours", jitter_us: I64) -> I64:
        """The same time where the place is open then, else soon after it next opens.

        ``jitter_us`` keeps a morning's work from happening in one second.
        """
        local = self.local_us(at_us, zone_no)
        day, clock = local // DAY_US, local % DAY_US
        worked = self._workday(day, hours.week)
        is_open = (worked == day) & (clock >= hours.opens_us) & (clock < hours.closes_us)
        next_day = np.where((worked == day) & (clock >= hours.closes_us), day + 1, day)
        opened = self._workday(next_day, hours.week) * DAY_US + hours.opens_us + jitter_us
        return np.where(is_open, at_us, self.utc_us(opened, zone_no))

    def next_departure(self, at_us: I64, zone_no: I64, hours: "Hours", jitter_us: I64) -> I64:
        """When goods leave that were ready at a time: after the day's cut-off, or the next day's.

        A shipping wave leaves in the two hours before closing; what comes after its cut-off
        (its beginning) waits for the next working day.
        """
        cut = hours.closes_us - 2 * HOUR_US
        local = self.local_us(at_us, zone_no)
        day, clock = local // DAY_US, local % DAY_US
        ready = np.where(clock > cut, day + 1, day)
        left = self._workday(ready, hours.week) * DAY_US + cut + jitter_us
        return self.utc_us(left, zone_no)

    def is_worked(self, at_us: I64, zone_no: I64, hours: "Hours") -> Mask:
        """Whether the place is open at a time."""
        local = self.local_us(at_us, zone_no)
        day, clock = local // DAY_US, local % DAY_US
        in_hours = (clock >= hours.opens_us) & (clock < hours.closes_us)
        return np.asarray((self._workday(day, hours.week) == day) & in_hours)

    def _workday(self, day: I64, week: I64) -> I64:
        place = np.clip(day - self.first_day, 0, self.next_workday.shape[1] - 1)
        return self.next_workday[week, place] + self.first_day


@dataclass(frozen=True)
class Hours:
    """Opening hours, one row a place: local microseconds of the day, and the kind of week."""

    opens_us: I64
    closes_us: I64
    week: I64

    def of(self, rows: I64) -> "Hours":
        """The hours of the places with these numbers."""
        return Hours(self.opens_us[rows], self.closes_us[rows], self.week[rows])


def make_clocks(zones: tuple[str, ...], first: datetime, last: datetime) -> Clocks:
    """Tabulate zones between two times, with a margin of a year before and six after."""
    start, end = first - timedelta(days=400), last + timedelta(days=2200)
    keys: list[int] = []
    offsets: list[int] = []
    for number, name in enumerate(zones):
        zone = ZoneInfo(name)
        for at, offset in _transitions(zone, start, end):
            keys.append((number << _ZONE_BITS) + at)
            offsets.append(offset)
    first_day = to_us(start) // DAY_US
    count = (end - start).days + 1
    return Clocks(
        zones,
        np.array(keys, dtype=np.int64),
        np.array(offsets, dtype=np.int64),
        first_day,
        _workdays(first_day, count),
    )


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


def _transitions(zone: ZoneInfo, start: datetime, end: datetime) -> list[tuple[int, int]]:
    """Times and offsets of a zone: the first row is from the beginning of time."""
    rows = [(0, _offset(zone, start) // timedelta(microseconds=1))]
    weeks = [start + timedelta(days=7 * n) for n in range((end - start).days // 7 + 2)]
    for early, late in pairwise(weeks):
        before, after = _offset(zone, early), _offset(zone, late)
        if before == after:
            continue
        low, high = early, late
        while high - low > timedelta(minutes=1):
            middle = low + (high - low) / 2
            low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
        change = high.replace(second=0, microsecond=0)
        rows.append((to_us(change), after // timedelta(microseconds=1)))
    return rows


def _workdays(first_day: int, count: int) -> I64:
    """For each kind of week the next worked day, as days from the first."""
    out = np.empty((3, count), dtype=np.int64)
    days = [(_EPOCH + timedelta(days=first_day + n)) for n in range(count)]
    for kind, length in enumerate((5, 6, 7)):
        following = count - 1
        for place in range(count - 1, -1, -1):
            day = days[place]
            is_closed = kind < 2 and (day.month, day.day) in _CLOSED_DAYS
            if day.weekday() < length and not is_closed:
                following = place
            out[kind, place] = following
    return out
