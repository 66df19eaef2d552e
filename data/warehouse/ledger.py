"""The run ledger: which run made this warehouse, from what, and whether it finished.

A run's id is a hash of all that decides its result, so the same run has the same id; it never
holds a clock. An orchestrator's own record is not enough: a killed process stays "running" there.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.resources.abc import Traversable

import duckdb

from data.cases.memory import read_memory
from data.errors import WarehouseError
from data.record.canonical import digest

_PACKAGES = ("duckdb", "polars", "numpy", "scikit-learn", "numba", "networkx", "biip")


@dataclass(frozen=True)
class Manifest:
    """All that decides a run's result.

    ``inputs`` are the sorted SHA-256 of the landed files, ``sql`` the SHA-256 of each SQL file by
    path, ``settings`` the effective settings (JSON values), ``code_version`` ours, ``packages``
    the versions of those that compute, ``memory`` the decisions and cases known at ``as_of``:
    how many, and their hash.
    """

    as_of: str
    inputs: tuple[str, ...]
    settings: dict[str, object]
    sql: dict[str, str]
    code_version: str
    packages: dict[str, str]
    memory: dict[str, object]

    @property
    def run_id(self) -> str:
        """Twelve hex digits over everything but ``packages``."""
        decides = asdict(self) | {"packages": None}
        return hashlib.sha256(_json(decides).encode()).hexdigest()[:12]


def make_manifest(
    con: duckdb.DuckDBPyConnection,
    as_of: datetime,
    settings: Mapping[str, object],
    code_version: str | None = None,
) -> Manifest:
    """The manifest of a run over all that is landed, at ``as_of`` (UTC)."""
    landed = con.execute("SELECT sha256 FROM raw_source_file WHERE sha256 IS NOT NULL").fetchall()
    return Manifest(
        as_of=as_of.isoformat(sep=" "),
        inputs=tuple(sorted(row[0] for row in landed)),
        settings=dict(settings),
        sql=sql_hashes(),
        code_version=code_version or _version("touchstone-rx"),
        packages=package_versions(),
        memory=_memory(con, as_of),
    )


def _memory(con: duckdb.DuckDBPyConnection, as_of: datetime) -> dict[str, object]:
    memory = read_memory(con, as_of)
    return {
        "decisions": len(memory.decisions),
        "cases": memory.case_count,
        "sha256": digest([memory.decisions_digest(), memory.cases_digest(), memory.acts_digest()]),
    }


def package_versions() -> dict[str, str]:
    """The versions of the packages that compute, by name."""
    return {name: _version(name) for name in _PACKAGES}


def sql_hashes(root: Traversable | None = None) -> dict[str, str]:
    """SHA-256 of every SQL and threshold file, by its path below ``sql/``."""
    return dict(sorted(_hashes_below(root or files("sql"), "")))


def _hashes_below(folder: Traversable, prefix: str) -> Iterable[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _hashes_below(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith((".sql", ".toml")):
            yield f"{prefix}{entry.name}", hashlib.sha256(entry.read_bytes()).hexdigest()


def begin_run(con: duckdb.DuckDBPyConnection, manifest: Manifest) -> str:
    """Write the run down as running; return its id.

    The warehouse has one writer, so whatever still says running was killed: it becomes failed. A
    run of the same id is replaced, since it is the same run once more.
    """
    con.execute("UPDATE raw_run SET status = 'failed' WHERE status = 'running'")
    con.execute("DELETE FROM raw_run WHERE run_id = ?", [manifest.run_id])
    con.execute(
        "INSERT INTO raw_run VALUES (?, CAST(? AS TIMESTAMP), 'running', ?)",
        [manifest.run_id, manifest.as_of, _json(asdict(manifest))],
    )
    return manifest.run_id


def finish_run(
    con: duckdb.DuckDBPyConnection,
    run_id: str,
    status: str = "finished",
    outputs: Mapping[str, str] | None = None,
) -> None:
    """Close the run; ``outputs`` (SHA-256 by file name) join its manifest.

    Raises WarehouseError where no such run is running.
    """
    found = con.execute(
        "SELECT manifest FROM raw_run WHERE run_id = ? AND status = 'running'", [run_id]
    ).fetchone()
    if found is None:
        raise WarehouseError(f"run {run_id} is not running; it cannot be closed as {status}.")
    manifest = json.loads(found[0]) | {"outputs": dict(sorted((outputs or {}).items()))}
    con.execute(
        "UPDATE raw_run SET status = ?, manifest = ? WHERE run_id = ?",
        [status, _json(manifest), run_id],
    )


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a source tree without installation
        return "unknown"
