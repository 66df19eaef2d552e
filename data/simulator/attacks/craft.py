"""What schemes share: fronts and shops, pace and paper, invented numbers, and how goods are sold.

How careful an author is shows everywhere in the same ways. A clumsy one sells many packs at once,
within days, through a company without a licence and from hand to hand. A careful one sells a pack a
month, through a licensed company that trades the lot anyway, with delivery notes and a sales log.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from data.simulator.life import FROM_SECONDARY, NEVER
from data.simulator.network import Network, Product
from data.simulator.places import distances_km
from data.simulator.sales import currency_of, list_price
from data.simulator.serials import DIGITS, SerialScheme
from data.simulator.stage import EPOCH, Scene, day_of
from data.simulator.working_time import DAY_US, HOUR_US, MINUTE_US, SECOND_US, from_us

SCANNED_PCT = 66  # packs that a shop scans: DOMAIN.md section 1, fact 4
HEEDED_PCT = 30  # refusals that keep a pack from sale: nearly all are false, so most are overridden
LEAST_SHOPS = 6
_LAST_DAYS = 3  # nothing is begun so shortly before the telling ends
_NEVER_ALLOCATED = 5 * 10**11  # sequential makers have not come to such numbers


@dataclass(frozen=True)
class Good:
    """A pack on sale: from when the culprit has it, and what a scan of it answers."""

    key: str
    free_us: int
    answer: str = ""  # of a copy: as the original stands then
    printed: Mapping[str, str] = field(default_factory=dict)  # cells of the scan that differ
    copy_of: int = -1  # number of the genuine pack
    known_at: int = -1  # site that has, or had, the pack or its original: not the one to sell to


@dataclass
class Sold:
    """What went through a scheme's hands."""

    keys: list[str] = field(default_factory=list)
    edges: list[tuple[int, int]] = field(default_factory=list)

    def add(self, keys: Sequence[str], seller: int, buyer: int) -> None:
        """Note a delivery."""
        self.keys += [key for key in keys if key not in self.keys]
        if (seller, buyer) not in self.edges:
            self.edges.append((seller, buyer))


# ---- how much and how fast


def tuned(clumsy: float, careful: float, skill: float) -> float:
    """A positive quantity between what a clumsy and a careful author choose."""
    return float(clumsy * (careful / clumsy) ** skill)


def wanted(usual: float, size: float, skill: float) -> int:
    """How many packs: a careful author is content with a quarter."""
    return max(1, round(usual * size * tuned(1.0, 0.25, skill)))


def moments(scene: Scene, first_us: int, skill: float) -> Iterator[int]:
    """When one batch after another is sold: hours apart, or a month; up to the telling's end."""
    at_us, gap_h = first_us, tuned(3, 720, skill)
    last_us = scene.stage.until_us - _LAST_DAYS * DAY_US
    while at_us < last_us:
        yield at_us
        scene.turns += 1
        at_us += scene.hours(0.8 * gap_h, 1.15 * gap_h, "pace", scene.turns)


# ---- who


def has_shops(product: Product, net: Network) -> bool:
    """Whether the product's market has enough pharmacies to sell at."""
    return len(net.of("pharmacy", "", *product.markets)) >= LEAST_SHOPS


def home(scene: Scene) -> tuple[str, ...]:
    """The countries of the product's market that take part in the world."""
    return tuple(c for c in scene.product.markets if c in scene.net.countries)


def shops(
    scene: Scene, count: int, purpose: str = "shops", *, besides: Sequence[int] = ()
) -> list[int]:
    """Pharmacies of the market, each of another owner as long as there are such."""
    net = scene.net
    pool = [s for s in net.of("pharmacy", "", *home(scene)) if s not in besides]
    drawn = scene.sample(pool, 4 * count, purpose)
    first_of = {net.sites[s].partner.no: s for s in drawn[::-1]}
    unrelated = [s for s in drawn if first_of[net.sites[s].partner.no] == s]
    chosen = scene.sample(unrelated, count, f"{purpose} unrelated")
    more = [s for s in drawn if s not in chosen]
    return chosen + scene.sample(more, count - len(chosen), f"{purpose} related")


