"""The story of one pack, case or lot, for the terminal."""

from importlib import resources

import duckdb
from rich.table import Table

from data.errors import InputError, NotFoundError
from data.readers.gs1 import parse


def story(con: duckdb.DuckDBPyConnection, thing: list[str]) -> Table:
    """Return every event of a pack, case or lot, oldest first.

    Parameters
    ----------
    con : DuckDBPyConnection
        A built warehouse.
    thing : list of str
        One EPC or SSCC in any spelling, or a GTIN and a lot.

    Raises
    ------
    InputError
        Neither one nor two words were given.
    NotFoundError
        The warehouse holds no event of it.
    """
    if len(thing) == 2:
        gtin, lot = thing
        return _table(con, "trace_lot", {"gtin": gtin.zfill(14), "lot": lot})
    if len(thing) != 1:
        raise InputError("trace: give one EPC or SSCC, or a GTIN and a lot.")
    identifier = parse(thing[0])
    query = "trace_unit" if identifier.scheme == "sgtin" else "trace_container"
    return _table(con, query, {"epc": identifier.canonical})


def _table(con: duckdb.DuckDBPyConnection, query: str, values: dict[str, str]) -> Table:
    text = (resources.files("sql") / "queries" / f"{query}.sql").read_text(encoding="utf-8")
    found = con.execute(text, values)
    names = [column[0] for column in found.description or ()]
    rows = found.fetchall()
    if not rows:
        raise NotFoundError(
            "trace: no event of it is in the warehouse. Look up its spelling with touchstone sql "
            "'FROM lot', or land the file that names it."
        )
    table = Table(*names, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    return table
