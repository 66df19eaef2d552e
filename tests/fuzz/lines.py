"""Which lines of the readers an input reaches that none before it reached.

``sys.settrace`` alone: a function whose lines were all reached is no longer traced, so that the
cost falls as the campaign goes on.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

from tests.fuzz.mutations import READERS

_FOLDER = str(READERS)


class Lines:
    """The lines reached so far."""

    def __init__(self) -> None:
        self.reached = 0
        self._left: dict[CodeType, set[int] | None] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch what runs inside the block; ``reached`` grows with each new line."""
        before = sys.gettrace()
        sys.settrace(self._call)
        try:
            yield
        finally:
            sys.settrace(before)

    def _call(self, frame: FrameType, event: str, _: Any) -> Any:
        code = frame.f_code
        left = self._left.get(code, ())
        if left == ():
            left = _lines_of(code) if code.co_filename.startswith(_FOLDER) else None
            self._left[code] = left
        return self._line if left else None

    def _line(self, frame: FrameType, event: str, _: Any) -> Any:
        left = self._left[frame.f_code]
        if event == "line" and left and frame.f_lineno in left:
            left.discard(frame.f_lineno)
            self.reached += 1
        return self._line if left else None


def _lines_of(code: CodeType) -> set[int]:
    return {line for _, _, line in code.co_lines() if line} - {code.co_firstlineno}