def customers(scene: Scene, seller: int, count: int) -> list[int]:
    """Pharmacies that a seller supplies with the lot anyway, then others; fakes go among these."""
    legs = scene.stage.life.legs
    mine = (legs.lot == scene.row) & (legs.owner_from == seller)
    known = set(legs.owner_to[mine].tolist())
    usual = [s for s in scene.net.of("pharmacy", "", *home(scene)) if s in known]
    own = scene.sample(usual, count, "customers")
    return own + shops(scene, count - len(own), "more shops", besides=own)


def front(scene: Scene, skill: float, *, besides: Sequence[int] = ()) -> int:
    """The company that sells: without a licence, with a fresh one, or long in the trade.

    A careful author takes one that buys packs of the lot anyway, if there is one.
    """
    tier = "shell" if skill < 1 / 3 else "flash" if skill < 2 / 3 else "secondary"
    if tier == "secondary":
        legs = scene.stage.life.legs
        mine = (legs.lot == scene.row) & (legs.level == FROM_SECONDARY)
        traders = sorted({int(s) for s in legs.owner_from[mine]} - set(besides))
        if traders:
            return scene.pick(traders, "front")
    pool = scene.net.of("wholesaler", tier, *home(scene))
    return scene.pick([s for s in pool if s not in besides] or pool, "front")


def farthest(scene: Scene, site: int, options: Sequence[int], least_km: float) -> list[int]:
    """Those of the options that lie so far from a site; the farthest few where none does."""
    city = scene.net.city_no
    km = distances_km()[city[site]]
    far = [s for s in options if km[city[s]] >= least_km]
    return far or sorted(options, key=lambda s: (-km[city[s]], s))[:3]


# ---- times


def open_at(scene: Scene, site: int, at_us: int) -> int:
    """The same time where a site is open then, else soon after it opens."""
    net, one = scene.net, np.array([site])
    scene.turns += 1
    jitter = np.array([scene.below(9_000, "morning", scene.turns) * SECOND_US])
    at = scene.stage.clocks.open_hours(
        np.array([at_us]), net.zone_no[one], net.hours.of(one), jitter
    )
    return int(at[0])


def is_open(scene: Scene, site: int, at_us: int) -> bool:
    """Whether a site is open at a time."""
    net, one = scene.net, np.array([site])
    worked = scene.stage.clocks.is_worked(np.array([at_us]), net.zone_no[one], net.hours.of(one))
    return bool(worked[0])


def month_end(day: date) -> date:
    """The last day of a day's month."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def midnight_us(day: date) -> int:
    """The end of a day, UTC."""
    return ((day - EPOCH).days + 1) * DAY_US


# ---- which packs


def first_sold(scene: Scene, count: int, purpose: str) -> list[int]:
    """Some of the packs that are handed out early, in the order in which they are.

    Who copies or buys back takes what is there first; so there is time left for the rest.
    """
    packs = scene.dispensed(3 * count, purpose, spare_days=25)
    packs.sort(key=lambda pack: (scene.end(pack)[1], pack))
    scene.stage.taken[packs[count:]] = False
    return packs[:count]


def number_in_lot(scene: Scene, pack: int) -> int:
    """The number by which draws know a pack: its place in the chunk may change, this does not."""
    return int(scene.stage.life.pack_no[pack])


# ---- what scans answer


def answer_of(scene: Scene, pack: int, at_us: int) -> str:
    """What a scan of a genuine serial answers: unknown yet, active, or handed out before."""
    life = scene.stage.life
    if at_us < life.printed_us[pack]:
        return "A3"
    return "A7" if at_us >= life.end_us[pack] else "ACTIVE"


def printed(expiry: date) -> str:
    """An expiry as on packs."""
    return expiry.strftime("%y%m%d")


# ---- steps


def supply(
    scene: Scene,
    keys: Sequence[str],
    seller: int,
    buyer: int,
    at_us: int,
    skill: float,
    *,
    is_evidence: bool = True,
    lot: str | None = None,
    **more: Any,
) -> int:
    """Bring goods to a buyer; the time at which he has them.

    From hand to hand, of which only the buyer's own receipt is on record; against a delivery note;
    or as the trade does, with a message of the seller and a line in his sales log.
    """
    if skill < 1 / 3:
        scene.turns += 1
        got_us = open_at(scene, buyer, at_us + scene.hours(2, 30, "by hand", scene.turns))
        scene.event(
            got_us,
            buyer,
            "receiving",
            "in_progress",
            owner_to=buyer,
            place_to=buyer,
            epcs=list(keys),
            is_evidence=is_evidence,
        )
        return got_us
    is_booked = skill >= 2 / 3
    got_us = scene.ship(
        keys, seller, buyer, at_us, is_shipped=is_booked, is_evidence=is_evidence, **more
    )
    if is_booked:
        book(scene, seller, buyer, len(keys), int(scene.stage.rows[-2]["at_us"]), lot)
    return got_us


def book(scene: Scene, seller: int, buyer: int, count: int, at_us: int, lot: str | None) -> None:
    """A line in the seller's sales log, at a plausible price."""
    net = scene.net
    scene.turns += 1
    price = list_price(net, scene.product.no, net.sites[seller].country)
    price *= scene.between(90, 99, "discount", scene.turns) / 100
    number = scene.stage.paper_no(scene.row, scene.code)
    scene.stage.lists.shipments.append(
        {
            "shipment_id": f"S{number}",
            "line": "1",
            "from_gln": net.sites[seller].gln,
            "to_gln": net.sites[buyer].gln,
            "gtin": scene.product.gtin,
            "lot": lot or scene.lot,
            "quantity": str(count),
            "shipped_at": from_us(at_us).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "received_at": "",
            "unit_price": f"{price:.2f}",
            "currency": currency_of(net.sites[seller].country),
            "mode": "road",
            "order_id": f"O{number}",
        }
    )


