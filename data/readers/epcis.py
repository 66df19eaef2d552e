"""EPCIS documents of any version and form into batches of frames."""

from collections.abc import Iterator
from typing import BinaryIO, Literal

from data.readers.batch import Batch
from data.readers.epcis_columns import Columns
from data.readers.epcis_frames import to_batch
from data.readers.epcis_json import read_json, read_ndjson
from data.readers.epcis_xml import read_xml

Format = Literal["xml", "json", "ndjson"]

_READERS = {"xml": read_xml, "json": read_json, "ndjson": read_ndjson}


def read_epcis(stream: BinaryIO, *, format: Format) -> Iterator[Batch]:
    """Yield a document's events, master data and header, in bounded batches.

    ``stream`` gives the document's bytes, uncompressed; ``format`` says how they are written.
    Memory stays bounded whatever the length of the document: a batch holds some 20,000 events or
    250,000 identifiers. Nothing raises: what cannot be read comes as rows of ``rejected``, with
    position, place, reason and remedy, event by event where the document allows, the rest of the
    document as one row where it does not. Positions count the records from 1 in the order of
    reading, through all batches. Identifiers stay as written.

    Sources: EPCIS 1.2 and 2.0 (GS1), Core Business Vocabulary 1.2 and 2.0, GS1 US implementation
    guideline for DSCSA (header statement, drop shipment).
    """
    batches = _READERS[format](stream)
    while True:
        try:
            batch = next(batches, None)
        except Exception as error:  # a run never stops for one file
            yield _unexpected(error)
            return
        if batch is None:
            return
        yield batch


def _unexpected(error: Exception) -> Batch:
    columns = Columns()
    columns.set_aside(
        None,
        "unknown",
        f"the reader failed on the rest of the document ({type(error).__name__})",
        "Report the file's shape to the maintainers: this is a fault of the reader.",
    )
    return to_batch(columns, "event")
