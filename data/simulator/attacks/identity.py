"""Attacks on what a pack is: copies of genuine packs, and packs whose print is made up or altered.

Counterfeiters need a serial, a lot and a date. They copy all three from one pack, guess them, or
mix them; each way leaves other traces.
"""

from collections.abc import Sequence
from datetime import timedelta

from data.simulator.attacks.craft import (
    Good,
    Sold,
    answer_of,
    collect,
    counted_up,
    crude_serials,
    each,
    farthest,
    first_sold,
    front,
    guessed_serials,
    hand_out,
    has_shops,
    home,
    is_open,
    keyed,
    misfit_serials,
    misprinted,
    moments,
    month_end,
    number_in_lot,
    number_of,
    open_at,
    printed,
    redate,
    sell_and_tell,
    sell_original,
    serial_of,
    set_aside,
    shops,
    short_dated,
    supply,
    tuned,
    wanted,
)
from data.simulator.scheme import Attack
from data.simulator.stage import Scene, day_of
from data.simulator.telling import EVENT_BITS
from data.simulator.working_time import DAY_US, HOUR_US, MINUTE_US, SECOND_US

_LEAST_PROBES = 15  # fewer show nothing, neither to the prober nor to others
_MARKET_AGE_DAYS = 25  # fakes appear when the genuine lot is known in the trade


def clone_travel(scene: Scene, size: float, skill: float) -> None:
    """Copies of single packs are sold far away about when the originals are.

    A clumsy counterfeiter floods the market at once, so that a serial seems to fly; a careful one
    waits a day or two, and the journey could just have been made.
    """
    seller = front(scene, skill)
    pool = scene.net.of("pharmacy", "", *home(scene))
    count = wanted(4, size, skill)
    sold = Sold()
    for pack in scene.dispensed(6 * count, "copied", spare_days=12):
        if len(sold.keys) == count:
            break
        site, end_us = scene.end(pack)
        no = number_in_lot(scene, pack)
        gap_us = int(tuned(0.4, 30, skill) * scene.between(70, 140, "gap", no) * HOUR_US) // 100
        at_us = end_us + gap_us // SECOND_US * SECOND_US
        # Who sells at the same hour finds an open shop; who waits, finds one that opens.
        is_same_hour = skill < 1 / 2
        far = [s for s in pool if s != site and (not is_same_hour or is_open(scene, s, at_us))]
        if not far:
            continue
        far = farthest(scene, site, far, tuned(300, 70, skill))
        shop = scene.pick(far, "far shop", no)
        key = scene.key(pack)
        if skill >= 1 / 3:
            got_us = supply(scene, [key], seller, shop, at_us - 60 * HOUR_US, skill)
            at_us = max(at_us, got_us + 20 * MINUTE_US)
        hand_out(scene, Good(key, at_us, copy_of=pack), shop, at_us)
        sold.add([key], seller, shop)
    if sold.keys:
        scene.tell(
            "falsified", sold.keys, sites=[seller], edges=sold.edges, note="copies sold far away"
        )


def clone_mass(scene: Scene, size: float, skill: float) -> None:
    """One pack's serial is printed on many fakes, which go to many shops.

    A clumsy counterfeiter sells all within days; a careful one sells one copy a month, each to
    another shop. Scans of the copies fail, since the original was handed out.
    """
    seller = front(scene, skill)
    copies = wanted(10, size, skill) + 1
    packs = first_sold(scene, max(1, round(size)), "copied")
    buyers = shops(scene, copies, besides=[scene.end(pack)[0] for pack in packs])
    sold = Sold()
    for pack in packs:
        _site, end_us = scene.end(pack)
        no = number_in_lot(scene, pack)
        first_us = end_us + scene.hours(24, 120, "printing", no)
        for shop, at_us in zip(buyers, moments(scene, first_us, skill), strict=False):
            key = scene.key(pack)
            got_us = supply(scene, [key], seller, shop, at_us, skill)
            shelf_us = got_us + scene.hours(3, 90, "shelf", no, shop)
            hand_out(scene, Good(key, got_us, copy_of=pack), shop, shelf_us)
            sold.add([key], seller, shop)
    if sold.keys:
        scene.tell(
            "falsified",
            sold.keys,
            sites=[seller],
            edges=sold.edges,
            note="one serial on many fakes",
        )


