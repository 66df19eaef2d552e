"""A simulated world: laws that an honest one keeps, and the same bytes for the same wishes."""

import hashlib
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import InputError
from data.simulator.feeds import NOISE
from data.simulator.profiles import Wishes, world_of
from data.simulator.stage import day_of
from data.simulator.world import Played, World, chunks, simulate

HONEST = World(4, 90, 5, date(2026, 3, 2), 10, noise=NOISE["none"], tail_days=60)


def _all_of(world: World) -> pl.DataFrame:
    return pl.concat([sent for sent, _stage in chunks(world)]).sort("at_us", "event_no")


class _Replay:
    """Where each thing is, event by event: slow, and plain to see."""

    def __init__(self) -> None:
        self.at: dict[str, object] = {}  # a site, ("road", site), or "gone"
        self.inside: dict[str, str] = {}
        self.holds: dict[str, set[str]] = {}

    def commissioning(self, event: dict[str, Any]) -> None:
        for thing in event["epcs"]:
            assert thing not in self.at
            self.at[thing] = event["site"]

    def packing(self, event: dict[str, Any]) -> None:
        parent = event["parent"]
        assert not self.holds.get(parent)
        self.at[parent] = event["site"]
        for child in event["children"]:
            assert self.at[child] == event["site"]
            assert child not in self.inside
            self.inside[child] = parent
        self.holds[parent] = set(event["children"])

    def unpacking(self, event: dict[str, Any]) -> None:
        parent = event["parent"]
        assert self.at[parent] == event["site"]
        assert parent not in self.inside
        assert self.holds.pop(parent) == set(event["children"])
        for child in event["children"]:
            self.at[child] = event["site"]
            del self.inside[child]

    def shipping(self, event: dict[str, Any]) -> None:
        assert event["site"] == event["place_from"]
        for thing in event["epcs"]:
            assert self.at[thing] == event["site"]
            assert thing not in self.inside
            self.at[thing] = ("road", event["place_to"])

    def receiving(self, event: dict[str, Any]) -> None:
        assert event["site"] == event["place_to"]
        for thing in event["epcs"]:
            assert self.at[thing] == ("road", event["site"])
            self.at[thing] = event["site"]

    def sensor_reporting(self, event: dict[str, Any]) -> None:
        assert all(self.at[thing] == event["site"] for thing in event["epcs"])

    def dispensing(self, event: dict[str, Any]) -> None:
        for thing in event["epcs"]:
            assert self.at[thing] == event["site"]
            assert thing not in self.inside
            self.at[thing] = "gone"

    retail_selling = dispensing


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    lots=st.integers(1, 6),
    units=st.integers(20, 300),
    tail_days=st.integers(1, 150),
)
def test_without_attacks_and_noise_nothing_is_lost_doubled_or_in_two_places(
    seed: int, lots: int, units: int, tail_days: int
) -> None:
    world = replace(HONEST, seed=seed, lots=lots, units=units, tail_days=tail_days)
    replay = _Replay()
    for event in _all_of(world).iter_rows(named=True):
        getattr(replay, event["step"])(event)


def test_every_pack_of_the_lot_master_is_printed_and_none_besides(tmp_path: Path) -> None:
    simulate(tmp_path, HONEST)
    listed = pl.read_csv(tmp_path / "feed" / "lists" / "lot_master.csv", infer_schema=False)
    printed = (
        _all_of(HONEST)
        .filter(pl.col("step") == "commissioning")
        .group_by("lot")
        .agg(pl.col("epcs").list.len().sum().alias("count"), pl.col("epcs").explode().n_unique())
    )
    both = listed.join(printed, on="lot", how="full")
    assert (both["quantity"].cast(pl.Int64) == both["count"]).all()
    assert (both["count"] == both["epcs"]).all()


def test_no_line_is_started_on_a_weekend() -> None:
    printed = _all_of(replace(HONEST, lots=30, days=21)).filter(pl.col("step") == "commissioning")
    first = printed.group_by("lot").agg(pl.from_epoch(pl.col("at_us").min(), "us").dt.weekday())
    assert first["at_us"].is_between(1, 5).all()
    assert first["at_us"].n_unique() == 5


def test_nothing_is_made_before_its_launch_and_seasonal_goods_mostly_in_season() -> None:
    made: list[tuple[int, date]] = []
    products = {}
    for _sent, stage in chunks(replace(HONEST, lots=1500, units=20, days=365, tail_days=1)):
        products = {p.no: p for p in stage.net.products}
        lots = stage.life.lots
        made += [
            (int(p), day_of(int(us))) for p, us in zip(lots.product, lots.made_us, strict=True)
        ]
    assert all(products[p].launched <= day for p, day in made)
    seasonal = [(products[p].season, day.month) for p, day in made if products[p].season]
    off = [abs((season - month + 6) % 12 - 6) > 3 for season, month in seasonal]
    # Five months of twelve lie off season: evenly made, five lots in twelve would.
    assert sum(off) < 0.3 * len(off)


def _digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_wishes_give_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    world = replace(HONEST, noise=NOISE["real"], attacks=(Played("P12"),), formats=("xml", "json"))
    for name, made in (("a", world), ("b", world), ("c", replace(world, seed=6))):
        simulate(tmp_path / name, made)
    assert _digest(tmp_path / "a") == _digest(tmp_path / "b")
    assert _digest(tmp_path / "a") != _digest(tmp_path / "c")


def test_the_size_of_a_chunk_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = replace(HONEST, noise=NOISE["real"], attacks=(Played("P01"), Played("P12")))
    whole = _all_of(world)
    monkeypatch.setattr("data.simulator.world.CHUNK_PACKS", 90)
    assert _all_of(world).equals(whole)


def test_an_attack_leaves_the_rest_of_the_world_as_it_is() -> None:
    world = replace(HONEST, noise=NOISE["real"])
    attacked = replace(world, attacks=(Played("P01"), Played("P12", 2.0, 0.1)))
    changed = replace(world, attacks=(Played("P01"), Played("P12", 1.0, 0.9)))
    before, one, two = _all_of(world), _all_of(attacked), _all_of(changed)
    assert one.join(before, on="event_no", how="semi").equals(before)
    assert two.join(before, on="event_no", how="semi").equals(before)
    assert len(one) > len(before)


def test_what_is_recorded_after_the_end_has_not_arrived() -> None:
    world = replace(HONEST, noise=NOISE["high"], tail_days=20)
    end_us = int(world.until.timestamp()) * 1_000_000
    sent = _all_of(world)
    assert len(sent)
    assert (sent["recorded_us"] <= end_us).all()


@pytest.mark.parametrize(
    "wishes",
    [
        Wishes(lots=0),
        Wishes(attacks="P99"),
        Wishes(attacks="P12:0:1"),
        Wishes(attacks="P12:x"),
        Wishes(noise="loud"),
        Wishes(formats="pdf"),
        Wishes(start="tomorrow"),
        Wishes(case="nobody"),
    ],
)
def test_a_wish_that_cannot_be_met_is_named(wishes: Wishes) -> None:
    with pytest.raises(InputError, match=r"Expected|Known|Choose|Write"):
        world_of("demo", wishes)
