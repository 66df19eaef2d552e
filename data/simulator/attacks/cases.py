"""Combined schemes modelled on public cases: one cast of culprits, several lots, several codes.

What is public about a case is its mechanism, never its events; so a story here repeats who did what
with which kind of paper, at the size of a simulated world. Its patterns are those that the case
library names for it, as far as events can show them, and others that the mechanism brings along.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from data.simulator.attacks.condition import is_cold
from data.simulator.attacks.craft import has_shops
from data.simulator.attacks.network import has_abroad, is_dear
from data.simulator.attacks.stories.buyback import Ring, bought_back, claimed_twice
from data.simulator.attacks.stories.fakes import (
    dressed_up,
    foreign_vials,
    one_serial,
    true_batch,
    turned_round,
)
from data.simulator.attacks.stories.plot import Plot, Story
from data.simulator.attacks.stories.thefts import hospital_loot, lost_lorry, suitcases, whole_lots
from data.simulator.network import Network, Product
from data.simulator.scheme import Attack
from data.simulator.stage import Scene


@dataclass(frozen=True)
class Case(Attack):
    """A scheme with the id of its case; ``codes`` are the patterns of which it leaves evidence."""

    codes: tuple[str, ...] = ()


def _staged(acting: str, story: Story) -> Callable[[Sequence[Scene], float, float], None]:
    """A story as the simulator plays it; its draws and events are those of one of its codes."""

    def play(scenes: Sequence[Scene], size: float, skill: float) -> None:
        story([Plot(replace(scene, code=acting)) for scene in scenes], size, skill)

    play.__doc__ = story.__doc__
    return play


def _is_cold_abroad(product: Product, net: Network) -> bool:
    return is_cold(product, net) and has_abroad(product, net)


def _is_dear_abroad(product: Product, net: Network) -> bool:
    return product.is_high_risk and has_abroad(product, net)


def _case(
    case_id: str,
    name: str,
    codes: str,
    story: Story,
    lots: int,
    suits: Callable[[Product, Network], bool] = has_shops,
) -> Case:
    told = tuple(codes.split())
    return Case(case_id, name, _staged(told[0], story), lots, suits, told)


CASES: dict[str, Case] = {
    case.code: case
    for case in (
        _case(
            "advair-us-2009",
            "whole lots stolen from a store, unseen for weeks",
            "P11 P16 P17 P27",
            whole_lots,
            2,
        ),
        _case(
            "altec-2012",
            "two firms of one man stand between street and wholesaler",
            "P12 P31 P33 P35 P40",
            bought_back(Ring(("flash", "flash"), 0.7, claims="maker")),
            3,
        ),
        _case(
            "avastin-us-2012",
            "foreign packs, and empty ones, through brokers of several countries",
            "P09 P26 P29 P34",
            foreign_vials,
            3,
            has_abroad,
        ),
        _case(
            "china-returned-drugs-2024",
            "codes claimed more than once",
            "P02 P03 P12",
            claimed_twice,
            4,
        ),
        _case(
            "cumberland-2006-09",
            "two shells supply papers for packs from the street",
            "P12 P26 P29 P31 P33 P35 P40",
            bought_back(Ring(("shell", "shell", "flash"), 0.72, claims="maker")),
            3,
        ),
        _case(
            "harvoni-de-2017",
            "perfect cartons under a true batch",
            "P01 P04 P21 P28",
            true_batch,
            2,
            is_dear,
        ),
        _case(
            "herceptin-it-2014",
            "hospital loot invoiced by firms on paper, and exported",
            "P08 P16 P26 P30 P31 P32 P33",
            hospital_loot,
            4,
        ),
        _case(
            "hiv-africa-2002",
            "goods for export that never leave",
            "P18 P19 P30 P34",
            turned_round,
            3,
            has_abroad,
        ),
        _case(
            "hiv-gilead-2020-21",
            "bought back, with invented first sales, through firms without authority",
            "P12 P26 P28 P31 P33 P35 P40",
            bought_back(Ring(("shell", "flash"), 0.6, claims="maker")),
            4,
            is_dear,
        ),
        _case(
            "hiv-safechain-2020-21",
            "a licensed wholesaler launders: most of its trade is genuine",
            "P12 P27 P28 P31 P35 P38 P40",
            bought_back(Ring(("flash", "secondary"), 0.75, claims="books", launders=True)),
            4,
            is_dear,
        ),
        _case(
            "hiv-shell-wholesalers-2019-21",
            "a chain of shells gives an origin on paper",
            "P12 P26 P28 P29 P30 P31 P33 P35 P40",
            bought_back(
                Ring(
                    ("flash", "shell", "flash", "secondary"),
                    0.55,
                    claims="maker",
                    comes_back=True,
                    stay_h=(0.2, 18.0),
                )
            ),
            4,
            is_dear,
        ),
        _case(
            "levemir-us-2009",
            "a lorry with several lots, sold months later, never cooled",
            "P16 P18 P22 P36 P37",
            lost_lorry,
            3,
            is_cold,
        ),
        _case(
            "lunapharm-de-2018",
            "a pharmacy sells hospital packs abroad, carried without cold",
            "P16 P26 P32 P34 P37",
            suitcases,
            3,
            _is_cold_abroad,
        ),
        _case(
            "ozempic-de-2023",
            "other pens in copied cartons, through three countries",
            "P02 P03 P28 P29 P34 P38",
            dressed_up,
            2,
            _is_dear_abroad,
        ),
        _case(
            "ozempic-us-2023-nar0074",
            "one serial and one lot number on all cartons",
            "P01 P02 P07 P21 P27",
            one_serial,
            2,
        ),
    )
}
"""By the id that the case has in the case library."""
