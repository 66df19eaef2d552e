"""Rows as CSV that opens in a spreadsheet, where no text of a document may act as a formula.

Names and lot numbers come from strangers, and a spreadsheet runs a cell that begins like a formula.
Such a text gets an apostrophe in front, which spreadsheets take for "this is text".
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from reports.parts import Cell

_BYTE_ORDER_MARK = "\ufeff"  # without it, spreadsheets take UTF-8 for the local code page
# Also behind a separator: a spreadsheet of another country splits cells there, quoted or not.
_FORMULA = re.compile(r"(^|[,;|])(\s*\"*\s*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def sheet(heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return headings and rows as CSV text: comma, double quotes, CRLF, times in UTC."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([_cell(head) for head in heads])
    writer.writerows([_cell(value) for value in row] for row in rows)
    return _BYTE_ORDER_MARK + text.getvalue()


def plain_text(value: str) -> str:
    """Return a text on one line that no spreadsheet takes for a formula."""
    return _FORMULA.sub(r"\1\2'", _CONTROL.sub(" ", value))


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, str):
        return plain_text(value)
    return str(int(value)) if value == int(value) else str(value)
