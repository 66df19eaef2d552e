"""Tables as Parquet, by shares of the lots, in a folder that several processes see.

    core_item_step/share=3/rows.parquet   the rows of the lots whose hash says 3
    core_item_step/share=all/...          rows of no lot; of a table without lots, all its rows

A lot id stands for one GTIN and lot, so its hash is theirs. Who works on a share reads the share
and ``all``; who works on all lots reads the whole folder. Parquet has no 128-bit integers and no
JSON of its own: such columns are written as texts, and every column is read back as the type that
it had.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import duckdb

ROWS = "rows.parquet"
_LOT = "lot_id"
_PACK = "unit_id"
_OF_NO_LOT = "share=all"

Shape = tuple[tuple[str, str], ...]  # names and types of a table's columns


@dataclass(frozen=True)
class Share:
    """The lots that one process works on: those whose hash leaves ``number`` of ``count``."""

    number: int
    count: int

    def holds(self, column: str) -> str:
        """The condition on a column of lot ids."""
        return f"hash({column}) % {self.count} = {self.number}"


ALL = Share(0, 1)


@dataclass(frozen=True)
class Shipped:
    """A table as it lies in the folder.

    ``by`` is the column that says whose rows are whose, where it is none of the usual two: rows lie
    in the share of the pack's lot.
    """

    name: str
    shape: Shape
    by: str | None = None

    @property
    def place(self) -> str:
        """The name of its folder: one table may be parted in two ways."""
        return self.name if self.by is None else f"{self.name}.{self.by}"


def shape_of(con: duckdb.DuckDBPyConnection, name: str) -> Shape:
    """The names and types of the columns of a table or view."""
    return tuple((row[0], row[1]) for row in con.execute(f"DESCRIBE {name}").fetchall())


def ship(con: duckdb.DuckDBPyConnection, table: Shipped, folder: Path, shares: int) -> None:
    """Write a table's rows into its folder, which is there afterwards also where it has none.

    Needs ``core_unit`` where a column of packs says whose rows are whose.
    """
    target = folder / table.place
    target.mkdir(parents=True)
    columns = {name for name, _ in table.shape}
    pack = table.by or _PACK
    rows, lot = f"{table.name} AS whole", f"whole.{_LOT}"
    if table.by is not None or _LOT not in columns:
        if pack not in columns:
            _write(con, table.name, table.shape, target / _OF_NO_LOT / ROWS)
            return
        rows += f" LEFT JOIN core_unit AS pack ON pack.unit_id = whole.{pack}"
        lot = f"pack.{_LOT}"
    share = f"if({lot} IS NULL, 'all', (hash({lot}) % {shares})::VARCHAR)"
    con.execute(
        f"COPY (SELECT {_written(table.shape, 'whole.')}, {share} AS share FROM {rows}) "  # noqa: S608
        f"TO {_quoted(target)} (FORMAT parquet, PARTITION_BY (share))"
    )


def leave(con: duckdb.DuckDBPyConnection, name: str, share: Share, folder: Path) -> Shipped:
    """Write the rows that were made of a share beside those of the others.

    A process that was lost may have left half a file, and another may do the same work at the same
    time: each writes a file of its own, and the last whole one stays. Rows of no lot are made with
    every share, and left by the first.
    """
    table = Shipped(name, shape_of(con, name))
    if share == ALL:
        _write(con, name, table.shape, folder / name / _OF_NO_LOT / ROWS)
        return table
    parts = {f"share={share.number}": share.holds(_LOT)}
    if share.number == 0:
        parts[_OF_NO_LOT] = f"{_LOT} IS NULL"
    for part, condition in parts.items():
        rows = f"{name} WHERE {condition}"
        _write(con, rows, table.shape, folder / name / part / ROWS)
    return table


def rows_of(table: Shipped, share: Share, folder: Path) -> str:
    """A SELECT of the rows that are read with a share, in the order of shares."""
    place = folder / table.place
    parts = (
        sorted(place.iterdir(), key=_number)
        if share == ALL
        else [place / f"share={share.number}", place / _OF_NO_LOT]
    )
    files = [path for part in parts for path in sorted(part.glob("*.parquet"))]
    if not files:
        nothing = ", ".join(f'NULL::{type_} AS "{name}"' for name, type_ in table.shape)
        return f"SELECT {nothing} WHERE false"
    columns = ", ".join(f'"{name}"::{type_} AS "{name}"' for name, type_ in table.shape)
    listed = ", ".join(map(_quoted, files))
    return f"SELECT {columns} FROM read_parquet([{listed}], hive_partitioning = false)"  # noqa: S608


def _number(part: Path) -> tuple[bool, int]:
    """Shares by number, what is of no lot last."""
    number = part.name.removeprefix("share=")
    return not number.isdigit(), int(number) if number.isdigit() else 0


def _write(con: duckdb.DuckDBPyConnection, rows: str, shape: Shape, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{uuid4().hex}.unfinished")
    con.execute(
        f"COPY (SELECT {_written(shape)} FROM {rows}) TO {_quoted(unfinished)} (FORMAT parquet)"  # noqa: S608
    )
    unfinished.replace(path)


def _written(shape: Iterable[tuple[str, str]], of: str = "") -> str:
    return ", ".join(
        f'{of}"{name}"::VARCHAR AS "{name}"'
        if "HUGEINT" in type_ or "JSON" in type_
        else f'{of}"{name}"'
        for name, type_ in shape
    )


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
