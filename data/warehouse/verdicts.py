"""What a failure says about a file: why it is set aside and what a person can do, or that it is not
to blame."""

import logging
import traceback

import duckdb
import polars as pl

from data.errors import ResourceError, WarehouseError
from data.readers.batch import REJECTED, Batch
from data.warehouse.load import Contents
from data.warehouse.sources import Unreadable

_LOG = logging.getLogger(__name__)

WHOLE = "the file"
CHANGED = ("the file changed while it was read", "Run again.")
VANISHED = ("the file vanished while it was read", "Run again.")
READ_ANEW = "Repair the file or ask its sender for a new copy, then run again."
# A value that its column cannot hold; every other database error is about the warehouse.
_OF_THE_DOCUMENT = (duckdb.DataError, duckdb.InvalidInputException)


def verdict_on(error: BaseException) -> Unreadable:
    """What the failure says about the file; raises WarehouseError where it says nothing.

    The texts of errors are left out on purpose: they may quote serials.
    """
    if isinstance(error, Unreadable):
        return error
    if isinstance(error, MemoryError | ResourceError):
        raise error
    if isinstance(error, duckdb.Error) and not isinstance(error, _OF_THE_DOCUMENT):
        raise WarehouseError(
            f"the warehouse could not be written ({type(error).__name__}). Check free disk space "
            "and the memory limit, then run again: files landed so far stay."
        ) from error
    if isinstance(error, FileNotFoundError):
        return Unreadable(*VANISHED)
    if isinstance(error, PermissionError):
        return Unreadable("could not be read: no permission", "Allow reading it, then run again.")
    at = traceback.extract_tb(error.__traceback__)[-1]
    _LOG.warning("a reader failed: %s in %s:%s", type(error).__name__, at.filename, at.lineno)
    return Unreadable(f"could not be read: {type(error).__name__}", READ_ANEW)


def refused(verdict: Unreadable) -> Contents:
    """A file set aside as a whole: one record met and set aside."""
    said = {"place": WHOLE, "reason": verdict.reason, "remedy": verdict.remedy}
    batch = Batch(1, rejected=pl.DataFrame([{"position": None} | said], schema=REJECTED))
    return Contents(((batch,),), 1, 1, 0)
