"""Which built tables still stand: what each rests on, and what it held when it was built.

A table is left as it is where all that decides it is what it was when it was built - the text that
makes it, the engine, and the rows of everything it reads - and where its own rows are still those.
So a night rebuilds only what depends on what came in, and what comes out as before spares all that
reads it. Nothing is assumed of a model but that the same inputs give the same rows.

Rows are compared by a sum and an exclusive or of the engine's 64-bit hashes, whatever their order:
a million rows take a few hundredths of a second. It is made against chance, not against somebody
who crafts equal hashes; a full run looks at nothing that was noted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from data.record.canonical import digest

BOOK = "raw_build"


@dataclass(frozen=True)
class Definition:
    """What makes a table or view: its text (or the version of the code), and what it reads."""

    name: str
    text: str
    reads: tuple[str, ...]
    is_view: bool = False


@dataclass(frozen=True)
class _Noted:
    """A row of ``raw_build``."""

    rests_on: str
    content: str
    row_count: int


@dataclass
class Standing:
    """Fingerprints while a build goes on, each taken when it is first asked for.

    ``views`` are the definitions of all views by name: a view is what it reads.
    """

    con: duckdb.DuckDBPyConnection
    views: Mapping[str, Definition] = field(default_factory=dict)
    _prints: dict[str, str] = field(default_factory=dict)
    _noted: dict[str, _Noted] = field(default_factory=dict)
    _kinds: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read what was noted; a warehouse without the book has nothing that stands."""
        query = "SELECT table_name, table_type FROM information_schema.tables"
        self._kinds = dict(self.con.execute(query).fetchall())
        if BOOK in self._kinds:
            rows = self.con.execute(f"SELECT * FROM {BOOK}").fetchall()  # noqa: S608
            self._noted = {name: _Noted(*values) for name, *values in rows}

    def rests_on(self, made: Definition) -> str:
        """All that decides what a definition makes, as one hash."""
        inputs = {name: self._print(name) for name in made.reads}
        return digest({"text": made.text, "engine": duckdb.__version__, "inputs": inputs})

    def rows_of(self, made: Definition) -> int | None:
        """The number of rows of what is made so and still stands; None where it is to be built."""
        noted = self._noted.get(made.name)
        if noted is None or noted.rests_on != self.rests_on(made):
            return None
        return noted.row_count if noted.content == self._content(made) else None

    def note(self, made: Definition, row_count: int) -> None:
        """Note what was just built, on the inputs as they are."""
        self.forget(made.name)
        self._kinds[made.name] = "VIEW" if made.is_view else "BASE TABLE"
        if BOOK not in self._kinds:
            return
        row = [made.name, self.rests_on(made), self._content(made), row_count]
        self.con.execute(f"INSERT INTO {BOOK} VALUES (?, ?, ?, ?)", row)  # noqa: S608

    def forget(self, name: str) -> None:
        """Forget a table that is about to be filled anew, or was."""
        self._prints.pop(name, None)
        if self._noted.pop(name, None) is not None:
            self.con.execute(f"DELETE FROM {BOOK} WHERE model = ?", [name])  # noqa: S608

    def _print(self, name: str) -> str:
        if name not in self._prints:
            view = self.views.get(name)
            self._prints[name] = self.rests_on(view) if view else table_print(self.con, name)
        return self._prints[name]

    def _content(self, made: Definition) -> str | None:
        """What stands under the name now; None where nothing of that kind does."""
        kind = self._kinds.get(made.name)
        if made.is_view and kind == "VIEW":
            query = "SELECT sql FROM duckdb_views() WHERE view_name = ?"
            return digest(self.con.execute(query, [made.name]).fetchall()[0][0])
        if not made.is_view and kind == "BASE TABLE":
            return self._print(made.name)
        return None


def table_print(con: duckdb.DuckDBPyConnection, name: str) -> str:
    """A table's rows, in whatever order, as a count and two hashes; and its columns."""
    columns = con.execute(f"FROM {name} LIMIT 0").description or []
    shape = digest([[column[0], str(column[1])] for column in columns])
    sums = "coalesce(bit_xor(hash(whole_row)), 0), coalesce(sum(hash(whole_row)), 0)"
    query = f"SELECT count(*), {sums} FROM {name} AS whole_row"  # noqa: S608 - a name of ours
    return ":".join([*map(str, con.execute(query).fetchall()[0]), shape[:16]])


def fill(
    con: duckdb.DuckDBPyConnection,
    filled: Sequence[str],
    text: str,
    reads: Sequence[str],
    run: Callable[[duckdb.DuckDBPyConnection], object],
) -> bool:
    """Fill tables by code, unless they stand; return whether they were filled.

    Parameters
    ----------
    filled : names of the tables
    text : what tells one version of the code from another
    reads : names of the tables that the code reads, all of them
    run : fills the tables
    """
    made = [Definition(name, text, tuple(sorted(reads))) for name in filled]
    standing = Standing(con)
    if all(standing.rows_of(one) is not None for one in made):
        return False
    for one in made:
        standing.forget(one.name)
    run(con)
    for one in made:
        [(row_count,)] = con.execute(f"SELECT count(*) FROM {one.name}").fetchall()  # noqa: S608
        standing.note(one, row_count)
    return True


def forget_all(con: duckdb.DuckDBPyConnection) -> None:
    """Let nothing stand: the next build makes everything anew."""
    con.execute(f"DELETE FROM {BOOK}")  # noqa: S608 - a name of ours
