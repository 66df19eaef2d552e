"""The bill of materials: every package of the lock as CycloneDX 1.6 JSON.

    python -m tests.supply.sbom [FILE]

Names, versions, hashes and who needs whom come from ``requirements.lock`` alone; licences are those
that the installed packages state, so a package of another platform has none. No clock, no chance:
the same lock and environment give the same bytes.

Source: CycloneDX 1.6 (ECMA-424).
"""

import json
import sys
import tomllib
import uuid
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from tests.supply.lock import LOCK, Package, packages

TARGET = Path("var/sbom.cdx.json")
_PROJECT = LOCK.with_name("pyproject.toml")
_LONGEST_NAME = 80  # some packages state the whole text of their licence


def bill(found: list[Package], project: dict[str, Any]) -> dict[str, Any]:
    """The bill of materials of packages and the project that stands on them."""
    ours = _reference(project["name"], project["version"])
    # A package may be there in two versions, for two versions of Python.
    names: dict[str, list[str]] = {}
    for package in found:
        names.setdefault(package.name, []).append(_reference(package.name, package.version))
    needs: dict[str, set[str]] = {
        ours: set(),
        **{one: set() for of in names.values() for one in of},
    }
    for package in found:
        for asker in package.asked_by:
            for reference in names.get(asker, [ours]):
                needs[reference].add(_reference(package.name, package.version))
    body = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": ours,
                "name": project["name"],
                "version": project["version"],
                "licenses": [{"license": {"id": project["license"]}}],
            }
        },
        "components": [_component(package) for package in found],
        "dependencies": [
            {"ref": reference, "dependsOn": sorted(of)} for reference, of in sorted(needs.items())
        ],
    }
    number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(body, sort_keys=True))
    return {**body, "serialNumber": f"urn:uuid:{number}"}


def _reference(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{version}"


def _component(package: Package) -> dict[str, Any]:
    reference = _reference(package.name, package.version)
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": reference,
        "name": package.name,
        "version": package.version,
        "purl": reference,
        "hashes": [{"alg": "SHA-256", "content": one} for one in sorted(set(package.hashes))],
    }
    if licences := _licences(package):
        component["licenses"] = licences
    if package.marker:
        component["properties"] = [{"name": "touchstone:marker", "value": package.marker}]
    return component


def _licences(package: Package) -> list[dict[str, Any]]:
    try:
        said = metadata(package.name)
    except PackageNotFoundError:
        return []
    if expression := said.get("License-Expression"):
        return [{"expression": expression}]
    classifiers = said.get_all("Classifier") or []
    names = [one.split(" :: ")[-1] for one in classifiers if one.startswith("License :: ")]
    text = (said.get("License") or "").strip()
    if not names and text and len(text) <= _LONGEST_NAME and "\n" not in text:
        names = [text]
    return [{"license": {"name": name}} for name in sorted(set(names))]


def main() -> None:
    """Write the bill of materials and say where."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    project = tomllib.loads(_PROJECT.read_text(encoding="utf-8"))["project"]
    found = packages()
    target.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(bill(found, project), indent=2, sort_keys=True, ensure_ascii=False)
    target.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(f"{target}: {len(found)} packages\n")


if __name__ == "__main__":
    main()
