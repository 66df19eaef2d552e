"""Coverage-guided fuzzing of the readers of documents and identifiers, where atheris is installed.

    pip install atheris    # into an environment of its own: it is not in the lock
    python -m tests.fuzz.guided -runs=100000 -seed=1 -max_len=8192 [FOLDER]

Takes the options of libFuzzer. FOLDER keeps inputs that reached new branches, for a later run to
start from. atheris 3 has no wheels for every Python that this project supports, and traces byte
code; so the campaign of ``python -m tests.fuzz``, which needs neither, is the one of the build. The
first byte of an input chooses the reader. libFuzzer stops at the first crash and writes the input.
"""

import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-not-found]

with atheris.instrument_imports(include=["data.readers"]):
    from tests.fuzz import targets
    from tests.fuzz.campaign import KEPT, seeds

TARGETS = ("xml", "json", "ndjson", "identifiers")
_GROUP_INPUTS = 128


class _Reading:
    """Reads inputs one by one; makes frames of a hundred at once."""

    def __init__(self) -> None:
        self._groups = {target: targets.Group(target) for target in TARGETS}

    def take(self, data: bytes) -> None:
        """Read one input; what a reader raises is the crash that libFuzzer reports."""
        if not data:
            return
        target = TARGETS[data[0] % len(TARGETS)]
        group = self._groups[target]
        group.read(data[1:])
        if len(group.inputs) >= _GROUP_INPUTS:
            self._groups[target] = targets.Group(target)
            try:
                group.close()
            except Exception:
                for one in group.inputs:
                    try:
                        targets.read_as(target, one, Path(tempfile.gettempdir()))
                    except Exception:
                        Path(f"crash-frames-{target}").write_bytes(one)
                        raise
                raise


def main() -> None:
    """Start from the corpus of the build, and from the folder that was named."""
    with tempfile.TemporaryDirectory(prefix="touchstone-guided-") as place:
        pools = seeds(KEPT)
        for number, target in enumerate(TARGETS):
            for index, data in enumerate(pools[target]):
                (Path(place) / f"{target}-{index}").write_bytes(bytes([number]) + data)
        atheris.Setup([*sys.argv, place], _Reading().take)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
