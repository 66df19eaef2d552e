"""The lock file as a list of packages."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

LOCK = Path(__file__).parents[2] / "requirements.lock"
_PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?:\s*;\s*(?P<marker>[^\\]+))?"
)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_VIA = re.compile(r"^\s+#\s+(?:via\s+)?(?P<name>\S.*)$")


@dataclass
class Package:
    """A pinned package: its artefacts' hashes, and the packages that ask for it."""

    name: str
    version: str
    marker: str = ""
    hashes: list[str] = field(default_factory=list)
    asked_by: list[str] = field(default_factory=list)


def packages(path: Path = LOCK) -> list[Package]:
    """All packages of the lock, by name. Raises ValueError for one without version or hash."""
    found = list(_read(path.read_text(encoding="utf-8")))
    if bare := [package.name for package in found if not package.hashes]:
        raise ValueError(f"{path}: {bare[0]} has no hash. Make the lock anew: make lock.")
    return sorted(found, key=lambda package: (package.name, package.version))


def _read(text: str) -> Iterator[Package]:
    package: Package | None = None
    for line in text.splitlines():
        if pin := _PIN.match(line):
            if package:
                yield package
            package = Package(pin["name"].lower(), pin["version"], (pin["marker"] or "").strip())
        elif line and not line[0].isspace() and not line.startswith(("#", "-")):
            raise ValueError(f"{line!r} is no pinned package. Make the lock anew: make lock.")
        if package:
            package.hashes += _HASH.findall(line)
            if (via := _VIA.match(line)) and via["name"] != "via":
                package.asked_by.append(via["name"])
    if package:
        yield package
