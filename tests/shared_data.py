"""Where the public documents for tests lie; they are never part of the project."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared" / "data"

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the public documents (../shared/data) are not on this machine"
)
