"""Errors that reach people, each kind with its exit code.

A message says where, what, what was expected, and what to do; it holds no serials and no partner
names, since logs are read by more people than the warehouse is.
"""


class TouchstoneError(Exception):
    """Base of all errors caused by input, settings or models; shown without a traceback."""

    exit_code = 10


class InputError(TouchstoneError):
    """The named input does not exist or cannot be opened at all."""

    exit_code = 11


class ModelError(TouchstoneError):
    """A SQL model failed, or its header and reality differ."""

    exit_code = 12


class SettingsError(TouchstoneError):
    """A settings or mapping file has an unknown key or a value out of range."""

    exit_code = 13


class WarehouseError(TouchstoneError):
    """The warehouse file is missing, in use by another run, or not a warehouse."""

    exit_code = 14


class NotFoundError(TouchstoneError):
    """The lot, pack, case or run that was asked for is not in the warehouse."""

    exit_code = 15


class RecordError(TouchstoneError):
    """The audit trail, a manifest, a kept original or a published file is not what it was."""

    exit_code = 16


class ResourceError(WarehouseError):
    """The disk is full or read-only, or the memory limit was reached."""

    exit_code = 17


class OrchestratorError(TouchstoneError):
    """Prefect's server cannot be reached, or went away."""

    exit_code = 18


class RegressionError(TouchstoneError):
    """A benchmark's ratio is over a tenth worse than the stored one."""

    exit_code = 19
