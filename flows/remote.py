"""Inputs that lie in an object store or on a server: ``s3://bucket/inbox``, ``sftp://host/out``.

What is new there is copied into a folder beside the warehouse, then landed like any file. fsspec
knows how to reach the store; its package for it (s3fs, gcsfs, adlfs, paramiko) and the store's own
settings say who we are. A document never causes a fetch; only the operator's own words do.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from data.errors import InputError

_URL = re.compile(r"([a-z][a-z0-9+.-]*)://.+", re.IGNORECASE)
SEEN = ".seen.json"


def is_remote(text: str) -> bool:
    """Whether an input is an address, not a path."""
    return bool(_URL.fullmatch(text))


def local_inputs(inputs: Iterable[str], beside: Path) -> list[Path]:
    """Inputs as paths, addresses as the folders that their files were copied to.

    Parameters
    ----------
    inputs
        Paths and addresses.
    beside
        The warehouse; copies lie in ``<warehouse>.fetched``.

    Raises
    ------
    InputError
        An address cannot be reached, or the package that could is not installed.
    """
    root = beside.with_suffix(".fetched")
    return [_fetched(text, root) if is_remote(text) else Path(text) for text in inputs]


def _fetched(url: str, root: Path) -> Path:
    """Copy what is new under an address; return the folder, named like the address's last part."""
    import fsspec

    name = PurePosixPath(url.split("://", 1)[1]).name or "store"
    folder = root / hashlib.sha256(url.encode()).hexdigest()[:12] / name
    scheme = url.split("://", 1)[0]
    try:
        store, top = fsspec.core.url_to_fs(url)
        found = store.find(top, detail=True)
        _copy(store, top, found, folder)
    except (ImportError, ValueError) as error:
        raise InputError(
            f"{scheme}://: this kind of store cannot be reached here ({type(error).__name__}). "
            "Install the package that fsspec names for it: s3fs, gcsfs, adlfs, paramiko."
        ) from error
    except OSError as error:
        raise InputError(
            f"{scheme}://: the store did not answer as expected ({type(error).__name__}). Check "
            "the address, that this machine may reach it, and who it takes us for."
        ) from error
    if not found:
        raise InputError(f"{scheme}://: nothing lies at this address. Check it.")
    return folder


def _copy(store: Any, top: str, found: dict[str, Any], folder: Path) -> None:
    """Copy files whose size, time or tag is not the one noted; a half copy is never in place."""
    folder.mkdir(parents=True, exist_ok=True)
    book = folder / SEEN
    seen = json.loads(book.read_text(encoding="utf-8")) if book.is_file() else {}
    try:
        _copy_new(store, top, sorted(found), folder, seen)
    finally:  # what was copied before a fault need not be copied again
        book.write_text(json.dumps(seen, sort_keys=True), encoding="utf-8")


def _copy_new(store: Any, top: str, paths: list[str], folder: Path, seen: dict[str, Any]) -> None:
    for path in paths:
        parts = PurePosixPath(path.removeprefix(top).lstrip("/") or PurePosixPath(path).name).parts
        # A key is a partner's text: it may name no place outside, and none that is skipped.
        if any(part in ("..", "/") or part.startswith(".") for part in parts):
            continue
        state = store.ukey(path)
        target = folder.joinpath(*parts)
        if seen.get(path) == state and target.is_file():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        coming = target.with_name(f".{target.name}.coming")
        store.get_file(path, str(coming))
        coming.replace(target)
        seen[path] = state
