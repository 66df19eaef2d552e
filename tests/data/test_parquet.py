"""Parquet files whose rows, texts and pages cost memory: it stays bounded, and no row is lost."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.readers import parquet
from data.readers.epcis_source import MAX_EPCS
from data.readers.parquet import Refused, read_parquet
from data.readers.slices import read_slices
from data.warehouse.sources import read_source

ROOT = Path(__file__).parents[2]
PACK = "urn:epc:id:sgtin:9521234.00001."

CHILD = """
import resource, sys
from pathlib import Path
from data.warehouse.sources import read_source
from tests.data.test_parquet import write_event
path = Path(sys.argv[1])
if sys.argv[2:]:
    write_event(path, int(sys.argv[2]))
else:
    count = aside = 0
    for member in read_source(path).members:
        for batch in member.batches:
            count += batch.read_count
            aside += batch.rejected.height
    print(count, aside, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)
"""


def write_event(path: Path, members: int, around: int = 10) -> None:
    """An event with so many packs, and others of one pack before and behind it."""
    counts = [1] * around + [members] + [1] * around
    packs = pl.select(pl.format(PACK + "{}", pl.int_range(sum(counts)))).to_series()
    starts = pl.Series([0, *counts]).cum_sum().cast(pl.Int32)
    lists = pa.ListArray.from_arrays(starts.to_arrow(), packs.to_arrow().cast(pa.string()))
    texts = {"event_type": "ObjectEvent", "action": "ADD", "event_time": "2026-03-01T10:00:00Z",
             "biz_step": "commissioning"}  # fmt: skip
    columns: dict[str, Any] = {name: [text] * len(counts) for name, text in texts.items()}
    pa_parquet.write_table(pa.table({**columns, "epcs": lists}), path, row_group_size=around + 5)


def in_a_child(path: Path, *words: str) -> list[int]:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path), *words],
        check=True, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    return [int(word) for word in done.stdout.split()]


@pytest.mark.slow
def test_a_row_of_millions_is_set_aside_and_takes_no_more_than_the_largest_that_is_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.parquet"
    in_a_child(path, str(MAX_EPCS))
    count, aside, largest = in_a_child(path)
    assert (count, aside) == (21, 0)
    in_a_child(path, "4000000")
    count, aside, peak = in_a_child(path)
    # The dictionary of the first row group, has nearly all of them: no row is without it.
    assert (count, aside) == (21, 15)
    assert peak < largest + 100, f"{peak} MB where the largest event that is read takes {largest}"


def test_a_row_with_more_members_than_the_setting_allows_is_set_aside_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.parquet"
    write_event(path, 1_000)
    for most, expected in ((1_000, []), (999, [11])):
        batches = [b for m in read_source(path, max_epcs=most).members for b in m.batches]
        assert sum(batch.read_count for batch in batches) == 21
        aside = pl.concat(batch.rejected for batch in batches).to_dicts()
        assert [row["position"] for row in aside] == expected
        assert all("have 1,000 members, more than 999" in row["reason"] for row in aside)
        assert all("max_epcs_per_event" in row["remedy"] for row in aside)


def test_rows_that_cannot_be_held_are_told_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "MAX_RECORD_BYTES", 1 << 18)
    path = tmp_path / "a.parquet"
    write_event(path, 20_000, around=40)  # in groups of 45 rows
    batches = [batch for member in read_source(path).members for batch in member.batches]
    aside = pl.concat(batch.rejected for batch in batches).to_dicts()
    read = pl.concat(batch.events for batch in batches)["position"].to_list()
    # The rows before the large one are read, those behind it in its row group cannot be.
    assert read == [*range(1, 41), *range(46, 82)]
    assert [row["position"] for row in aside] == [41, 42, 43, 44, 45]
    assert {row["place"] for row in aside} == {f"row {n}" for n in range(41, 46)}
    assert all("MiB" in row["reason"] for row in aside)


def test_a_long_text_that_short_references_repeat_is_a_decompression_bomb(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    row = pa.array(["x" * 1_000_000]).dictionary_encode()
    many = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), row.dictionary)
    pa_parquet.write_table(pa.table({"gln": many, "name": many}), path)
    assert path.stat().st_size < 1_000_000
    [only] = read_slices(path)
    assert "bombs" in only.rejected["reason"].item()


def test_long_texts_are_read_few_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "BATCH_BYTES", 100_000)
    path = tmp_path / "a.parquet"
    texts = [f"{number:01000}" for number in range(1_000)]
    pl.DataFrame({"gln": texts, "name": ["x" * 900] * 1_000}).write_parquet(path)
    slices = list(read_slices(path))
    assert max(one.rows.height for one in slices) <= 60
    assert pl.concat(one.rows for one in slices)["gln"].to_list() == texts


Cells = list[list[str | None] | None]
lengths = st.one_of(st.integers(0, 3), st.sampled_from([40, 300, 2_000]))
cells = st.lists(st.one_of(st.none(), lengths), min_size=1, max_size=60)


def written(table: pa.Table, how: str, group: int) -> io.BytesIO:
    stream = io.BytesIO()
    if how == "polars":
        pl.DataFrame(table).write_parquet(stream, row_group_size=group, data_page_size=512)
    else:
        codec, version, coded = how.split()
        pa_parquet.write_table(
            table, stream, row_group_size=group, data_page_size=512, write_batch_size=64,
            compression=codec, data_page_version=version, use_dictionary=coded == "coded",
        )  # fmt: skip
    return stream


HOW = ("polars", "snappy 1.0 coded", "none 1.0 plain", "zstd 2.0 plain", "gzip 2.0 coded",
       "lz4 1.0 plain")  # fmt: skip


@given(cells, st.sampled_from(HOW), st.sampled_from([7, 1_000]))
@settings(deadline=None, max_examples=60)
def test_every_row_is_read_or_refused_and_only_large_ones_begin_a_refusal(
    counts: list[int | None], how: str, group: int
) -> None:
    lists: Cells = [
        None if count is None else [f"{row}-{n}" if n % 7 else None for n in range(count)]
        for row, count in enumerate(counts)
    ]
    table = pa.table({"a": [str(row) for row in range(len(lists))],
                      "l": pa.array(lists, pa.list_(pa.string()))})  # fmt: skip
    limits = {"MAX_RECORD_BYTES": 6_000, "MAX_PAGE_BYTES": 1 << 20, "BATCH_BYTES": 4_000}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in limits.items():
            patch.setattr(parquet, name, value)
        row = 0
        for part in read_parquet(written(table, how, group)):
            if isinstance(part, Refused):
                assert (counts[row] or 0) >= 100
                row += part.count
                assert row == len(lists) or row % group == 0
            else:
                assert part.column("l").to_pylist() == lists[row : row + part.num_rows]
                row += part.num_rows
                assert max(len(one or ()) for one in part.column("l").to_pylist()) <= 400
        assert row == len(lists)


def test_a_file_cut_off_or_with_odd_headers_is_told_never_raised(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_event(path, 500)
    data = bytearray(path.read_bytes())
    for at in range(4, len(data) - 8, 37):
        spoiled = bytearray(data)
        spoiled[at] ^= 0xFF
        path.write_bytes(spoiled)
        for one in read_slices(path, keep_lists=True):
            assert one.read_count == one.rows.height + one.rejected.height