def hand_out(scene: Scene, good: Good, shop: int, at_us: int, *, is_evidence: bool = True) -> None:
    """A shop scans a pack, or does not, and sells it; some put it aside when that is refused."""
    at_us = open_at(scene, shop, at_us)
    if at_us >= scene.stage.until_us:
        return
    turn = scene.turns
    if scene.below(100, "is scanned", turn) < SCANNED_PCT:
        answer = good.answer or answer_of(scene, good.copy_of, at_us)
        before = scene.between(20, 200, "scan before", turn) * SECOND_US
        scene.verify(shop, at_us - before, serial_of(good.key), answer, **good.printed)
        if answer != "ACTIVE" and scene.below(100, "is heeded", turn) < HEEDED_PCT:
            set_aside(scene, [good.key], shop, at_us, is_evidence=is_evidence)
            return
        if answer == "ACTIVE" and good.copy_of >= 0:
            sell_original(scene, good.copy_of)
    scene.dispense([good.key], shop, at_us, is_evidence=is_evidence)


def set_aside(
    scene: Scene, keys: Sequence[str], shop: int, at_us: int, *, is_evidence: bool = True
) -> None:
    """A shop blocks packs whose scan was refused."""
    scene.event(
        at_us + 10 * MINUTE_US,
        shop,
        "holding",
        "non_sellable_other",
        epcs=list(keys),
        is_evidence=is_evidence,
    )


def sell_on(
    scene: Scene,
    goods: Sequence[Good],
    seller: int,
    buyers: Sequence[int],
    skill: float,
    *,
    first_us: int = 0,
    paper: float | None = None,
    lot: str | None = None,
) -> Sold:
    """Sell packs to shops, batch by batch, and from there to patients.

    Parameters
    ----------
    first_us
        Nothing is sold before; nor is a pack before it is free.
    paper
        How careful the paper is, as ``skill`` of ``supply``; None: as the author is.
    lot
        Stands in the papers where it is not the scene's own; papers name lots only then.
    """
    sold = Sold()
    if not goods or not buyers:
        return sold
    waiting = sorted(goods, key=lambda good: good.free_us)
    size = max(1, round(tuned(8, 1, skill)))
    times = moments(scene, max(first_us, waiting[0].free_us), skill)
    for turn, start in enumerate(range(0, len(waiting), size)):
        batch = waiting[start : start + size]
        at_us = max(next(times, NEVER), batch[-1].free_us)
        if at_us >= scene.stage.until_us - _LAST_DAYS * DAY_US:
            break
        turned = [*buyers[turn % len(buyers) :], *buyers[: turn % len(buyers)]]
        known_at = {good.known_at for good in batch}
        shop = next((s for s in turned if s not in known_at), turned[0])
        keys = [good.key for good in batch]
        more: dict[str, Any] = {}
        if lot is not None:
            key = f"01/{scene.product.gtin}/10/{lot}"
            more["classes"] = [{"key": key, "quantity": float(len(keys))}]
        has_paper = skill if paper is None else paper
        got_us = supply(scene, keys, seller, shop, at_us, has_paper, lot=lot, **more)
        sold.add(keys, seller, shop)
        for number, good in enumerate(batch):
            hand_out(scene, good, shop, got_us + scene.hours(3, 96, "on the shelf", turn, number))
    return sold


