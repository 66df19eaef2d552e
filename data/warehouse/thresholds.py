"""Thresholds of the patterns: shipped values with unit and source, a user's values over them."""

import tomllib
from collections.abc import Mapping
from importlib import resources

import duckdb

from data.errors import SettingsError


def shipped() -> dict[str, tuple[float, str, str]]:
    """Return ``{"P01.distance_km": (50.0, "km", source)}`` for every shipped threshold."""
    text = (resources.files("sql") / "patterns" / "thresholds.toml").read_text(encoding="utf-8")
    return {
        f"{pattern}.{name}": (float(entry["value"]), entry["unit"], entry["source"])
        for pattern, entries in tomllib.loads(text).items()
        for name, entry in entries.items()
    }


def chosen(overrides: Mapping[str, Mapping[str, float]]) -> dict[str, tuple[float, str, str]]:
    """Shipped thresholds with a user's values over them.

    Raises
    ------
    SettingsError
        A named threshold does not exist: a typing error must not silently keep the old value.
    """
    values = shipped()
    for pattern, entries in overrides.items():
        for name, value in entries.items():
            key = f"{pattern}.{name}"
            if key not in values:
                known = ", ".join(sorted(k for k in values if k.startswith(f"{pattern}.")))
                raise SettingsError(
                    f"settings: [patterns.{pattern}] has no threshold {name}; "
                    f"known: {known or 'none of that pattern'}."
                )
            # A manifest writes 80.0 as 80: a run made again must have the same id.
            values[key] = (float(value), values[key][1], "settings")
    return values


def note_tuning(con: duckdb.DuckDBPyConnection, tuning: Mapping[str, Mapping[str, str]]) -> None:
    """Replace the table ``raw_tuning``: who changed a pattern's thresholds (``by``), and why."""
    con.execute("DELETE FROM raw_tuning")
    for pattern, said in sorted(tuning.items()):
        row = [pattern, said.get("reason"), said.get("by")]
        con.execute("INSERT INTO raw_tuning VALUES (?, ?, ?)", row)


def tuning_of(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Who changed which pattern's thresholds and why, as ``note_tuning`` was told."""
    rows = con.execute("SELECT pattern, reason, decided_by FROM raw_tuning ORDER BY pattern")
    return {
        pattern: {name: said for name, said in (("reason", reason), ("by", by)) if said}
        for pattern, reason, by in rows.fetchall()
    }


def store(con: duckdb.DuckDBPyConnection, values: Mapping[str, tuple[float, str, str]]) -> None:
    """Replace the table ``raw_setting`` by these values."""
    con.execute("DELETE FROM raw_setting")
    rows = [[name, *value] for name, value in sorted(values.items())]
    con.executemany("INSERT INTO raw_setting VALUES (?, ?, ?, ?)", rows)
