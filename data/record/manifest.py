"""The manifest of a run: all that made it, all that came of it, chained to the run before.

One canonical JSON file a run, kept for ever beside the warehouse, and a copy in the folder of
reports. It holds no clock and no path of the machine: the same run gives the same bytes anywhere.
A run that is repeated exactly has one manifest.

    touchstone.runs/0001-3f2a9c01b2d4.json
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from data.errors import NotFoundError, RecordError
from data.record.canonical import canonical, parsed
from data.record.disk import write_file
from data.record.entries import FIRST

NAME = "manifest.json"  # in the folder of reports
_FILE = re.compile(r"(\d{4,})-(\w+)\.json")


@dataclass(frozen=True)
class RunFile:
    """One kept manifest: its number in the chain, its bytes' hash, and what it says."""

    number: int
    path: Path
    sha256: str
    fields: dict[str, Any]

    @property
    def run_id(self) -> str:
        """The run's id, as reports name it."""
        return str(self.fields["run_id"])

    @property
    def outputs(self) -> dict[str, str]:
        """SHA-256 of each published file by its name in the folder of reports."""
        return dict(self.fields["outputs"])


def runs_folder(warehouse: Path) -> Path:
    """Where the manifests of a warehouse's runs lie: beside it."""
    return warehouse.with_name(f"{warehouse.stem}.runs")


def keep_manifest(folder: Path, fields: Mapping[str, Any]) -> RunFile:
    """Add a run to the chain, or find it there; return it.

    ``fields`` are all but ``number`` and ``previous``, which the chain gives.
    """
    known = run_files(folder)
    for run in reversed(known):
        if all(run.fields.get(name) == value for name, value in fields.items()):
            return run
    previous = known[-1].sha256 if known else FIRST
    number = known[-1].number + 1 if known else 1
    whole = {**fields, "number": number, "previous": previous}
    path = folder / f"{number:04d}-{fields['run_id']}.json"
    text = canonical(whole)
    write_file(path, text)
    return RunFile(number, path, sha256(text).hexdigest(), whole)


def run_files(folder: Path) -> list[RunFile]:
    """All kept runs, oldest first, their chain checked.

    Raises RecordError naming the first manifest that does not hold.
    """
    found = []
    previous = FIRST
    for expected, (number, path) in enumerate(manifest_paths(folder), 1):
        if number != expected:
            raise RecordError(f"{folder}: the manifest of run number {expected} is missing.")
        text = path.read_bytes()
        run = RunFile(number, path, sha256(text).hexdigest(), _fields(path, text))
        if run.fields["number"] != number or run.fields["previous"] != previous:
            raise RecordError(f"{path}: the manifest does not follow from the one before.")
        previous = run.sha256
        found.append(run)
    return found


def manifest_paths(folder: Path) -> list[tuple[int, Path]]:
    """Number and path of every kept manifest, oldest first."""
    matches = ((_FILE.fullmatch(path.name), path) for path in folder.glob("*.json"))
    return sorted((int(match[1]), path) for match, path in matches if match)


def _fields(path: Path, text: bytes) -> dict[str, Any]:
    try:
        fields = parsed(text)
    except ValueError:
        fields = None
    if not isinstance(fields, dict) or not {"number", "previous", "run_id"} <= set(fields):
        raise RecordError(f"{path}: the manifest was changed: it is not what a run writes.")
    return fields


def find_run(folder: Path, name: str) -> RunFile:
    """The run of an id, of the first digits of one, or of a number; the latest where they agree.

    Raises NotFoundError.
    """
    known = run_files(folder)
    for run in reversed(known):
        if run.run_id.startswith(name) or name == str(run.number):
            return run
    listed = ", ".join(run.run_id for run in known[-5:]) or "none yet"
    raise NotFoundError(f"{name}: no such run. The latest are: {listed}.")
