"""How a drop folder is treated: what is still being written is left alone, what is done may move.

Partners deliver into one folder or a folder each. Names that begin with a dot never count.
"""

import logging
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from data.errors import InputError, SettingsError

_LOG = logging.getLogger(__name__)

# What copying programs call a file until it is whole.
UNFINISHED = frozenset({".part", ".partial", ".filepart", ".tmp", ".crdownload"})


@dataclass(frozen=True)
class Sieve:
    """Says yes to a file that is not to be read yet, and notes it.

    Such a file is still being written at ``now``, or came after ``arrived_by`` (seconds).
    """

    settle_s: float
    now: float
    arrived_by: float | None = None
    left: set[Path] = field(default_factory=set)

    def __call__(self, path: Path) -> bool:
        """Whether to leave the file for the next run."""
        if path.suffix.casefold() in UNFINISHED or self._is_early(path):
            self.left.add(path)
        return path in self.left

    def _is_early(self, path: Path) -> bool:
        try:
            modified = path.stat().st_mtime
        except OSError:
            return False  # landing says what is wrong with it
        if self.arrived_by is not None and modified > self.arrived_by:
            return True
        # A clock that is wrong, here or there, makes a file wait a while, never for ever.
        return abs(self.now - modified) < self.settle_s


@dataclass(frozen=True)
class Inbox:
    """The conventions of a drop folder.

    ``settle_s``: seconds for which a file must have lain unchanged. ``move_done`` and
    ``move_set_aside``: folders that take files away once they are landed, or set aside as a whole;
    None leaves them. ``arrived_by`` (UTC) leaves files that were modified later.
    """

    settle_s: float = 0
    move_done: Path | None = None
    move_set_aside: Path | None = None
    arrived_by: datetime | None = None

    def check(self, inputs: tuple[Path, ...]) -> None:
        """Raise SettingsError where a file moved away would be met again by the next run."""
        folders = {"move_done": self.move_done, "move_set_aside": self.move_set_aside}
        for name, folder in folders.items():
            for path in inputs:
                if folder is not None and folder.resolve().is_relative_to(path.resolve()):
                    raise SettingsError(
                        f"{name}: {folder} lies inside the input {path}, so that the next run "
                        "would read it again. Name a folder outside."
                    )

    def sieve(self) -> Sieve:
        """Return the test for one look at the inbox. The machine's clock is read only to wait."""
        by = None if self.arrived_by is None else self.arrived_by.timestamp()
        return Sieve(self.settle_s, time.time() if self.settle_s else 0.0, by)

    def clear(self, done: Mapping[Path, tuple[str, bool]]) -> None:
        """Move files away once the warehouse holds them.

        ``done`` has the name by which the warehouse knows a file, which it keeps, and whether it
        was landed. Of two files of one name the second gets a number. What cannot be moved stays:
        its bytes are known.
        """
        stuck = 0
        for path, (name, is_landed) in done.items():
            folder = self.move_done if is_landed else self.move_set_aside
            if folder is None:
                continue
            try:
                target = _free(folder / name.lstrip("/"))
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(path, target)
            except OSError:
                stuck += 1
        if stuck:
            _LOG.warning(
                "%s files could not be moved out of the inbox; they stay there, known. Check that "
                "the folders may be written.",
                stuck,
            )


def _free(target: Path) -> Path:
    free, number = target, 1
    while free.exists():
        number += 1
        free = target.with_name(f"{target.stem}.{number}{target.suffix}")
    return free


def moments(since: datetime, until: datetime, every_h: int) -> Iterator[datetime]:
    """The moments of a backfill, both ends included. Raises InputError where the last is first."""
    if until < since:
        raise InputError(f"--to {until.isoformat()}: earlier than --from {since.isoformat()}.")
    while since <= until:
        yield since
        since += timedelta(hours=every_h)
