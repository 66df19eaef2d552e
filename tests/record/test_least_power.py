"""What a reader of the warehouse cannot do, and what settings cannot hold."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from data.errors import SettingsError
from data.warehouse.connection import open_read_only, open_warehouse
from flows.settings import load_settings

ROOT = Path(__file__).parents[2]

REFUSED = [
    "CREATE TABLE mine (x INTEGER)",
    "DELETE FROM raw_event",
    "UPDATE raw_source_file SET path = 'x'",
    "DROP TABLE raw_event",
    "FROM read_text('/etc/hostname')",
    "FROM glob('/*')",
    "FROM '/etc/hostname'",
    "FROM 'https://example.org/x.csv'",
    "COPY (SELECT 1) TO '{folder}/out.csv'",
    "EXPORT DATABASE '{folder}/out'",
    "IMPORT DATABASE '{folder}'",
    "ATTACH '{folder}/other.duckdb'",
    "ATTACH ':memory:' AS other",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{folder}/x.duckdb_extension'",
    "CREATE SECRET (TYPE S3)",
    "CREATE PERSISTENT SECRET mine (TYPE S3)",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET allow_unsigned_extensions = true",
    "SET memory_limit = '100TB'",
    "SET temp_directory = '{folder}'",
    "SELECT getenv('HOME')",
    "SELECT * FROM secret_of_this_process",
]


@pytest.mark.parametrize("query", REFUSED)
def test_a_readers_connection_refuses(tmp_path: Path, query: str) -> None:
    import polars as pl

    secret_of_this_process = pl.DataFrame({"a": [1]})
    path = tmp_path / "w.duckdb"
    open_warehouse(path).close()
    with open_read_only(path) as con:
        for one in (con, con.cursor()):
            with pytest.raises(duckdb.Error):
                one.execute(query.format(folder=tmp_path)).fetchall()
    assert secret_of_this_process.height == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.duckdb"]


@pytest.mark.parametrize("key", ["password", "signing_key_pem", "api_key", "token"])
def test_settings_have_no_place_for_secrets(tmp_path: Path, key: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(f'{key} = "hunter2"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match=key) as caught:
        load_settings(file)
    assert "hunter2" not in str(caught.value)


def test_retention_has_a_legal_floor(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("retention_years = 5\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="retention_years"):
        load_settings(file)


def test_whatever_a_command_makes_is_closed_to_other_accounts(tmp_path: Path) -> None:
    (tmp_path / "sites.csv").write_text("gln,name\n9521234000013,Depot\n", encoding="utf-8")
    made = tmp_path / "made"
    words = ["ingest", str(tmp_path / "sites.csv"), "--warehouse", str(made / "w.duckdb")]
    subprocess.run(
        [sys.executable, "-c", "from flows.command_line import main; main()", *words],
        check=True,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        umask=0,
    )
    found = [made, *made.rglob("*")]
    assert {"w.duckdb", "w.trail.jsonl", "w.originals"} <= {path.name for path in found}
    assert not [path.name for path in found if path.stat().st_mode & 0o007]


def test_an_encrypted_warehouse_cannot_be_written_without_a_fetched_extension(
    tmp_path: Path,
) -> None:
    """SECURITY.md says why there is no such setting; once this fails, there can be one."""
    with (
        duckdb.connect(config={"autoinstall_known_extensions": False}) as con,
        pytest.raises(duckdb.Error, match="httpfs"),
    ):
        con.execute(f"ATTACH '{tmp_path / 'w.duckdb'}' AS w (ENCRYPTION_KEY 'key')")
