"""Inputs in an object store, tried with the one that fsspec keeps in memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from data.errors import InputError
from flows.remote import is_remote, local_inputs


@pytest.fixture
def store() -> Iterator[Any]:
    store = fsspec.filesystem("memory")
    yield store
    store.rm("/", recursive=True)


def names(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("[!.]*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_files_are_copied_once_and_again_when_they_changed(store: Any, tmp_path: Path) -> None:
    store.pipe({"/inbox/a/1.json": b"one", "/inbox/b/2.json": b"two", "/other/3.json": b"no"})
    inputs = ["memory://inbox", str(tmp_path / "here")]
    [folder, here] = local_inputs(inputs, tmp_path / "w.duckdb")
    assert here == tmp_path / "here"
    assert folder.name == "inbox"
    assert names(folder) == {"a/1.json": b"one", "b/2.json": b"two"}

    (folder / "a" / "1.json").write_bytes(b"kept as it is")
    store.pipe({"/inbox/b/2.json": b"changed"})
    local_inputs(inputs, tmp_path / "w.duckdb")
    assert names(folder) == {"a/1.json": b"kept as it is", "b/2.json": b"changed"}


def test_no_key_of_the_store_leads_outside(store: Any, tmp_path: Path) -> None:
    store.pipe({"/inbox/in.json": b"in", "/inbox/.hidden/x.json": b"hidden"})
    store.store["/inbox/../../outside.json"] = store.store["/inbox/in.json"]
    [folder] = local_inputs(["memory://inbox"], tmp_path / "w.duckdb")
    assert names(folder) == {"in.json": b"in"}
    assert not list(tmp_path.rglob("outside.json"))


@pytest.mark.parametrize("address", ["memory://nothing", "nosuchstore://bucket/inbox"])
def test_what_cannot_be_reached_is_said_without_the_address(address: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        local_inputs([address], tmp_path / "w.duckdb")
    assert "inbox" not in str(error.value)


def test_a_path_is_no_address() -> None:
    assert is_remote("s3://bucket/inbox")
    assert not any(map(is_remote, ["/data/inbox", "inbox", "C:\\inbox", "a:/b"]))
