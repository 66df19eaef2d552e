"""What an attack and a look-alike are: a code, a way to stage it, and what it needs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from data.simulator.network import Network, Product
from data.simulator.stage import Scene, Stage


@dataclass(frozen=True)
class Attack:
    """A way to cheat.

    ``play`` gets one scene a lot, how large the scheme is (1: usual) and how careful its author
    (0: clumsy, 1: slow, with plausible paper).
    """

    code: str
    name: str
    play: Callable[[Sequence[Scene], float, float], None]
    lots: int = 1  # lots of one scheme, all of one product
    suits: Callable[[Product, Network], bool] | None = None  # which products; None: any


@dataclass(frozen=True)
class LookAlike:
    """An honest mishap or habit that looks like an attack.

    ``play`` stages it all over a chunk of lots; ``rate`` 1 is what DOMAIN.md reports of real
    trade, 0 is nothing.
    """

    code: str
    name: str
    play: Callable[[Stage, float], None]