def sell_and_tell(
    scene: Scene,
    goods: Sequence[Good],
    skill: float,
    label: str,
    *,
    seller: int | None = None,
    first_us: int = 0,
    lot: str | None = None,
    note: str,
) -> None:
    """Sell packs through a front and write the truth about those that were sold.

    The truth of a lot that the fakes claim, and that nobody made, stands under its number.
    """
    chosen = front(scene, skill) if seller is None else seller
    buyers = customers(scene, chosen, round(tuned(3, 8, skill)))
    sold = sell_on(scene, goods, chosen, buyers, skill, first_us=first_us, lot=lot)
    if not sold.keys:
        return
    scene.tell(label, sold.keys, sites=[chosen], edges=sold.edges, note=note)
    if lot is not None:
        scene.stage.truths[-1] = replace(scene.stage.truths[-1], lot=lot)


def sell_original(scene: Scene, pack: int) -> None:
    """The genuine pack is handed out as ever, but a copy of it was sold before: the scan fails."""
    site, end_us = scene.end(pack)
    if end_us >= scene.stage.until_us:
        return
    scene.cut([pack], end_us)
    scene.verify(site, end_us - 50 * SECOND_US, scene.serial(pack), "A7")
    scene.dispense([scene.key(pack)], site, end_us, is_evidence=True)


def collect(
    scene: Scene,
    packs: Sequence[int],
    taker: int,
    *,
    after_h: float = 0,
    at_us: int | None = None,
    is_told: bool = True,
    **more: Any,
) -> list[tuple[int, int]]:
    """Fetch packs from the dispensers where they lie; each with the time at which the taker has it.

    At a time, or ``after_h`` hours after they came there; from then on they do not live their
    honest life.
    """
    life = scene.stage.life
    by_leg: dict[int, list[int]] = {}
    for pack in packs:
        by_leg.setdefault(int(life.last_leg[pack]), []).append(pack)
    fetched = []
    for leg, own in by_leg.items():
        shop = int(life.legs.place_to[leg])
        came_us = int(life.legs.receive_us[leg])
        leave_us = came_us + int(after_h * HOUR_US) if at_us is None else at_us
        scene.cut(own, leave_us)
        got_us = scene.ship(
            scene.keys_of(own),
            shop,
            taker,
            leave_us,
            is_shipped=is_told,
            is_received=is_told,
            **more,
        )
        fetched += [(pack, got_us) for pack in own]
    return fetched


# ---- what is printed


def short_dated(scene: Scene, share: float, spare_days: float = 25) -> date | None:
    """Let the lot be one that expires soon: at a month's end by which a share of it is handed out.

    Dispensers take what is left off their shelves then. None where the telling ends too early.
    """
    stage = scene.stage
    ends = np.sort(stage.life.end_us[scene.packs()])
    usual = day_of(int(ends[int(share * (len(ends) - 1))]))
    if midnight_us(month_end(usual)) > stage.until_us - int(spare_days * DAY_US):
        usual = usual.replace(day=1) - timedelta(days=1)
    expiry = month_end(usual)
    over_us = midnight_us(expiry)
    if over_us > stage.until_us - int(spare_days * DAY_US) or over_us < ends[0]:
        return None
    redate(scene, expiry)
    left = np.array(scene.packs())
    left = left[(stage.life.end_us[left] >= over_us) & ~stage.taken[left]]
    scene.cut(left.tolist(), over_us)
    return expiry


def redate(scene: Scene, expiry: date) -> None:
    """Print another expiry on the whole lot; the maker's lists state it, too."""
    life = scene.stage.life
    dates = list(life.lots.expiry)
    dates[scene.row] = expiry
    scene.stage.life = replace(life, lots=replace(life.lots, expiry=tuple(dates)))


def misprinted(scene: Scene, lot: str) -> str:
    """A lot number of the same form that no lot of the world has: the last digits are others."""
    places = [n for n, sign in enumerate(lot) if sign in DIGITS][-4:]
    signs = list(lot)
    for turn, place in enumerate(places):
        # Lots are counted up; an eight or nine in front lies beyond them.
        draw = 8 + scene.below(2, "lot digit") if turn == 0 else scene.below(10, "lot digit", turn)
        signs[place] = str(draw)
    made_up = "".join(signs)
    return made_up if made_up != lot else lot[: places[-1]] + str((int(lot[places[-1]]) + 5) % 10)


