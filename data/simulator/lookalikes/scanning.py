"""Honest failures at the scanner: what is read or typed is not what is printed, or nobody answers.

Nearly every alert of the European system is one of these (DOMAIN.md section 1). Each scan of ours
fails shortly before the one that succeeds, unless its kind says otherwise.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from data.readers.gs1 import check_digit
from data.simulator.attacks.craft import open_at
from data.simulator.chance import I64
from data.simulator.life import NEVER
from data.simulator.lookalikes.befall import are, befallen, hand_out, honest_lots
from data.simulator.scheme import LookAlike
from data.simulator.serials import DIGITS
from data.simulator.stage import Scene, Stage
from data.simulator.verifying import LOGGED_SHARE
from data.simulator.working_time import DAY_US, HOUR_US, MINUTE_US, SECOND_US

# Shares of scans. Together they give alerts on 0.3 % of scans: Germany had 0.42 % after a year and
# 0.14 % after two, all of the EMVS 0.46 to 0.21 % in 2021 (DOMAIN.md section 1, fact 1). How they
# divide is our judgement; the EMVO's list of causes (section 9, B01-B05) has no numbers.
CAPS_LOCK = 0.0004
KEYBOARD = 0.0012  # of which only serials with a letter that moves fail: a third
SEPARATOR = 0.0005
TYPED = 0.0005
WRONG_CODE = 0.0003
SCANNED_TWICE = 0.0003  # "A7" was the most frequent alert once data had settled
OUT_OF_SCOPE = 0.0004
BAD_PRINT = 0.0003
OFFLINE_DAY = 0.008  # days of a pharmacy; no source: its line is down some three days a year
NATIONAL_HOUR = 0.0005  # hours of a country; no source: some twelve hours of a year
REPLAYED_PCT = 25  # of scans in a pharmacy's outage that are asked again, too late, by a queue
BULK_LOTS = 0.04  # lots that the maker checks in bulk, or tests with; no source
_SPELL_US = 7 * DAY_US  # until somebody notices that a scanner is set wrong
_SERIAL_MOST = 20  # characters of AI 21
_LOOKS_LIKE = ("0O8", "1I7", "5S6", "2Z", "8B3", "UV", "CG", "EF", "MN", "4A9", "DO", "KX")


# ---- whom


def _scanned(stage: Stage) -> I64:
    """Packs whose scan before they are handed out is in the logs, as ``verifying`` has it."""
    life = stage.life
    logged = stage.net.chance.happens(
        LOGGED_SHARE, "logged", life.lots.no[life.pack_lot], life.pack_no
    )
    last_us = stage.until_us - 12 * HOUR_US  # what follows must be told as well
    is_sold = (life.end_us < np.minimum(stage.cut_us, NEVER)) & (life.end_us <= last_us)
    return np.flatnonzero(logged & is_sold & ~stage.taken)


def _by_chance(stage: Stage, code: str, share: float, kind: int = 0) -> Iterator[tuple[Scene, int]]:
    """Scans that a slip befalls, one by one."""
    fit = np.zeros(len(stage.life), dtype=bool)
    fit[_scanned(stage)] = True
    yield from befallen(stage, code, share, "pack", fit, kind=kind)


def _by_desk(stage: Stage, code: str, share: float, spell_us: int) -> Iterator[tuple[Scene, int]]:
    """All scans of a place while its scanner is set wrong, or its line is down."""
    life = stage.life
    packs = _scanned(stage)
    site = life.legs.place_to[life.last_leg[packs]]
    spell = life.end_us[packs] // spell_us
    hit = stage.net.chance.happens(min(share, 1.0), f"{code} desk", site, spell)
    for pack in packs[hit].tolist():
        yield stage.scene(code, int(life.pack_lot[pack]), int(life.pack_no[pack])), pack


# ---- steps


def _before(scene: Scene, pack: int) -> int:
    """Just before the scan that succeeds."""
    return scene.end(pack)[1] - scene.between(240, 420, "misread before") * SECOND_US


def _refused(scene: Scene, pack: int, serial: str, answer: str, note: str, **cells: str) -> None:
    """A scan that fails, and the truth about it."""
    site, _end_us = scene.end(pack)
    scene.verify(site, _before(scene, pack), serial, answer, **cells)
    _tell(scene, pack, [serial], site, note)


def _tell(scene: Scene, pack: int, serials: list[str], site: int, note: str) -> None:
    """The pack was genuine, whatever was read off it."""
    read = [f"01/{scene.product.gtin}/21/{serial}" for serial in serials]
    keys = [scene.key(pack), *read]
    scene.tell("honest", list(dict.fromkeys(keys)), sites=[site], note=note)


# ---- what is read is not what is printed


def letter_case(stage: Stage, rate: float) -> None:
    """Caps lock is on at a till for days: letters come out in the other case."""
    for scene, pack in _by_desk(stage, "B01", CAPS_LOCK * rate, _SPELL_US):
        serial, lot = scene.serial(pack).swapcase(), scene.lot.swapcase()
        if serial != scene.serial(pack):
            _refused(scene, pack, serial, "A3", "caps lock", lot=lot)
        elif lot != scene.lot:
            _refused(scene, pack, serial, "A2", "caps lock", lot=lot)


def keyboard_layout(stage: Stage, rate: float) -> None:
    """A scanner types like a keyboard of another country: letters change places."""
    for scene, pack in _by_desk(stage, "B02", KEYBOARD * rate, _SPELL_US):
        is_french = scene.site(scene.end(pack)[0]).country in ("FR", "BE")
        moved = (
            str.maketrans("QAWZqawz", "AQZWaqzw") if is_french else str.maketrans("YZyz", "ZYzy")
        )
        serial, lot = scene.serial(pack).translate(moved), scene.lot.translate(moved)
        if serial != scene.serial(pack):
            _refused(scene, pack, serial, "A3", "keyboard layout", lot=lot)
        elif lot != scene.lot:
            _refused(scene, pack, serial, "A2", "keyboard layout", lot=lot)


def lost_separator(stage: Stage, rate: float) -> None:
    """A scanner drops the separator: serial and lot run together. Some programs cut them off."""
    for scene, pack in _by_desk(stage, "B03", SEPARATOR * rate, _SPELL_US):
        serial = f"{scene.serial(pack)}10{scene.lot}"
        if stage.net.chance.happens(0.5, "B03 cuts", scene.end(pack)[0])[0]:
            serial = serial[:_SERIAL_MOST]
        _refused(scene, pack, serial, "A3", "separator lost", lot="")


def manual_entry(stage: Stage, rate: float) -> None:
    """Somebody types what the scanner would not read: a wrong key, a key too few, half a lot."""
    for scene, pack in _by_chance(stage, "B04", TYPED * rate):
        right, how = scene.serial(pack), scene.below(3, "slip")
        place = scene.below(len(right), "where")
        serial, cells, answer = right, {"entry_mode": "manual"}, "A3"
        if how == 0:
            serial = right[:place] + _neighbour(scene, right[place], place) + right[place + 1 :]
        elif how == 1:
            serial = right[:-1] if place % 2 else right[:place] + right[place + 1 :]
        else:
            cells, answer = {**cells, "lot": scene.lot[: max(3, len(scene.lot) - 2)]}, "A2"
        if serial == right and how < 2:
            continue
        _refused(scene, pack, serial, answer, "typed by hand", **cells)


def wrong_barcode(stage: Stage, rate: float) -> None:
    """The linear barcode on the pack is scanned instead of the two-dimensional one."""
    for scene, pack in _by_chance(stage, "B05", WRONG_CODE * rate):
        serial = scene.product.gtin[1:]
        _refused(scene, pack, serial, "A3", "linear barcode scanned", lot="", expiry="")


def print_quality(stage: Stage, rate: float) -> None:
    """A smudged print reads differently every time, until it is held another way."""
    for scene, pack in _by_chance(stage, "B28", BAD_PRINT * rate):
        site, _end_us = scene.end(pack)
        right, at_us = scene.serial(pack), _before(scene, pack)
        read: list[str] = []
        for turn in range(scene.between(2, 3, "reads")):
            if turn and scene.below(3, "what", turn) == 0:
                lot = _smudged(scene, scene.lot, turn)
                scene.verify(site, at_us, right, "A68", lot=lot)
            else:
                serial = _smudged(scene, right, turn)
                if serial != right:
                    scene.verify(site, at_us, serial, "A3")
                    read.append(serial)
            at_us += scene.between(9, 40, "pause", turn) * SECOND_US
        _tell(scene, pack, read, site, "print hard to read")


def _neighbour(scene: Scene, sign: str, place: int) -> str:
    """A sign that lies beside another on the keyboard, near enough."""
    row = DIGITS if sign in DIGITS else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    if sign not in row:
        return sign
    return row[(row.index(sign) + scene.pick((1, len(row) - 1), "key", place)) % len(row)]


def _smudged(scene: Scene, text: str, turn: int) -> str:
    """A text with one sign read as another that looks like it."""
    places = [n for n, sign in enumerate(text) if any(sign in like for like in _LOOKS_LIKE)]
    if not places:
        return text
    place = scene.pick(places, "smudge", turn)
    like = next(like for like in _LOOKS_LIKE if text[place] in like).replace(text[place], "")
    return text[:place] + scene.pick(like, "read as", turn) + text[place + 1 :]


# ---- right reads, odd requests


def double_scan(stage: Stage, rate: float) -> None:
    """A pack goes over the scanner twice in one basket: the till books it out again."""
    for scene, pack in _by_chance(stage, "B07", SCANNED_TWICE * rate):
        site, end_us = scene.end(pack)
        again_us = end_us + scene.between(20, 480, "again") * SECOND_US
        scene.verify(site, again_us - 15 * SECOND_US, scene.serial(pack), "A7")
        hand_out(scene, scene.key(pack), site, again_us, is_evidence=True)
        _tell(scene, pack, [], site, "scanned twice in one basket")


def network_fault(stage: Stage, rate: float) -> None:
    """A pharmacy's line, or a country's system, is down: requests get no answer.

    Some systems queue what was not answered and ask again hours later, when the pack is long gone.
    """
    for scene, pack in _by_desk(stage, "B20", OFFLINE_DAY * rate, DAY_US):
        site, end_us = _unanswered(scene, pack)
        if scene.below(100, "is replayed") < REPLAYED_PCT:
            at_us = end_us + scene.hours(2, 9, "line is back")
            scene.verify(site, at_us, scene.serial(pack), "A7")
        _tell(scene, pack, [], site, "line of the pharmacy down")
    life, net = stage.life, stage.net
    packs = _scanned(stage)
    names = sorted({s.country for s in net.sites})
    country = np.array([names.index(s.country) for s in net.sites])
    site_of = life.legs.place_to[life.last_leg[packs]]
    hit = net.chance.happens(
        min(NATIONAL_HOUR * rate, 1.0),
        "B20 national",
        country[site_of],
        life.end_us[packs] // HOUR_US,
    )
    for pack in packs[hit].tolist():
        scene = stage.scene("B20", int(life.pack_lot[pack]), 1, int(life.pack_no[pack]))
        site, _end_us = _unanswered(scene, pack)
        _tell(scene, pack, [], site, "national system down")


def _unanswered(scene: Scene, pack: int) -> tuple[int, int]:
    """One to three requests without an answer; where, and when the pack is handed out after all."""
    site, end_us = scene.end(pack)
    at_us = _before(scene, pack) - 2 * MINUTE_US
    for turn in range(scene.between(1, 3, "tries")):
        scene.verify(site, at_us, scene.serial(pack), "NO_ANSWER")
        at_us += scene.between(20, 55, "wait", turn) * SECOND_US
    return site, end_us


def bulk_checks(stage: Stage, rate: float) -> None:
    """Makers check a lot in bulk when its data is up, or try the line with made-up serials."""
    for scene, _row in befallen(stage, "B21", BULK_LOTS * rate, "lot", honest_lots(stage)):
        maker, packs = scene.product.maker, scene.packs()
        last_us = int(stage.life.printed_us[packs[-1]])
        at_us = open_at(scene, maker, last_us + scene.hours(2, 60, "bulk check"))
        if at_us > stage.until_us - HOUR_US:
            continue
        is_test = scene.below(2, "is test") == 1
        chosen = scene.sample(packs, scene.between(20, 60, "checked"), "checked")
        keys = []
        for turn, pack in enumerate(chosen):
            serial = f"TEST{turn + 1:08d}" if is_test else scene.serial(pack)
            scene.verify(maker, at_us + turn * 4 * SECOND_US, serial, "A3" if is_test else "ACTIVE")
            keys.append(f"01/{scene.product.gtin}/21/{serial}")
        note = "test serials of the maker" if is_test else "checked in bulk by the maker"
        scene.tell("honest", keys, sites=[maker], note=note)


def out_of_scope(stage: Stage, rate: float) -> None:
    """Something with a code of its own, but outside the law's scope, lies in the same basket."""
    net = stage.net
    makers = np.flatnonzero(are(net, "maker")).tolist()
    for scene, pack in _by_chance(stage, "B27", OUT_OF_SCOPE * rate):
        site, _end_us = scene.end(pack)
        # A maker has some few products of that kind, sold everywhere.
        maker = scene.pick(makers, "maker")
        body = f"0{net.sites[maker].partner.prefix}{90_000 + scene.below(5, 'product'):05d}"
        gtin = f"{body}{check_digit(body)}"
        lot = f"H{scene.between(100, 140, 'lot')}"
        serial = f"{scene.below(10**8, 'serial'):08d}"
        at_us = _before(scene, pack)
        scene.verify(site, at_us, serial, "A3", gtin=gtin, lot=lot)
        scene.tell("honest", [f"01/{gtin}/21/{serial}"], sites=[site], note="outside the law")
        stage.truths[-1] = replace(stage.truths[-1], gtin=gtin, lot=lot)
        stage.lists.exemptions.append({"gtin": gtin, "source": "outside the law's scope"})


LOOK_ALIKES: tuple[LookAlike, ...] = (
    LookAlike("B01", "letter_case", letter_case),
    LookAlike("B02", "keyboard_layout", keyboard_layout),
    LookAlike("B03", "lost_separator", lost_separator),
    LookAlike("B04", "manual_entry", manual_entry),
    LookAlike("B05", "wrong_barcode", wrong_barcode),
    LookAlike("B07", "double_scan", double_scan),
    LookAlike("B20", "network_fault", network_fault),
    LookAlike("B21", "bulk_checks", bulk_checks),
    LookAlike("B27", "out_of_scope", out_of_scope),
    LookAlike("B28", "print_quality", print_quality),
)
