"""The files that inputs stand for, the names they are known by, and what each is before it is read.

Nothing that a document names is ever opened.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from data.errors import InputError
from data.warehouse.sources import Unreadable
from data.warehouse.verdicts import CHANGED, verdict_on

SMALL_BYTES = 1 << 20


@dataclass(frozen=True)
class InputFile:
    """A file on its way in; ``verdict`` where it could not be opened, else its hash and state.

    ``report`` is told how many records of it were read, and what became of it.
    """

    path: Path
    name: str
    report: Callable[..., None]
    sha256: str | None = None
    state: os.stat_result | None = None
    verdict: Unreadable | None = None

    @property
    def byte_count(self) -> int | None:
        """Its size when it was hashed."""
        return None if self.state is None else self.state.st_size

    @property
    def is_small(self) -> bool:
        """Whether it is read as a whole before any of it is landed."""
        return is_small(self.byte_count)

    def check_unchanged(self) -> None:
        """Raise Unreadable where the file is no longer what was hashed."""
        if self.state is None or _identity(self.path.stat()) != _identity(self.state):
            raise Unreadable(*CHANGED)


def is_small(byte_count: int | None) -> bool:
    """Whether a file of this size is read as a whole before any of it is landed."""
    return byte_count is not None and byte_count <= SMALL_BYTES


def expand(paths: Iterable[Path], leave: Callable[[Path], bool] | None = None) -> dict[Path, str]:
    """The files that the paths stand for, each with the name the warehouse knows it by.

    Of folders, those that ``leave`` says yes to are left out.

    Raises InputError naming every absent path.
    """
    # Not resolve(): a link keeps the name that the operator gave it.
    given = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100
    if absent := [str(path) for path in given if not os.path.lexists(path)]:
        raise InputError(f"{', '.join(absent)}: no such file or folder. Check the path.")
    found: dict[Path, str] = {}
    for path in dict.fromkeys(given):
        # Two inputs of the same name are told apart by their whole path.
        root = path.parent if sum(other.name == path.name for other in set(given)) == 1 else None
        for file in sorted(_files_below(path)) if path.is_dir() else [path]:
            if leave is not None and file != path and leave(file):
                continue
            found.setdefault(file, _text(file.relative_to(root) if root else file))
    return found


def look(path: Path, name: str, report: Callable[..., None]) -> InputFile:
    """Hash a file; one that cannot be opened has the verdict instead."""
    try:
        return InputFile(path, name, report, *_hash(path))
    except (OSError, Unreadable) as error:
        return InputFile(path, name, report, verdict=verdict_on(error))


def _files_below(folder: Path) -> Iterator[Path]:
    # A folder that cannot be listed is yielded itself, to be set aside like a file.
    closed: list[Path] = []
    walk = os.walk(folder, onerror=lambda error: closed.append(Path(error.filename)))
    for parent, folders, names in walk:
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in names if not name.startswith("."))
    yield from closed


def _hash(path: Path) -> tuple[str, os.stat_result]:
    """Hash of the bytes, and the file's state before they were read."""
    state = path.stat()
    if not stat.S_ISREG(state.st_mode):  # reading a pipe or a device could wait for ever
        raise Unreadable("is not a regular file", "Name a file or a folder.")
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest(), state


def _text(path: Path) -> str:
    """The path as text; what is not UTF-8 in it is replaced, since the warehouse holds UTF-8."""
    return os.fsencode(path).decode(errors="replace")


def _identity(state: os.stat_result) -> tuple[int, int, int]:
    return state.st_ino, state.st_size, state.st_mtime_ns
