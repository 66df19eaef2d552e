"""The bill of materials and the check for known vulnerabilities."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.supply.audit import audit
from tests.supply.lock import LOCK, packages
from tests.supply.sbom import bill

PROJECT = {"name": "touchstone-rx", "version": "0.1.0", "license": "Apache-2.0"}

# What CycloneDX 1.6 demands of the parts that are written; the whole schema is on cyclonedx.org.
_NAMED = {"type": "string", "minLength": 1}
_COMPONENT = {
    "type": "object",
    "required": ["type", "name", "version", "bom-ref", "purl", "hashes"],
    "additionalProperties": False,
    "properties": {
        "type": {"enum": ["application", "library"]},
        "name": _NAMED,
        "version": _NAMED,
        "bom-ref": _NAMED,
        "purl": {"pattern": r"^pkg:pypi/[a-z0-9._-]+@\S+$"},
        "hashes": {
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            "items": {
                "required": ["alg", "content"],
                "properties": {
                    "alg": {"const": "SHA-256"},
                    "content": {"pattern": "^[a-f0-9]{64}$"},
                },
            },
        },
        "licenses": {
            "type": "array",
            "items": {
                "oneOf": [{"required": ["expression"]}, {"required": ["license"]}],
                "properties": {
                    "expression": _NAMED,
                    "license": {"oneOf": [{"required": ["id"]}, {"required": ["name"]}]},
                },
            },
        },
        "properties": {"type": "array", "items": {"required": ["name", "value"]}},
    },
}
SCHEMA = {
    "type": "object",
    "required": ["bomFormat", "specVersion", "serialNumber", "version", "components"],
    "additionalProperties": False,
    "properties": {
        "bomFormat": {"const": "CycloneDX"},
        "specVersion": {"const": "1.6"},
        "serialNumber": {"pattern": "^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"},
        "version": {"type": "integer", "minimum": 1},
        "metadata": {"required": ["component"]},
        "components": {"type": "array", "uniqueItems": True, "items": _COMPONENT},
        "dependencies": {
            "type": "array",
            "uniqueItems": True,
            "items": {
                "required": ["ref"],
                "properties": {"dependsOn": {"type": "array", "uniqueItems": True}},
            },
        },
    },
}


def test_every_package_of_the_lock_is_in_the_bill_with_all_its_hashes() -> None:
    found = bill(packages(), PROJECT)
    jsonschema.validate(found, SCHEMA)
    text = LOCK.read_text(encoding="utf-8")
    pins = set(re.findall(r"^(\S+)==([^\s;\\]+)", text, re.MULTILINE))
    assert {(one["name"], one["version"]) for one in found["components"]} == pins
    assert sum(len(one["hashes"]) for one in found["components"]) == text.count("--hash=sha256:")


def test_the_bill_says_who_needs_whom_and_is_the_same_each_time() -> None:
    found = bill(packages(), PROJECT)
    assert found == bill(packages(), PROJECT)
    needs = {one["ref"]: one["dependsOn"] for one in found["dependencies"]}
    known = {one["bom-ref"] for one in found["components"]}
    assert {need for of in needs.values() for need in of} == known
    ours = needs[found["metadata"]["component"]["bom-ref"]]
    assert any(need.startswith("pkg:pypi/duckdb@") for need in ours)


def test_a_package_without_a_hash_or_a_version_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    for text, word in (("a==1\nb==2 \\\n    --hash=sha256:" + "0" * 64, "no hash"), ("a>=1", "no")):
        lock.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=word):
            packages(lock)


def answering(answer: Any) -> Callable[[Path, Path], str]:
    def ask(_: Path, target: Path) -> str:
        if answer is not None:
            target.write_text(json.dumps(answer), encoding="utf-8")
        return "first line\nno route to host"

    return ask


SAFE = {"name": "a", "version": "1", "vulns": []}
UNSAFE = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}


def test_a_known_vulnerability_fails_and_is_named() -> None:
    code, lines = audit(ask=answering({"dependencies": [SAFE, UNSAFE]}))
    assert code == 1
    assert lines == ["b 2: PYSEC-1, mended in 3", "2 packages checked, 1 known faults"]


def test_what_could_not_be_checked_is_said_and_passes_unless_strict() -> None:
    assert audit(ask=answering({"dependencies": [SAFE]}))[0] == 0
    for strict, code in ((False, 0), (True, 2)):
        assert audit(strict=strict, ask=answering(None)) == (
            code,
            ["NOT CHECKED for known vulnerabilities: no route to host"],
        )
    skipped = {"name": "c", "skip_reason": "not on the index"}
    assert "NOT CHECKED: c" in audit(ask=answering({"dependencies": [SAFE, skipped]}))[1][-1]
