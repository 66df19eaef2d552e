"""EPCIS documents of any version and form into batches of frames."""

from collections.abc import Iterator
from typing import BinaryIO, Final, Literal

from data.readers.batch import Batch
from data.readers.epcis_columns import Columns
from data.readers.epcis_frames import to_batch
from data.readers.epcis_json import read_json, read_ndjson
from data.readers.epcis_source import MAX_EPCS
from data.readers.epcis_xml import read_xml

Format = Literal["xml", "json", "ndjson"]

_READERS = {"xml": read_xml, "json": read_json, "ndjson": read_ndjson}


# A document of which hardly anything can be read is the wrong document; to tell so of a hundred
# million records one by one would take hours.
_MOST_REFUSED: Final = 10_000
_REFUSED_OF_ONE_READ: Final = 20


def read_epcis(stream: BinaryIO, *, format: Format, max_epcs: int = MAX_EPCS) -> Iterator[Batch]:
    """Yield a document's events, master data and header, in bounded batches.

    ``stream`` gives the document's bytes, uncompressed; ``format`` says how they are written;
    ``max_epcs`` is the most members that the lists of one event may have.
    Memory stays bounded whatever the length of the document: a batch holds some 20,000 events or
    250,000 identifiers. Nothing raises: what cannot be read comes as rows of ``rejected``, with
    position, place, reason and remedy, event by event where the document allows, the rest of the
    document as one row where it does not, or where of ten thousand records and more hardly any
    can be read. Positions count the records from 1 in the order of
    reading, through all batches. Identifiers stay as written.

    Sources: EPCIS 1.2 and 2.0 (GS1), Core Business Vocabulary 1.2 and 2.0, GS1 US implementation
    guideline for DSCSA (header statement, drop shipment).
    """
    batches = _READERS[format](stream, max_epcs)
    accepted = refused = 0
    while True:
        try:
            batch = next(batches, None)
        except Exception as error:  # a run never stops for one file
            yield _unexpected(error)
            return
        if batch is None:
            return
        is_hopeless = refused > max(_MOST_REFUSED, _REFUSED_OF_ONE_READ * accepted)
        if is_hopeless and batch.read_count:
            yield _rest_aside(
                f"of the first {refused + accepted:,} records only {accepted:,} can be read",
                "Check that the right file was delivered.",
            )
            return
        yield batch
        refused += batch.rejected.height
        accepted += batch.read_count - batch.rejected.height


def _unexpected(error: Exception) -> Batch:
    return _rest_aside(
        f"the reader failed on the rest of the document ({type(error).__name__})",
        "Report the file's shape to the maintainers: this is a fault of the reader.",
    )


def _rest_aside(reason: str, remedy: str) -> Batch:
    columns = Columns()
    columns.set_aside(None, "the rest of the document", reason, remedy)
    return to_batch(columns, "event")