def double_terminal(scene: Scene, size: float, skill: float) -> None:
    """Codes of genuine packs are booked out a second time, to bill an insurer or to sell a copy.

    At its clumsiest one shop rings up the day's codes in an evening, some while the original is
    still on another's shelf. With care it is one code a month, long after the original was sold.
    """
    count = wanted(9, size, skill)
    cheats = shops(scene, 1 if skill < 1 / 2 else 3, "cheats")
    packs = first_sold(scene, count, "codes") if cheats else []
    sold = Sold()
    times = moments(scene, scene.end(packs[0])[1] + 20 * HOUR_US if packs else 0, skill)
    for turn, pack in enumerate(packs):
        site, end_us = scene.end(pack)
        shop = next((s for s in cheats[turn % len(cheats) :] + cheats if s != site), None)
        at_us = next(times, None)
        if shop is None or at_us is None:
            continue
        at_us = max(at_us, end_us + 20 * HOUR_US)
        received_us = scene.journey(pack)[-1].receive_us
        early_us = open_at(scene, shop, received_us + (end_us - received_us) // 2)
        is_first = skill < 1 / 2 and turn % 2 == 1 and early_us < end_us - 6 * HOUR_US
        key = scene.key(pack)
        if is_first:
            scene.dispense([key], shop, early_us, is_evidence=True)
            sell_original(scene, pack)
        else:
            hand_out(scene, Good(key, at_us, copy_of=pack), shop, at_us)
        sold.add([key], shop, site)
    if sold.keys:
        scene.tell("falsified", sold.keys, sites=cheats, note="codes booked out a second time")


def serial_unknown(scene: Scene, size: float, skill: float) -> None:
    """Fakes of a genuine lot with serials that were never printed.

    The clumsy count with eight digits. The careful have bought packs, know the maker's alphabet,
    length and prefix, and print what might have been his.
    """
    count = wanted(30, size, skill)
    serials = crude_serials(scene, count) if skill < 1 / 2 else guessed_serials(scene, count)
    _sell_fakes(scene, keyed(scene, serials), skill, "A3", note="serials never printed")


def serial_out_of_pool(scene: Scene, size: float, skill: float) -> None:
    """Fakes with serials that cannot be the maker's.

    First of another length and alphabet, then of foreign letters only; the careful keep to the
    form, but count where the maker draws at random, or use numbers he has not come to.
    """
    count = wanted(30, size, skill)
    keys = keyed(scene, misfit_serials(scene, count, skill))
    _sell_fakes(scene, keys, skill, "A3", note="serials outside the maker's pool")


def serial_probing(scene: Scene, size: float, skill: float) -> None:
    """Somebody asks the verification system for serials until one is known.

    A clumsy prober counts up from a pack in his hand, by one account, in an hour. A careful one
    asks by several shops' accounts, once or twice a day, for serials in the maker's form.
    """
    count = max(_LEAST_PROBES, wanted(60, size, skill))
    accounts = shops(scene, 1 if skill < 1 / 2 else 4, "accounts")
    if not accounts:
        return
    number = {
        serial_of(key): pack for pack, key in zip(scene.packs(), _all_keys(scene), strict=True)
    }
    asked: list[str] = []
    at_us = open_at(scene, accounts[0], scene.made_us + scene.between(25, 40, "begin") * DAY_US)
    for turn, serial in enumerate(_probes(scene, count, skill)):
        shop = accounts[turn % len(accounts)]
        at_us = open_at(scene, shop, at_us)
        if at_us >= scene.stage.until_us:
            break
        answer = answer_of(scene, number[serial], at_us) if serial in number else "A3"
        scene.verify(shop, at_us, serial, answer, entry_mode="manual")
        if answer == "A3":
            asked.append(serial)
        gap_s = round(tuned(45, 15 * 3600, skill))
        at_us += gap_s * scene.between(60, 140, "pause", turn) // 100 * SECOND_US
    if asked:
        scene.tell("falsified", keyed(scene, asked), sites=accounts, note="serials tried out")


def lot_serial_mismatch(scenes: Sequence[Scene], size: float, skill: float) -> None:
    """Fakes join the serials of one genuine lot with the number of another lot.

    The careful take a sister lot of the same product, with its date; the clumsy print a number that
    only looks right.
    """
    scene, sister = scenes[0], scenes[-1]
    is_sister = skill >= 1 / 2 and sister.row != scene.row
    lot = sister.lot if is_sister else misprinted(scene, scene.lot)
    cells = {"lot": lot, "expiry": printed(sister.expiry if is_sister else scene.expiry)}
    packs = first_sold(scene, wanted(20, size, skill), "harvested")
    goods = [
        Good(
            scene.key(pack),
            scene.end(pack)[1] + 40 * HOUR_US,
            "A68",
            cells,
            known_at=scene.end(pack)[0],
        )
        for pack in packs
    ]
    sell_and_tell(scene, goods, skill, "falsified", note=f"serials printed with lot {lot}")


def expiry_mismatch(scene: Scene, size: float, skill: float) -> None:
    """Packs about to expire are bought up, given a later date, and sold as fresh.

    The clumsy print three years more; the careful a month or two.
    """
    if short_dated(scene, 0.85) is None:
        return
    seller = front(scene, skill)
    packs = scene.at_dispenser(wanted(24, size, skill), "bought up", spare_days=35, hold_h=72)
    later = month_end(scene.expiry + timedelta(days=round(tuned(1000, 40, skill))))
    goods = [
        Good(
            scene.key(pack),
            got_us + 30 * HOUR_US,
            "A52",
            {"expiry": printed(later)},
            known_at=scene.end(pack)[0],
        )
        for pack, got_us in collect(scene, packs, seller, after_h=48, is_told=skill >= 2 / 3)
    ]
    sell_and_tell(scene, goods, skill, "tampered", seller=seller, note=f"date changed to {later}")


def lot_unknown(scene: Scene, size: float, skill: float) -> None:
    """Fakes of a lot that was never made; the lot on the stage only shows what is in trade then.

    The clumsy invent a form of number; the careful copy the maker's form, and that of serials.
    """
    count = wanted(40, size, skill)
    if skill < 1 / 2:
        lot = f"LX{scene.between(10, 99, 'invented')}-{scene.between(100, 999, 'invented too')}"
        serials = crude_serials(scene, count)
    else:
        lot = misprinted(scene, scene.lot)
        serials = guessed_serials(scene, count)
    _sell_fakes(
        scene, keyed(scene, serials), skill, "A2", lot=lot, note=f"lot {lot} was never made"
    )


def shelf_life_excess(scene: Scene, size: float, skill: float) -> None:
    """Somebody in the packing plant has old bulk packed as new: the whole lot's date is too late.

    The clumsy add two years; the careful five weeks. ``size`` plays no part: a lot is a lot.
    """
    if scene.made_us >= scene.stage.until_us:
        return
    life_us = scene.product.shelf_life_days * DAY_US
    over_us = round(tuned(730, 36, skill)) * DAY_US
    redate(scene, month_end(day_of(scene.made_us + life_us + over_us)))
    # The first event of a lot is the printing of its first packs, which states the date.
    scene.evidence.append(scene.lot_no << EVENT_BITS)
    site = scene.product.packer
    scene.tell("tampered", _all_keys(scene), sites=[site], note=f"old bulk dated {scene.expiry}")


def verify_burst(scene: Scene, size: float, skill: float) -> None:
    """A consignment of fakes of all kinds meets shops that scan at goods-in: scan after scan fails.

    Some serials are copies, some made up. The shops block the packs. The careful send one pack to a
    shop a month, so that no place sees two failures.
    """
    copies = wanted(16, size, skill)
    made_up = keyed(scene, guessed_serials(scene, copies + 1))
    packs = first_sold(scene, copies, "copied")
    buyers = shops(scene, 12, besides=[scene.end(pack)[0] for pack in packs])
    if not packs or not buyers:
        return
    first_us = scene.end(packs[-1])[1] + scene.hours(30, 100, "printing")
    first_us = max(first_us, scene.made_us + _MARKET_AGE_DAYS * DAY_US)
    fakes = [(key, "A7") for key in scene.keys_of(packs)] + [(key, "A3") for key in made_up]
    batches = -(-len(fakes) // max(1, round(tuned(8, 1, skill))))
    seller, sold = front(scene, skill), Sold()
    for turn, at_us in zip(range(batches), moments(scene, first_us, skill), strict=False):
        shop, own = buyers[turn % len(buyers)], fakes[turn::batches]  # mixed batches
        keys = [key for key, _answer in own]
        got_us = supply(scene, keys, seller, shop, at_us, skill)
        for number, (key, answer) in enumerate(own):
            scene.verify(shop, got_us + (4 + number) * MINUTE_US, serial_of(key), answer)
        set_aside(scene, keys, shop, got_us + (4 + len(own)) * MINUTE_US)
        sold.add(keys, seller, shop)
    if sold.keys:
        scene.tell(
            "falsified", sold.keys, sites=[seller], edges=sold.edges, note="blocked at goods-in"
        )


# ---- shared by these


def _all_keys(scene: Scene) -> list[str]:
    return scene.keys_of(scene.packs())


def _sell_fakes(
    scene: Scene,
    keys: Sequence[str],
    skill: float,
    answer: str,
    *,
    lot: str | None = None,
    note: str,
) -> None:
    """Sell packs that no maker made, from when the lot that they imitate is in the trade."""
    first_us = scene.made_us + _MARKET_AGE_DAYS * DAY_US + scene.hours(0, 200, "first sale")
    cells = {} if lot is None else {"lot": lot}
    goods = [Good(key, first_us, answer, cells) for key in keys]
    sell_and_tell(scene, goods, skill, "falsified", first_us=first_us, lot=lot, note=note)


def _probes(scene: Scene, count: int, skill: float) -> list[str]:
    """Serials to try: counted up from a pack of the lot's end, or made up in the maker's form."""
    if skill >= 1 / 2:
        return guessed_serials(scene, count)
    scheme = scene.product.scheme
    first = number_of(scheme, scene.serial(scene.packs()[-5]))
    bodies = counted_up(scheme.alphabet, scheme.length, first, range(count))
    return [scheme.prefix + body for body in bodies]


ATTACKS: tuple[Attack, ...] = (
    Attack("P01", "clone_travel", each(clone_travel), suits=has_shops),
    Attack("P02", "clone_mass", each(clone_mass), suits=has_shops),
    Attack("P03", "double_terminal", each(double_terminal), suits=has_shops),
    Attack("P04", "serial_unknown", each(serial_unknown), suits=has_shops),
    Attack("P05", "serial_out_of_pool", each(serial_out_of_pool), suits=has_shops),
    Attack("P06", "serial_probing", each(serial_probing), suits=has_shops),
    Attack("P07", "lot_serial_mismatch", lot_serial_mismatch, lots=2, suits=has_shops),
    Attack("P08", "expiry_mismatch", each(expiry_mismatch), suits=has_shops),
    Attack("P09", "lot_unknown", each(lot_unknown), suits=has_shops),
    Attack("P10", "shelf_life_excess", each(shelf_life_excess)),
    Attack("P38", "verify_burst", each(verify_burst), suits=has_shops),
)
