"""Which tables a SELECT reads, by its syntax alone: none needs to exist, no view hides one."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import duckdb


@cache  # a run checks the same texts before each of its layers
def tables_read(select: str) -> frozenset[str]:
    """The names of the tables and views that the SELECT reads; its own CTEs are not among them.

    Raises duckdb.ParserException where the text is not one SELECT.
    """
    with _parser().cursor() as con:
        tree = json.loads(con.execute("SELECT json_serialize_sql(?)", [select]).fetchall()[0][0])
    if tree["error"]:
        raise duckdb.ParserException(tree["error_message"])
    if len(tree["statements"]) != 1:
        raise duckdb.ParserException("expected one SELECT")
    return frozenset(_tables(tree["statements"][0], frozenset()))


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """One empty database for all texts: to make one takes longer than to parse."""
    return duckdb.connect()


def _tables(part: Any, ctes: frozenset[str]) -> Iterator[str]:
    if isinstance(part, list):
        for inner in part:
            yield from _tables(inner, ctes)
    elif isinstance(part, dict):
        for entry in (part.get("cte_map") or {}).get("map", ()):
            query, name = entry["value"], entry["key"]
            # A recursive CTE sees itself; another sees what is named so outside.
            sees = ctes | {name} if _is_recursive(query) else ctes
            yield from _tables(query, sees)
            ctes |= {name}
        if part.get("type") == "BASE_TABLE" and part["table_name"] not in ctes:
            yield part["table_name"]
        for name, inner in part.items():
            if name != "cte_map":
                yield from _tables(inner, ctes)


def _is_recursive(query: dict[str, Any]) -> bool:
    node = query["query_node"]
    node = node.get("node", node)
    return bool(node.get("type") == "RECURSIVE_CTE_NODE")
