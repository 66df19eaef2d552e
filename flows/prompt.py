"""The SQL prompt of ``touchstone sql``: history, completion, the time each answer took.

Each query is asked of the newest published copy, so that a batch which ends meanwhile is seen by
the next one, and no query sees half a batch.
"""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb
from prompt_toolkit import PromptSession
from prompt_toolkit.application.current import get_app
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.sql import SqlLexer
from rich.console import Console

from data.errors import TouchstoneError
from data.warehouse.cookbook import read_macros, ready_query
from flows.ask import answer, parameters, show_queries

_HELP = """End a query with ; and Enter. Tab completes names, Ctrl-R searches the history.
.tables           the views that are kept stable, with what they hold
.queries          ready questions and macros
.q NAME a=1 b=2   ask a ready question
.quit             leave (also Ctrl-D)"""

# Gives a reader's connection for one query: ``published.Published.connection``.
Connect = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]


def ask_at_prompt(connect: Connect, console: Console) -> None:
    """Ask and answer until the person leaves; a query that fails is shown and the prompt goes on.

    Parameters
    ----------
    connect
        Gives the connection to ask, anew for each query.
    console
        Where answers go.

    Raises WarehouseError where there is no warehouse to begin with.
    """
    with connect() as con:
        names = _names(con)
    session: PromptSession[str] = PromptSession(
        history=FileHistory(str(_history_file())),
        completer=WordCompleter(list(names), meta_dict=names, ignore_case=True),
        complete_while_typing=False,
        lexer=PygmentsLexer(SqlLexer),
        multiline=Condition(lambda: not _is_whole(get_app().current_buffer.text)),
        prompt_continuation="      ...> ",
    )
    console.print("Read-only SQL. .help says what else there is.", markup=False)
    while True:
        try:
            said = session.prompt("touchstone> ").strip()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if said in (".quit", ".exit"):
            return
        if said.strip(";"):
            _reply(said, connect, console)


def _is_whole(text: str) -> bool:
    """Whether Enter sends the text: a command of one line, an ended query, or nothing."""
    text = text.strip()
    return not text or text.startswith(".") or text.endswith(";")


def _reply(said: str, connect: Connect, console: Console) -> None:
    started = time.perf_counter()
    try:
        if said == ".help":
            console.print(_HELP, markup=False)
        elif said == ".queries":
            show_queries(console)
        elif said == ".tables":
            _ask(_VIEWS, connect, console)
        elif said.startswith(".q "):
            name, *pairs = said[3:].split()
            _ask(ready_query(name).text, connect, console, parameters(pairs))
        elif said.startswith("."):
            console.print(
                f"{said.split(maxsplit=1)[0]}: no such command; .help lists them.", markup=False
            )
        else:
            _ask(said, connect, console)
            console.print(f"[dim]{time.perf_counter() - started:.2f} s[/dim]")
    except TouchstoneError as error:
        console.print(str(error), markup=False)


def _ask(
    query: str, connect: Connect, console: Console, values: Mapping[str, str] | None = None
) -> None:
    with connect() as con:
        answer(con, query, "table", None, console, values)


_VIEWS = (
    "SELECT view_name AS name, comment AS holds FROM duckdb_views() "
    "WHERE NOT internal AND comment IS NOT NULL ORDER BY view_name"
)


def _names(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """What can be completed, each with what it is: tables, views, columns, macros, SQL's words."""
    words = con.execute("SELECT upper(keyword_name), '' FROM duckdb_keywords()").fetchall()
    columns = con.execute(
        "SELECT column_name, coalesce(any_value(comment), '') FROM duckdb_columns() "
        "WHERE NOT internal GROUP BY column_name"
    ).fetchall()
    tables = con.execute(
        "SELECT table_name, coalesce(comment, '') FROM duckdb_tables() WHERE NOT internal "
        "UNION SELECT view_name, coalesce(comment, '') FROM duckdb_views() WHERE NOT internal"
    ).fetchall()
    macros = [(macro.name, macro.purpose) for macro in read_macros()]
    return dict(sorted([*words, *columns, *tables, *macros]))


def _history_file() -> Path:
    """The person's own file for what was asked; queries name serials, so others may not read it."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    folder = state / "touchstone"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / "sql_history"
    path.touch(mode=0o600)
    return path
