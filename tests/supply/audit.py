"""Known vulnerabilities of the lock, as pip-audit tells them.

    python -m tests.supply.audit [--strict]

pip-audit is fetched by uv for the moment and is no dependency of the project; it asks the package
index about every package of the lock. Where that cannot be done, as without a network, this says
so and exits 0 (2 with ``--strict``). A known vulnerability exits 1.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.supply.lock import LOCK

TOOL = "pip-audit>=2.9,<3"
_PATIENCE_S = 600


def ask_pip_audit(lock: Path, target: Path) -> str:
    """Let pip-audit write its answer; return what it said besides."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        return "uv is not installed"
    words = [uv, "tool", "run", "--from", TOOL, "pip-audit", "--disable-pip", "--require-hashes"]
    words += ["--requirement", str(lock), "--format", "json", "--output", str(target)]
    try:
        done = subprocess.run(
            words, check=False, capture_output=True, text=True, timeout=_PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {_PATIENCE_S} s"
    return done.stderr.strip()


def audit(
    lock: Path = LOCK, strict: bool = False, ask: Callable[[Path, Path], str] = ask_pip_audit
) -> tuple[int, list[str]]:
    """The exit code and the lines to print."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        said = ask(lock, answer)
        try:
            told = json.loads(answer.read_text(encoding="utf-8"))["dependencies"]
        except (OSError, ValueError, KeyError, TypeError):
            why = said.splitlines()[-1] if said else "no answer"
            return 2 * strict, [f"NOT CHECKED for known vulnerabilities: {why}"]
    skipped = [one["name"] for one in told if "skip_reason" in one]
    lines = [
        f"{one['name']} {one['version']}: {fault['id']}, mended in "
        f"{', '.join(fault.get('fix_versions') or ['no version yet'])}"
        for one in told
        for fault in one.get("vulns", ())
    ]
    checked = len(told) - len(skipped)
    more = f"; NOT CHECKED: {', '.join(skipped)}" if skipped else ""
    return bool(lines), [*lines, f"{checked} packages checked, {len(lines)} known faults{more}"]


def main() -> None:
    """Print what is known and exit."""
    parser = argparse.ArgumentParser(prog="python -m tests.supply.audit", description=__doc__)
    parser.add_argument("--strict", action="store_true", help="exit 2 where it cannot be checked")
    code, lines = audit(strict=parser.parse_args().strict)
    sys.stdout.write("\n".join(lines) + "\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
