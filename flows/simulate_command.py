"""``touchstone simulate``: write a world whose truth is known."""

from collections.abc import Callable
from pathlib import Path

from data.errors import InputError
from data.simulator.profiles import Wishes, world_of
from data.simulator.world import Told, simulate


def write_world(folder: Path, profile: str, wishes: Wishes, say: Callable[[object], None]) -> Told:
    """Write the world that was wished into a folder that is absent or empty.

    Raises InputError for a wish that cannot be met, and where the folder holds anything: a world
    is never mixed with another.
    """
    world = world_of(profile, wishes)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: not an empty folder. Name a new one with --out.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}). Name another.") from error
    return simulate(folder, world, lambda what, share: say(f"{what} {share:.0%}"))


def lines(told: Told) -> list[str]:
    """What to tell the person who asked."""
    return [
        f"{told.lots:,} lots of {told.packs:,} packs, {told.unit_events:,} unit events; of these "
        f"arrived {told.events:,} events in {told.files:,} files.",
        f"Feed: {told.feed}. Truth, which detection never reads: {told.truth}.",
        f"Run it: touchstone run {told.feed} --as-of {told.as_of:%Y-%m-%dT%H:%M:%SZ}",
    ]
