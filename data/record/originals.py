"""The documents as they came, kept beside the warehouse under the hash of their bytes.

A run reads the kept copy, never the inbox, so nobody can change a file while it is read; and a run
of the past can be made again from what it read, although the inbox was emptied long ago.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from data.record.canonical import file_digest
from data.record.disk import (
    FOLDER_MODE,
    settle,
    storage_faults,
    sync_folder,
)

_CHUNK = 1 << 20


class Originals:
    """The folder of kept documents of one warehouse."""

    def __init__(self, folder: Path) -> None:
        """Nothing is made yet."""
        self.folder = folder

    @classmethod
    def of(cls, warehouse: Path) -> "Originals":
        """Those beside a warehouse."""
        return cls(warehouse.with_name(f"{warehouse.stem}.originals"))

    def path(self, sha256: str) -> Path:
        """Where the document of this hash lies, or would."""
        return self.folder / sha256[:2] / sha256

    def keep(self, source: Path) -> str:
        """Copy a document in, unless it is there; return the hash of what was copied.

        Raises OSError where the source cannot be read, ResourceError where the copy cannot be
        written.
        """
        with storage_faults(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(FOLDER_MODE)
        unfinished = self.folder / ".unfinished"  # one writer at a time
        try:
            sha256 = self._copy(source, unfinished)
            target = self.path(sha256)
            with storage_faults(target):
                target.parent.mkdir(exist_ok=True)
                target.parent.chmod(FOLDER_MODE)
                settle(unfinished)
                unfinished.replace(target)
                sync_folder(target.parent)
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
        return sha256

    @staticmethod
    def _copy(source: Path, target: Path) -> str:
        seen = hashlib.sha256()
        with source.open("rb") as reader:
            with storage_faults(target):
                writer = target.open("wb")
            with writer:
                while chunk := reader.read(_CHUNK):
                    seen.update(chunk)
                    with storage_faults(target):
                        writer.write(chunk)
                with storage_faults(target):
                    writer.flush()
        return seen.hexdigest()

    @contextmanager
    def reading(self, sha256: str, name: str) -> Iterator[Path]:
        """A path to a kept document that ends in the name it came under.

        Readers name the members of archives after their file.
        """
        folder = self.folder / ".reading" / sha256
        link = folder / (os.path.basename(name) or "document")  # noqa: PTH119 - any text
        with storage_faults(folder):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            link.symlink_to(self.path(sha256).resolve())
        try:
            yield link
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def is_whole(self, sha256: str) -> bool | None:
        """True where the kept document still has its hash, None where it is not here."""
        path = self.path(sha256)
        return file_digest(path) == sha256 if path.is_file() else None
