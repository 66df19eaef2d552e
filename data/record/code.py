"""Which code ran: version, revision where it is a checkout, and a hash of the files themselves."""

import re
import sys
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from data.record.canonical import digest

_ROOT = Path(__file__).parents[2]
_FOLDERS = ("data", "detectors", "flows", "reports", "sql")
_COMPILED = {".pyc", ".pyo", ".nbi", ".nbc"}


def code_state() -> dict[str, str | None]:
    """Version, git revision, hash of all files that decide a result, and Python's version."""
    return {
        "version": software_version(),
        "revision": _revision(_ROOT / ".git"),
        "sha256": digest(_file_hashes()),
        "python": ".".join(map(str, sys.version_info[:3])),
    }


def software_version() -> str:
    """The installed version; ``unknown`` where the tree was not installed."""
    try:
        return version("touchstone-rx")
    except PackageNotFoundError:
        return "unknown"


def _file_hashes() -> dict[str, str]:
    return {
        path.relative_to(_ROOT).as_posix(): sha256(path.read_bytes()).hexdigest()
        for folder in _FOLDERS
        for path in sorted((_ROOT / folder).rglob("*"))
        if path.is_file()
        and path.suffix not in _COMPILED
        and not any(part.startswith((".", "__pycache__")) for part in path.relative_to(_ROOT).parts)
    }


def _revision(git: Path) -> str | None:
    """The commit that HEAD names, read from the files: git itself need not be installed."""
    try:
        head = (git / "HEAD").read_text(encoding="ascii").strip()
        if not head.startswith("ref: "):
            return head
        name = head.removeprefix("ref: ")
        if (git / name).is_file():
            return (git / name).read_text(encoding="ascii").strip()
        packed = (git / "packed-refs").read_text(encoding="ascii")
    except (OSError, ValueError):
        return None
    match = re.search(rf"^([0-9a-f]+) {re.escape(name)}$", packed, re.MULTILINE)
    return match[1] if match else None
