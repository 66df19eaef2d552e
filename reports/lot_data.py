"""The report on a lot as JSON: the same evidence and the same words as its page.

``reports/schema/lot-report.schema.json`` describes every key. A key that is added raises the
minor number of ``VERSION``; one that goes, or changes its meaning, the major one.
"""

import json
import math
from dataclasses import fields, is_dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from reports.claims import Bounded, LotEvidence
from reports.view import LotView

NAME = "touchstone/lot-report"
VERSION = "1.1"
SCHEMA = Path(__file__).parent / "schema" / "lot-report.schema.json"

# What the spreadsheet and the queries hold in full is bounded here, and the rest counted.
MOST_EXPOSED = 500
MOST_RECORD_IDS = 200

# Pairs of a name and a value: objects in JSON.
_PAIRS = frozenset({"observed", "threshold", "numbers", "manifest"})


def lot_json(evidence: LotEvidence, view: LotView) -> str:
    """Return the report as JSON in one line; the same evidence gives the same bytes."""
    report = {
        "schema": NAME,
        "schema_version": VERSION,
        "gtin": evidence.facts.gtin,
        "lot": evidence.facts.lot,
        "tier": evidence.risk.tier,
        "evidence": evidence_data(evidence),
        "view": _fields(view),
    }
    return json.dumps(report, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"


def evidence_data(evidence: LotEvidence) -> dict[str, Any]:
    """Return the evidence as lists, objects, numbers and texts; times are UTC."""
    data = _fields(replace(evidence, exposure=_first(evidence.exposure, MOST_EXPOSED)))
    # What a run wrote is known only when the pages are there, and this is one of them.
    data["run"]["manifest"].pop("outputs", None)
    data["places"] = [_plain(place) for _, place in sorted(evidence.places.items())]
    return data


def _first(bounded: Bounded[Any], most: int) -> Bounded[Any]:
    left = len(bounded.rows) - most
    return replace(bounded, rows=bounded.rows[:most], rest_count=bounded.rest_count + max(left, 0))


def _fields(thing: Any) -> dict[str, Any]:
    """Return a dataclass as an object; pictures stay with the page."""
    data: dict[str, Any] = {}
    for name in (field.name for field in fields(thing)):
        value = getattr(thing, name)
        if name == "record_ids":
            data["record_ids"] = list(value[:MOST_RECORD_IDS])
            data["record_count"] = len(value)
        elif name in _PAIRS and isinstance(value, tuple):
            data[name] = {str(key): _plain(item) for key, item in value}
        elif not name.endswith("picture"):
            data[name] = _plain(value)
    return data


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str | float):
        return _finite(value)
    if isinstance(value, date):
        return _iso(value)
    if is_dataclass(value):
        return _fields(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value]


def _finite(value: str | float) -> str | float | None:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _iso(value: date) -> str:
    if isinstance(value, datetime):
        return f"{value.replace(tzinfo=None).isoformat()}Z"
    return value.isoformat()
