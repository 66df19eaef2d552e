"""A short campaign with every build, and that a campaign would see a fault."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from data.readers import epcis_frames, epcis_xml
from data.readers.batch import Batch
from data.readers.epcis_columns import Columns
from tests.fuzz import targets
from tests.fuzz.__main__ import added
from tests.fuzz.campaign import Findings, campaign, is_crash, minimised, seeds
from tests.fuzz.mutations import LARGEST_BYTES, mutated
from tests.fuzz.targets import GROUPED, WEIGHTS, Broken, Counts, Group, read_as

INPUTS = 250


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    return campaign(INPUTS, 20261124, tmp_path_factory.mktemp("fuzz"))


def test_no_reader_fails_and_the_counts_add_up(findings: Findings) -> None:
    assert findings.crashes == {}
    assert findings.inputs >= INPUTS
    for name, tally in findings.tallies.items():
        assert tally.read == tally.accepted + tally.set_aside, name
        assert tally.inputs and tally.accepted and tally.slowest_s < 10, name


def test_inputs_that_reach_new_lines_join_the_corpus(findings: Findings) -> None:
    assert findings.kept
    assert findings.lines > 1_500


def test_every_reader_accepts_something_of_the_kept_corpus(tmp_path: Path) -> None:
    pools = seeds()
    assert set(pools) == set(WEIGHTS)
    for data in pools["file"]:
        assert read_as("file", data, tmp_path).accepted, data[:60]
    for target, pool in pools.items():
        assert any(read_as(target, data, tmp_path).accepted for data in pool), target


def test_mutations_are_the_same_for_the_same_seed_and_bounded() -> None:
    pool = seeds()["file"]
    one, other = ([mutated(pool[n % 9], pool[3], rng) for n in range(900)] for rng in _twins())
    assert one == other
    assert len({*one}) > 800
    assert max(map(len, one)) < 2 * LARGEST_BYTES


def _twins() -> tuple[Random, Random]:
    return Random(3), Random(3)


def test_what_a_reader_raises_is_a_crash_and_is_made_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fragile(stream: object) -> Iterator[object]:
        if b"Depot" in stream.read():  # type: ignore[attr-defined]
            raise KeyError("Depot")
        yield from ()

    monkeypatch.setitem(targets._READERS, "xml", fragile)
    found = campaign(0, 1, tmp_path)
    where = "KeyError at the checks"
    target, data = found.crashes[where]
    assert target == "xml"
    small = minimised(data, lambda part: is_crash(target, part, where, tmp_path))
    assert small == b"Depot"


def test_a_record_that_is_lost_is_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = seeds()["xml"][0]
    assert read_as("xml", data, tmp_path) == Counts(6, 5, 1)
    real = epcis_xml.read_xml

    def losing(stream: object) -> Iterator[object]:
        for batch in real(stream):  # type: ignore[arg-type]
            object.__setattr__(batch, "events", batch.events.tail(-1))
            yield batch

    monkeypatch.setitem(targets._READERS, "xml", losing)
    with pytest.raises(Broken, match="add up"):
        read_as("xml", data, tmp_path)


@pytest.mark.parametrize("target", sorted(GROUPED))
def test_a_group_comes_to_what_its_inputs_come_to_alone(target: str, tmp_path: Path) -> None:
    group, alone = Group(target), []
    for data in seeds()[target]:
        group.read(data)
        alone.append(read_as(target, data, tmp_path))
    sums = Counts(
        *(sum(getattr(one, name) for one in alone) for name in ("read", "accepted", "set_aside"))
    )
    assert group.close() == sums
    assert sums.accepted


def test_a_record_that_the_frames_of_a_group_lose_is_a_crash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group = Group("xml")
    group.read(seeds()["xml"][0])
    real = epcis_frames.to_batch

    def losing(columns: Columns, unit: str) -> Batch:
        batch = real(columns, unit)
        return replace(batch, events=batch.events.tail(-1), read_count=batch.read_count - 1)

    monkeypatch.setattr(epcis_frames, "to_batch", losing)
    with pytest.raises(Broken, match="do not hold all"):
        group.close()


def test_figures_count_on_from_round_to_round() -> None:
    one = {"inputs": 2, "peak_memory_mb": 5, "targets": {"xml": {"read": 1, "slowest_s": 0.5}}}
    other = {"inputs": 3, "peak_memory_mb": 4, "targets": {"xml": {"read": 2, "slowest_s": 0.7}}}
    crash = {"crashes": {"KeyError at a.py:1": "var/fuzz/crashes/a"}}
    assert added({**one, "crashes": {}}, {**other, **crash}) == {
        "inputs": 5,
        "peak_memory_mb": 5,
        "targets": {"xml": {"read": 3, "slowest_s": 0.7}},
        **crash,
    }
