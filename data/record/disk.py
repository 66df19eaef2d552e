"""Writing that survives a crash: whole files, whole folders, one writer, plain words for faults."""

import ctypes
import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from data.errors import InputError, ResourceError, TouchstoneError, WarehouseError

FILE_MODE = 0o640  # owner writes, group reads, nobody else
FOLDER_MODE = 0o750
_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2
_HERE = -100  # AT_FDCWD
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)


@contextmanager
def one_writer(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file until the block ends; the system lets go of it when the process dies.

    Raises WarehouseError at once where another process holds it.
    """
    with storage_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 20, 0).decode(errors="replace").strip() or "unknown"
            raise WarehouseError(
                f"{what}: another run holds it (process {holder}). Wait until it ends, then run "
                "again; touchstone sql, trace and report read the newest copy meanwhile."
            ) from None
        with suppress(OSError):  # a courtesy to whoever comes second
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def lock_path(path: Path) -> Path:
    """The lock file of a warehouse or a folder of reports: hidden, beside it."""
    return path.with_name(f".{path.name}.lock")


def write_file(path: Path, text: bytes) -> None:
    """Write a file that appears whole or not at all, and is on the disk when this returns."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    with storage_faults(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(text)
            settle(unfinished)
            unfinished.replace(path)
            sync_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise


def settle(path: Path) -> None:
    """Give a file its mode and wait until the disk has its bytes."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fchmod(handle, FILE_MODE)
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Wait until the disk knows the names in the folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def settle_folder(folder: Path) -> None:
    """Settle a folder and all below it."""
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            settle(Path(parent, name))
        Path(parent).chmod(FOLDER_MODE)
        sync_folder(Path(parent))


def swap_folder(ready: Path, target: Path) -> None:
    """Put a finished folder in the place of another at once; the other one is deleted.

    Where the system cannot exchange two names in one step, the old folder is moved away first:
    for that moment there is none, never half of one.
    """
    with storage_faults(target):
        if not target.exists():
            ready.rename(target)
        elif not _exchange(ready, target):
            aside = target.with_name(f".{target.name}.before")
            shutil.rmtree(aside, ignore_errors=True)
            target.rename(aside)
            ready.rename(target)
            ready = aside
        sync_folder(target.parent)
    shutil.rmtree(ready, ignore_errors=True)  # what stays, the next run sweeps away


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step; False where the system or file system cannot."""
    renameat2: Callable[..., int] | None = getattr(
        ctypes.CDLL(None, use_errno=True), "renameat2", None
    )
    if renameat2 is None:
        return False
    return renameat2(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0


@contextmanager
def storage_faults(path: Path) -> Iterator[None]:
    """Turn what the system says about a disk into a message; other errors pass."""
    try:
        yield
    except OSError as error:
        if fault := _of_system(error, path):
            raise fault from error
        raise


@contextmanager
def plain_faults(warehouse: Path) -> Iterator[None]:
    """Turn faults of disk, memory and warehouse file, however deep, into one plain message.

    A model that fails for want of memory is no fault of the model: the causes are looked through.
    """
    try:
        yield
    except Exception as error:
        fault = next(filter(None, (_fault(cause, warehouse) for cause in _causes(error))), None)
        if fault is None or isinstance(error, ResourceError):
            raise
        raise fault from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _fault(error: BaseException, warehouse: Path) -> TouchstoneError | None:
    if isinstance(error, OSError):
        return _of_system(error, Path(error.filename) if error.filename else warehouse)
    if isinstance(error, MemoryError | duckdb.OutOfMemoryException):
        return ResourceError(
            f"{warehouse}: the memory limit was reached. Raise memory_limit in the settings, or "
            "lower threads, then run again: what was landed stays."
        )
    text = str(error).lower() if isinstance(error, duckdb.Error) else ""
    if "no space left" in text or "file too large" in text or "quota" in text:
        return _full(warehouse)
    if "read-only file system" in text:
        return _read_only(warehouse)
    if isinstance(error, duckdb.FatalException) or "checksum" in text or "corrupt" in text:
        return WarehouseError(
            f"{warehouse}: the warehouse file is damaged. Move it aside, with its .wal if there is "
            "one, and run again over the same inputs; the published copies, the trail and the kept "
            "documents are files of their own and unharmed."
        )
    return None


def _of_system(error: OSError, path: Path) -> TouchstoneError | None:
    if error.errno in _FULL:
        return _full(path)
    if error.errno in _CLOSED:
        return _read_only(path)
    return None


def _full(path: Path) -> ResourceError:
    return ResourceError(
        f"{path}: the disk is full. Free some space, then run again: what was landed stays, and "
        "what was published before is untouched."
    )


def _read_only(path: Path) -> ResourceError:
    return ResourceError(
        f"{path}: cannot be written: the disk is read-only, or the folder is not yours. Name "
        "another place, or open it for writing, then run again."
    )


def refuse_foreign(folder: Path, ours: frozenset[str]) -> None:
    """Refuse a folder of reports that holds anything else: it is replaced as a whole.

    ``ours`` are the names, one level deep, that a run writes. Raises InputError.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder. Name another with --out.")
    foreign = sorted(path.name for path in folder.iterdir() if path.name not in ours)
    if foreign:
        raise InputError(
            f"{folder}: holds what Touchstone did not write ({len(foreign)} names, the first is "
            f"{foreign[0]}). The folder of reports is replaced as a whole: name one of its own "
            "with --out."
        )
