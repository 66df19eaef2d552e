"""Writes the pages: evidence, view, template, file; beside a page, the same as JSON.

What is exposed lies beside it as a CSV too.

Files appear whole or not at all, the same warehouse gives the same bytes, and pages of lots that
are clear now are removed.
"""

import os
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path, PurePosixPath

import duckdb
from jinja2 import Environment, PackageLoader, StrictUndefined

from data.errors import NotFoundError
from reports.claims import LotEvidence
from reports.evidence import AlarmBound, gather, gather_index, gather_lots
from reports.exposure_view import EXPOSURE_FILE, exposure_rows
from reports.full_lists import (
    FINDINGS_END,
    FINDINGS_FILE,
    PACKS_END,
    PACKS_FILE,
    finding_rows,
    is_cut,
    pack_rows,
)
from reports.index_view import IndexView, view_index
from reports.lot_data import lot_json
from reports.spreadsheet import sheet
from reports.view import NOTICE_END, LotView, view_lot
from reports.wording import name, page, use

LOTS = "lots"
SUSPECT = ("hold", "investigate")
BESIDE = (".csv", ".json", ".pdf")  # what lies beside a page, under its name
ENDS = (NOTICE_END, FINDINGS_END, PACKS_END)  # and with an end of its own


# Anchors of a lot page, in order; their titles are words of the page.
SECTIONS = (
    *("standing", "explained", "gaps", "timeline", "custody"),
    *("holders", "cases", "score", "coverage", "decisions"),
)

Typeset = Callable[[str], bytes]


def write_reports(
    con: duckdb.DuckDBPyConnection,
    out: Path,
    typeset: Typeset | None = None,
    alarm_bound: AlarmBound | None = None,
    language: str = "en",
) -> list[Path]:
    """Write the index and a page for every lot that is not clear, or has findings set aside.

    Pages of other lots are removed.

    Beside each page, under its name, lies the same report as JSON, and where findings stand a
    spreadsheet of what they expose.

    Parameters
    ----------
    con : a connection to a warehouse whose build and screen finished
    out : folder of the reports; made where absent
    typeset : makes a PDF of a report's JSON; where given, suspect lots get one
    alarm_bound : bounds the false alarms for the index; see ``evidence.gather_index``
    language : one of ``wording.LANGUAGES``, which the pages speak

    Returns
    -------
    list of Path
        The pages: the index first, then the lots in its order.
    """
    index = gather_index(con, alarm_bound)
    lots = con.execute(
        "SELECT gtin, lot, report FROM lot_risk WHERE tier <> 'clear' OR findings_suppressed > 0 "
        "ORDER BY report, gtin, lot"
    ).fetchall()
    gathered = gather_lots(con, [(gtin, lot) for gtin, lot, _ in lots])
    with use(language):
        written = [
            _write_lot(con, evidence, _target(out, report), typeset)
            for (_, _, report), evidence in zip(lots, gathered, strict=True)
        ]
        kept = {path.name for page in written for path in lot_files(page)}
        _remove_stale(out / LOTS, kept)
        first = _write(out / "index.html", render_index(view_index(index)))
    return [first, *written]


def write_lot(
    con: duckdb.DuckDBPyConnection, gtin: str, lot: str, out: Path, language: str = "en"
) -> Path:
    """Write the page of one lot, clear or not, and return its path.

    Raises NotFoundError where the warehouse has not judged such a lot.
    """
    rows = con.execute(
        "SELECT report FROM lot_risk WHERE gtin = ? AND lot = ?", [gtin, lot]
    ).fetchall()
    if not rows:
        raise NotFoundError(
            "no such GTIN and lot has been judged; the view lot_risk lists those that were"
        )
    with use(language):
        return _write_lot(con, gather(con, gtin, lot), _target(out, rows[0][0]))


def lot_files(page: Path) -> list[Path]:
    """Return the page of a lot and what lies beside it under its name."""
    beside = [*map(page.with_suffix, BESIDE), *map(partial(_beside, page), ENDS)]
    return [page, *(path for path in beside if path.is_file())]


def _beside(page: Path, end: str) -> Path:
    return page.with_name(f"{page.stem}{end}")


def render_lot(view: LotView) -> str:
    """Return the HTML of a lot page."""
    template = environment().get_template("lot.html.j2")
    sections = [(code, name("page", code)) for code in SECTIONS]
    return template.render(view=view, words=page(), sections=sections)


def render_notices(view: LotView) -> str:
    """Return the HTML of the drafts for the authorities."""
    return environment().get_template("notice.html.j2").render(view=view, words=page())


def render_index(view: IndexView) -> str:
    """Return the HTML of the index page."""
    return environment().get_template("index.html.j2").render(view=view, words=page())


@cache
def environment() -> Environment:
    """Return the templates. Everything is escaped: texts come from documents of strangers."""
    made = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals["zip"] = zip
    return made


def _write_lot(
    con: duckdb.DuckDBPyConnection,
    evidence: LotEvidence,
    path: Path,
    typeset: Typeset | None = None,
) -> Path:
    _write_exposure(evidence, path.with_suffix(".csv"))
    view = view_lot(evidence)
    report = lot_json(evidence, view)
    _write(path.with_suffix(".json"), report)
    if typeset and evidence.risk.tier in SUSPECT:
        _write(path.with_suffix(".pdf"), typeset(report))
    else:
        path.with_suffix(".pdf").unlink(missing_ok=True)  # an older one says other things
    if view.notices:
        _write(_beside(path, NOTICE_END), render_notices(view))
    else:
        _beside(path, NOTICE_END).unlink(missing_ok=True)
    _write_full_lists(con, evidence, path)
    return _write(path, render_lot(view))


def _write_exposure(evidence: LotEvidence, path: Path) -> None:
    """Write what the standing findings expose; leave no older list where there is nothing."""
    if evidence.exposure.rows:
        with use("en"):  # a file for machines: its words are codes
            _write(path, sheet(EXPOSURE_FILE, exposure_rows(evidence)))
    else:
        path.unlink(missing_ok=True)


def _write_full_lists(con: duckdb.DuckDBPyConnection, evidence: LotEvidence, page: Path) -> None:
    """Write what the page leaves out, whole; leave no older list where it leaves out nothing."""
    findings, packs = _beside(page, FINDINGS_END), _beside(page, PACKS_END)
    if is_cut(evidence):
        with use("en"):  # files for machines, as above
            _write(findings, sheet(FINDINGS_FILE, finding_rows(con, evidence)))
            _write(packs, sheet(PACKS_FILE, pack_rows(con, evidence)))
    else:
        findings.unlink(missing_ok=True)
        packs.unlink(missing_ok=True)


def _target(out: Path, report: str) -> Path:
    """Return the file of a report; only the last part of the stated name may choose it."""
    return out / LOTS / PurePosixPath(report).name


def _write(path: Path, content: str | bytes) -> Path:
    """Write beside the target and move into place, so that no reader meets half a page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode("utf-8"))
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def _remove_stale(folder: Path, kept: set[str]) -> None:
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.suffix in (".html", *BESIDE) and path.name not in kept:
                path.unlink()