# ---- serials made up


def serial_of(key: str) -> str:
    """The serial of a pack's key."""
    return key.rsplit("/21/", 1)[1]


def keyed(scene: Scene, serials: Sequence[str]) -> list[str]:
    """Keys of packs of the scene's product with these serials."""
    return [f"01/{scene.product.gtin}/21/{serial}" for serial in serials]


def counted_up(alphabet: str, length: int, first: int, steps: Sequence[int]) -> list[str]:
    """Texts of an alphabet, counted from a number on."""
    out = []
    for step in steps:
        rest = (first + step) % len(alphabet) ** length
        signs = []
        for _ in range(length):
            rest, place = divmod(rest, len(alphabet))
            signs.append(alphabet[place])
        out.append("".join(reversed(signs)))
    return out


def number_of(scheme: SerialScheme, serial: str) -> int:
    """The place of a serial among all texts of its scheme."""
    number = 0
    for sign in serial[len(scheme.prefix) :]:
        number = number * len(scheme.alphabet) + scheme.alphabet.index(sign)
    return number


def wide(scene: Scene, limit: int, purpose: str, *keys: int) -> int:
    """A whole number below a limit that may exceed 31 bits."""
    number = 0
    for part in range(-(-limit.bit_length() // 30)):
        number = (number << 30) + scene.below(1 << 30, purpose, part, *keys)
    return number % limit


def crude_serials(scene: Scene, count: int) -> list[str]:
    """Eight digits, counted up: nobody looked at how the maker does it."""
    first = scene.between(10**6, 9 * 10**7, "crude serial")
    return [f"{first + n:08d}" for n in range(count)]


def guessed_serials(scene: Scene, count: int) -> list[str]:
    """Serials in the maker's own form that he never printed.

    Where he counts, the next ones after the lot's last; where he draws, others of that kind.
    """
    scheme = scene.product.scheme
    if scheme.kind == "sequential":
        last = number_of(scheme, scene.serial(scene.packs()[-1]))
        gaps = np.cumsum([1 + scene.below(3, "serial gap", n) for n in range(count)]).tolist()
        bodies = counted_up(scheme.alphabet, scheme.length, last, gaps)
    else:
        size = len(scheme.alphabet) ** scheme.length
        bodies = [
            counted_up(scheme.alphabet, scheme.length, wide(scene, size, "serial", n), [0])[0]
            for n in range(count)
        ]
    return [scheme.prefix + body for body in bodies]


def misfit_serials(scene: Scene, count: int, skill: float) -> list[str]:
    """Serials that cannot be the maker's: by their length and letters, or by how they are drawn.

    A careful author keeps to the maker's form, yet counts where the maker draws, or draws where
    the maker counts.
    """
    scheme = scene.product.scheme
    if skill < 1 / 3:
        signs = "abcdefghijkmnpqrstuvwxyz0123456789"
        size = len(signs) ** 9
        return [counted_up(signs, 9, wide(scene, size, "misfit", n), [0])[0] for n in range(count)]
    if skill < 2 / 3:
        # The right length, but letters that are easily misread, which makers leave out, or which
        # a maker of digits never prints.
        size = 10 ** (scheme.width - 1)
        bodies = [
            counted_up(DIGITS, scheme.width - 1, wide(scene, size, "misfit", n), [0])[0]
            for n in range(count)
        ]
        return [body[:4] + "o" + body[4:] for body in bodies]
    if scheme.kind == "sequential":
        bodies = [
            str(_NEVER_ALLOCATED + wide(scene, _NEVER_ALLOCATED, "misfit", n)) for n in range(count)
        ]
    else:
        size = len(scheme.alphabet) ** scheme.length
        first = wide(scene, size, "misfit")
        bodies = counted_up(scheme.alphabet, scheme.length, first, list(range(count)))
    return [scheme.prefix + body for body in bodies]


Step = Callable[[Scene, float, float], None]


def each(step: Step) -> Callable[[Sequence[Scene], float, float], None]:
    """A scheme that plays on every lot for itself."""

    def play(scenes: Sequence[Scene], size: float, skill: float) -> None:
        for scene in scenes:
            step(scene, size, skill)

    play.__doc__ = step.__doc__
    return play
