"""Settings of a run: one frozen object from a TOML file, environment variables over it."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from data.errors import SettingsError
from data.readers.epcis_source import MAX_EPCS


class Settings(BaseSettings):
    """What an operator may set; an unknown key is an error.

    ``TOUCHSTONE_WAREHOUSE=…`` and the like override the file. Thresholds of patterns are given as
    ``[patterns.P01]`` tables; the shipped values, with unit and source, stand in
    ``sql/patterns/thresholds.toml``. In such a table ``reason`` and ``by`` say why its thresholds
    were changed, and who decided it: they come to stand in ``tuning``. With ``pdf`` each suspect
    lot's report is written as PDF too, which takes some tenth of a second a lot. ``cluster`` says
    who reads documents and computes models: ``local`` or the address of a Dask scheduler.
    ``language`` is what reports are written in, PDF and notices too: en or de. An event whose lists
    have more than ``max_epcs_per_event`` members is set aside: a million take two gigabytes. With
    ``archive`` each run moves the histories of closed lots to Parquet beside the warehouse. A lot
    is closed once nothing was recorded of it for ``archive_quiet_days`` (180: our reckoning; late
    uploads and returns come within weeks) and all its packs have ended, or its expiry lies
    ``archive_expired_days`` back (365: identifiers are kept a year past expiry, Regulation (EU)
    2016/161 Art. 35). Nothing is ever deleted; for ``retention_years`` (6 at least: DSCSA, records
    of investigations) no person may delete it either.
    """

    model_config = SettingsConfigDict(env_prefix="TOUCHSTONE_", frozen=True, extra="forbid")

    warehouse: Path = Path("var/touchstone.duckdb")
    reports: Path = Path("var/reports")
    memory_limit: str = "4GB"
    threads: int = Field(default=2, ge=1)
    cluster: str | None = None
    max_epcs_per_event: int = Field(default=MAX_EPCS, ge=100)
    mappings: tuple[Path, ...] = ()
    patterns: dict[str, dict[str, float]] = Field(default_factory=dict)
    tuning: dict[str, dict[Literal["reason", "by"], str]] = Field(default_factory=dict)
    pdf: bool = False
    language: Literal["en", "de"] = "en"
    suppression_days: int = Field(default=90, ge=1, le=366)
    actor: str | None = None
    change_reason: str | None = None
    require_reason: bool = False
    keep_originals: bool = True
    signing_key: Path | None = None
    anchor: Path | None = None
    settle_s: float = Field(default=0, ge=0)
    arrived_by: AwareDatetime | None = None
    move_done: Path | None = None
    move_set_aside: Path | None = None
    notify_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    notify_mail: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...] = ()
    mail_server: str = Field(default="localhost:25", pattern=r"^[^\s:]+(:\d+)?$")
    retention_years: int = Field(default=10, ge=6)
    archive: bool = False
    archive_quiet_days: int = Field(default=180, ge=1)
    archive_expired_days: int = Field(default=365, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _take_reasons_out(cls, values: Any) -> Any:
        """Part the words of a pattern's table from its numbers."""
        tables = values.get("patterns") if isinstance(values, dict) else None
        if not isinstance(tables, dict):
            return values
        numbers: dict[str, Any] = {}
        words: dict[str, Any] = dict(values.get("tuning") or {})
        for pattern, table in tables.items():
            if not isinstance(table, dict):
                return values
            said = {name: table[name] for name in ("reason", "by") if name in table}
            numbers[pattern] = {name: v for name, v in table.items() if name not in said}
            if said:
                words[pattern] = said
        return {**values, "patterns": numbers, "tuning": words}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments of the command win over the environment, which wins over the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(file: Path | None = None, **given: Any) -> Settings:
    """Read settings.

    Parameters
    ----------
    file : Path, optional
        TOML file; without it the defaults and the environment hold.
    **given
        Values of command-line options; ``None`` means not given.

    Raises
    ------
    SettingsError
        The file is missing or not TOML, a key is unknown, or a value is out of range.
    """
    if file is not None and not file.is_file():
        raise SettingsError(f"{file}: no such settings file. Name an existing TOML file.")
    chosen = {key: value for key, value in given.items() if value is not None}
    model = type(
        "FileSettings",
        (Settings,),
        {"model_config": SettingsConfigDict(**{**Settings.model_config, "toml_file": file})},
    )
    try:
        loaded: Settings = model(**chosen)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(p) for p in fault['loc'])}: {fault['msg']}" for fault in error.errors()
        )
        raise SettingsError(
            f"{file or 'settings'}: {faults}. See README, section Settings, for the known keys."
        ) from None
    except ValueError as error:  # tomllib
        raise SettingsError(f"{file}: not a TOML file ({error}). Mend the line it names.") from None
    return loaded
