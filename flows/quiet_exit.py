"""An end without noise.

Prefect's threads outlive the interpreter's modules, and DuckDB's binding then lists on standard
error what they still hold: harmless, yet a page of it after every run.
"""

import atexit
import os


def hush_exit() -> None:
    """Let nothing more be written to standard error once the interpreter shuts down."""
    atexit.register(lambda: os.dup2(os.open(os.devnull, os.O_WRONLY), 2))
