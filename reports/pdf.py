"""The report on a lot as PDF/A, from its JSON, which is attached to it.

The JSON is handed to the typesetter as data and never as markup. Only the fonts that come with
the typesetter are used, and no clock: the same report gives the same bytes.
"""

import json
import re
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import typst

from reports.wording import page, use

# An archive may not hold a sign that its fonts lack. These they have; others are shown by number.
_UNPRINTED = re.compile(
    "[^\u0020-\u007e\u00a0-\u00ac\u00ae-\u017f\u0391-\u03a1\u03a3-\u03a9\u03b1-\u03c9"
    "\u0410-\u044f‘’“”„–—…‹›€−≤≥→·⁰¹²³⁴⁵⁶⁷⁸⁹⁻]"
)


def lot_pdf(report: str) -> bytes:
    """Return the PDF of a report, given as ``lot_data.lot_json`` wrote it."""
    data = json.loads(report)
    as_of = data["evidence"]["run"]["as_of"]
    moment = datetime.fromisoformat(as_of) if as_of else datetime(1970, 1, 1, tzinfo=UTC)
    with use(data["view"].get("language", "en")):  # reports of before 1.1 are in English
        words = page()
    shown = {
        "view": printable(data["view"]),
        "words": words,
        "run_id": data["evidence"]["run"]["run_id"],
        "as_of": {part: getattr(moment, part) for part in ("year", "month", "day")},
    }
    compiled: bytes = typst.compile(
        resources.files("reports").joinpath("templates/lot.typ").read_bytes(),
        sys_inputs={"page": json.dumps(shown), "report": report},
        # Archive with attachment and structure (PDF/A-3a), and readable to everyone (PDF/UA-1).
        pdf_standards=["a-3a", "ua-1"],
        ignore_system_fonts=True,
        timestamp=moment,
    )
    return compiled


def printable(value: Any) -> Any:
    """Return a value with every sign that the fonts lack shown by its number."""
    if isinstance(value, str):
        return _UNPRINTED.sub(lambda sign: f"‹U+{ord(sign[0]):04X}›", value)
    if isinstance(value, list):
        return [printable(item) for item in value]
    if isinstance(value, dict):
        return {key: printable(item) for key, item in value.items()}
    return value
