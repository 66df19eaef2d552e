"""Settings of the whole suite."""

import atexit
import os

from hypothesis import settings

# A busy machine is not a defect: no deadline for an example. The same examples in every run.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")

# DuckDB's binding lists on exit what test frameworks still hold of it, behind pytest's last line.
atexit.register(lambda: os.dup2(os.open(os.devnull, os.O_WRONLY), 2))
