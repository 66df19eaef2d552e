"""What all stories share: one lot of a case, its cast, and what its events show."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from data.simulator.attacks.craft import home, serial_of
from data.simulator.attacks.traders import named
from data.simulator.stage import Scene

_ANSWERS = {
    "P02": "A7",
    "P03": "A7",
    "P04": "A3",
    "P07": "A68",
    "P08": "A52",
    "P09": "A2",
    "P11": "A24",
    "P12": "A7",
    "P16": "A24",
}
"""Patterns that one refused scan shows by itself, and how it is answered then."""
_BURST = 5  # refused scans of one scheme


@dataclass
class Plot:
    """One lot of a case, and what its events show of each pattern."""

    scene: Scene
    clues: dict[str, list[int]] = field(default_factory=dict)
    edges: list[tuple[int, int]] = field(default_factory=list)

    def clue(self, codes: str, keys: Sequence[str], *steps: str, at: Sequence[int] = ()) -> None:
        """Staged events of these steps (at these sites) that name a key show these patterns."""
        found = named(self.scene, keys, *steps, sites=set(at) if at else None)
        for code in codes.split():
            self.clues.setdefault(code, []).extend(found)

    def linked(self, firms: Sequence[int]) -> None:
        """Goods passed these firms, one after the other."""
        self.edges += pairwise(firms)

    def tell(
        self,
        label: str,
        keys: Sequence[str],
        sites: Sequence[int],
        note: str,
        *,
        lot: str | None = None,
    ) -> None:
        """Write the truth once for each pattern that shows: in events, or in scans.

        The truth of fakes that claim a lot nobody made stands under its number.
        """
        edges = sorted(set(self.edges))
        for code, numbers in sorted(self.clues.items()):
            scanned_us = self._scanned_us(code, keys)
            if not numbers and scanned_us is None:
                continue
            view = replace(
                self.scene, code=code, evidence=sorted(set(numbers)), scanned_us=scanned_us
            )
            view.tell(label, keys, sites=sites, edges=edges, note=note)
            if lot is not None:
                truths = self.scene.stage.truths
                truths[-1] = replace(truths[-1], lot=lot)

    def _scanned_us(self, code: str, keys: Sequence[str]) -> int | None:
        """The first refused scan that shows a pattern; of a burst the one that makes it one."""
        serials = {serial_of(key) for key in keys}
        scans = self.scene.stage.lists.verifications
        refused = sorted(
            (int(scan["at_us"]), str(scan["answer_code"]))
            for scan in scans
            if scan["serial"] in serials and scan["answer_code"] != "ACTIVE"
        )
        if code == "P38":
            return refused[_BURST - 1][0] if len(refused) >= _BURST else None
        return next((at_us for at_us, answer in refused if answer == _ANSWERS.get(code)), None)


Story = Callable[[Sequence[Plot], float, float], None]


def cast(lead: Scene, tiers: Sequence[str]) -> list[int]:
    """A firm of each tier, no firm twice."""
    firms: list[int] = []
    for turn, tier in enumerate(tiers):
        near = lead.net.of("wholesaler", tier, *home(lead))
        pool = [s for s in near if s not in firms]
        pool = pool or [s for s in lead.net.of("wholesaler", tier) if s not in firms]
        firms.append(lead.pick(pool, f"firm {turn}"))
    return firms
