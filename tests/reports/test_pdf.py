"""The PDF of a report: an archive file that shows strange text as text and carries the data."""

import json
import re
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.evidence import gather
from reports.lot_data import lot_json
from reports.pdf import lot_pdf
from reports.view import view_lot
from reports.write import lot_files, write_reports
from tests.reports.sample import CLEAR, HELD, HOSTILE, sample_warehouse


def report(con, lot) -> str:
    evidence = gather(con, *lot)
    return lot_json(evidence, view_lot(evidence))


def streams(pdf: bytes) -> list[bytes]:
    """What the streams of a PDF hold, unpacked."""
    found = []
    for start in re.finditer(rb"stream\r?\n", pdf):
        try:
            found.append(zlib.decompressobj().decompress(pdf[start.end() :]))
        except zlib.error:
            continue
    return found


@pytest.mark.parametrize("lot", [HELD, HOSTILE, CLEAR])
def test_every_report_makes_one_archive_file_with_its_json_attached(con, lot) -> None:
    text = report(con, lot)
    pdf = lot_pdf(text)
    assert pdf.startswith(b"%PDF-")
    assert b"/MarkInfo" in pdf
    assert b"<pdfaid:part>3</pdfaid:part>" in pdf
    assert b"<pdfaid:conformance>A</pdfaid:conformance>" in pdf
    assert text.encode() in streams(pdf)


def test_the_same_report_gives_the_same_bytes(con) -> None:
    assert lot_pdf(report(con, HELD)) == lot_pdf(report(con, HELD))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(max_size=40))
def test_no_text_can_stop_it(con, text: str) -> None:
    with_text = report(con, CLEAR).replace('"heading":"Lot RV2407B"', '"heading":"MARK"')
    assert "MARK" in with_text
    assert lot_pdf(with_text.replace('"MARK"', json.dumps(text)))


def test_suspect_lots_get_one_where_asked_and_lose_it_when_cleared(tmp_path) -> None:
    with sample_warehouse() as con:
        _, *pages = write_reports(con, tmp_path, lot_pdf)
        made = [page.stem[-1] for page in pages if page.with_suffix(".pdf") in lot_files(page)]
        tiers = con.execute("SELECT report, tier FROM lot_risk ORDER BY report").fetchall()
        assert made == [
            report.removesuffix(".html")[-1]
            for report, tier in tiers
            if tier in ("hold", "investigate")
        ]
        assert made
        write_reports(con, tmp_path)
    assert not list(tmp_path.rglob("*.pdf"))
