"""Honest faults of lists: other dates, missing lots, stale licences, thefts stated too widely.

Nothing is wrong with any pack; somebody's paper is.
"""

from collections.abc import Iterator
from datetime import timedelta

import numpy as np

from data.simulator.attacks.craft import midnight_us, month_end, short_dated
from data.simulator.life import NEVER, TO_BUYER
from data.simulator.lookalikes.befall import (
    are,
    are_free,
    befallen,
    honest_lots,
    leave_as_told,
    take,
)
from data.simulator.scheme import LookAlike
from data.simulator.stage import Scene, Stage
from data.simulator.verifying import LOGGED_SHARE
from data.simulator.working_time import DAY_US, HOUR_US, SECOND_US, from_us

# Shares of lots and sites; no source has numbers. The Commission and pharmacies name wrong master
# data among the main causes of false alerts (DOMAIN.md section 7), so it is not rare.
DATE_CONVENTION = 0.03  # lots whose list states another day of the month
ZERO_DAY_SITES = 0.2  # whose scanner sends the day as 00
EXTENDED_EXPIRY = 0.007  # lots that the authority lets live longer
LOT_LISTED_LATE = 0.01  # lots
QUANTITY_WRONG = 0.008  # lots
MARKETS_WRONG = 0.008  # lots
EXPIRY_MISTYPED = 0.006  # lots
LICENCE_NOT_RENEWED = 0.01  # sites whose renewal the list does not show
SITE_NOT_LISTED = 0.006  # sites that moved: the list has their company's other places only
THEFTS = 0.0002  # consignments
_SCANS_SHOWN = 40  # refused scans of one lot, at most


def _listed(scene: Scene, **cells: object) -> None:
    """Change cells of the lot's row in its maker's list."""
    rows = scene.stage.lists.lot_master
    rows[scene.product.gtin, scene.lot] = {**rows.get((scene.product.gtin, scene.lot), {}), **cells}


def _sold_between(scene: Scene, first_us: int, last_us: int) -> Iterator[tuple[int, int, int]]:
    """Packs of the lot whose scan is in the logs, with place and time, in the order of packs."""
    stage, life = scene.stage, scene.stage.life
    packs = np.array(scene.packs())
    logged = stage.net.chance.happens(LOGGED_SHARE, "logged", scene.lot_no, life.pack_no[packs])
    end_us = life.end_us[packs]
    fit = logged & (end_us >= first_us) & (end_us < min(last_us, stage.until_us))
    fit &= are_free(stage, packs) & (end_us < NEVER)
    for pack in scene.sample(packs[fit].tolist(), _SCANS_SHOWN, "refused scans"):
        site, at_us = scene.end(pack)
        before = scene.between(240, 420, "refused before", int(life.pack_no[pack]))
        yield pack, site, at_us - before * SECOND_US


def _refuse(scene: Scene, answer: str, first_us: int, last_us: int, **cells: str) -> list[str]:
    """Scans of a span fail at many places; keys of the packs."""
    keys = []
    for pack, site, at_us in _sold_between(scene, first_us, last_us):
        scene.verify(site, at_us, scene.serial(pack), answer, **cells)
        keys.append(scene.key(pack))
    return keys


# ---- dates


def date_convention(stage: Stage, rate: float) -> None:
    """The pack states a month; the list has its first day, where packs mean the last.

    Some scanners send the day as 00, and a system that compares letter by letter refuses that.
    """
    for scene, _row in befallen(stage, "B16", DATE_CONVENTION * rate, "lot", honest_lots(stage)):
        if (scene.product.gtin, scene.lot) in stage.lists.lot_master:
            continue  # its expiry in the list is another mishap's
        _listed(scene, expiry=scene.expiry.replace(day=1).isoformat())
        text = f"{scene.expiry:%y%m}00"
        first_us = int(stage.life.printed_us[scene.packs()[0]])
        keys = []
        for pack, site, at_us in _sold_between(scene, first_us, first_us + 70 * DAY_US):
            if stage.net.chance.happens(ZERO_DAY_SITES, "B16 scanner", site)[0]:
                scene.verify(site, at_us, scene.serial(pack), "A52", expiry=text)
                keys.append(scene.key(pack))
        scene.tell("honest", keys, note="day of the expiry by another convention")


def extended_expiry(stage: Stage, rate: float) -> None:
    """Scarce packs may be used longer than printed: the list has the new date, scans say so."""
    for scene, _row in befallen(stage, "B17", EXTENDED_EXPIRY * rate, "lot", honest_lots(stage)):
        if any(t.lot_no == scene.lot_no for t in stage.truths):
            continue  # its dates are another mishap's
        cut_us = stage.cut_us.copy()
        if short_dated(scene, 0.6) is None:
            continue
        # Unlike stock that has really expired, what is left goes on being sold.
        stage.cut_us[:] = cut_us
        over_us = midnight_us(scene.expiry)
        later = month_end(scene.expiry + timedelta(days=180))
        _listed(scene, expiry=later.isoformat())
        keys = _refuse(scene, "ExpirationExtended", over_us, NEVER)
        scene.tell("honest", keys, note=f"expiry extended to {later}")


# ---- lots in lists


def wrong_master_data(stage: Stage, rate: float) -> None:
    """A lot is missing in its maker's list, or stands there with a wrong cell."""
    kinds = (
        (LOT_LISTED_LATE, _not_listed),
        (QUANTITY_WRONG, _too_small),
        (MARKETS_WRONG, _other_markets),
        (EXPIRY_MISTYPED, _mistyped_expiry),
    )
    for kind, (share, play) in enumerate(kinds):
        for scene, _row in befallen(
            stage, "B18", share * rate, "lot", honest_lots(stage), kind=kind
        ):
            if (scene.product.gtin, scene.lot) not in stage.lists.lot_master:
                play(scene)


def _not_listed(scene: Scene) -> None:
    """The maker forgot the lot for weeks; scans everywhere say it is unknown, until they do not."""
    _listed(scene, lot=None)
    first_us = int(np.min(scene.stage.life.end_us[scene.packs()]))
    keys = _refuse(scene, "A2", first_us, first_us + 9 * DAY_US)
    scene.tell("honest", keys, note="lot missing in its maker's list")


def _too_small(scene: Scene) -> None:
    """The list states what was planned; more was packed."""
    size = int(scene.stage.life.lots.size[scene.row])
    _listed(scene, quantity=str(size - max(2, size * scene.between(3, 12, "less") // 100)))
    scene.tell("honest", (), note="quantity in the list too small")


def _other_markets(scene: Scene) -> None:
    """The list has one country where the pack is made for several, or has a neighbour's."""
    own = scene.product.markets
    if len(own) > 1:
        markets = own[:1]
    else:
        others = [c for c in scene.net.countries if c not in own]
        markets = (scene.pick(others, "market"),) if others else own
    _listed(scene, markets=";".join(markets))
    scene.tell("honest", (), note="markets in the list wrong")


def _mistyped_expiry(scene: Scene) -> None:
    """The list has another year; scans are refused until somebody looks it up."""
    year = scene.expiry.year - 1
    listed = month_end(scene.expiry.replace(year=year, day=1))
    _listed(scene, expiry=listed.isoformat())
    first_us = int(np.min(scene.stage.life.end_us[scene.packs()]))
    keys = _refuse(scene, "A52", first_us, first_us + 30 * DAY_US)
    scene.tell("honest", keys, note="expiry in the list mistyped")


# ---- sites and thefts in lists


def stale_lists(stage: Stage, rate: float) -> None:
    """Licences that the list shows as lapsed or not at all; thefts that it states too widely.

    Traders and pharmacies are concerned as sites, so in all lots that they trade.
    """
    _licences(stage, rate)
    legs = stage.life.legs
    fit = (
        (legs.level == TO_BUYER)
        & (legs.hi - legs.lo >= 3)
        & (legs.receive_us < stage.until_us - 30 * DAY_US)
    )
    for scene, row in befallen(stage, "B22", THEFTS * rate, "consignment", fit, kind=2):
        if are_free(stage, range(int(legs.lo[row]), int(legs.hi[row]))).all():
            _robbed(scene, row)


def _licences(stage: Stage, rate: float) -> None:
    net, life = stage.net, stage.life
    site = np.arange(len(net))
    trades = np.array(
        [s.tier in ("primary", "secondary", "chain", "independent") for s in net.sites]
    )
    trades |= are(net, "hospital")
    draw = net.chance.choose(
        (min(LICENCE_NOT_RENEWED * rate, 0.5), min(SITE_NOT_LISTED * rate, 0.5)), "B22 list", site
    )
    lapsed = np.flatnonzero(trades & (draw == 0))
    missing = [s for s in np.flatnonzero(trades & (draw == 1)).tolist() if _has_sister(stage, s)]
    notes: dict[int, str] = {}
    for one in lapsed.tolist():
        # The spell before ended just as the year began; the renewal is on somebody's desk.
        ended = net.first_day - timedelta(days=int(net.chance.below(15, "B22 lapse", one)[0]))
        stage.lists.licences[one] = {"valid_to": ended.isoformat()}
        notes[one] = "renewed, but the list does not show it"
    for one in missing:
        stage.lists.licences[one] = {"licence_no": None}
        notes[one] = "moved: the list has its company's other places"
    if not notes:
        return
    legs = life.legs
    chosen = np.isin(site, list(notes))
    ends = [(legs.lot, legs.owner_from), (legs.lot, legs.owner_to)]
    met = {
        (int(lot), int(one))
        for lots, sites in ends
        for lot, one in zip(lots[chosen[sites]], sites[chosen[sites]], strict=True)
    }
    for lot, one in sorted(met):
        scene = stage.scene("B22", lot, 1, one)
        scene.tell("honest", (), sites=[one], note=notes[one])


def _has_sister(stage: Stage, site: int) -> bool:
    """Whether a place's company has others of the same kind."""
    sites = stage.net.sites
    same = stage.net.of(sites[site].role, "", sites[site].country)
    own = sites[site].partner.no
    return any(sites[s].partner.no == own and s != site for s in same)


def _robbed(scene: Scene, row: int) -> None:
    """A parcel is stolen for good; the first notice names the whole lot, the next its serials.

    The rest of the lot, which many others hold, goes on in peace.
    """
    stage, legs = scene.stage, scene.stage.life.legs
    packs = range(int(legs.lo[row]), int(legs.hi[row]))
    keys = take(scene, packs, int(legs.ship_us[row]))
    leave_as_told(scene, keys, row, is_evidence=True)
    reported_us = int(legs.receive_us[row]) + scene.hours(4, 40, "reported")
    place = scene.site(int(legs.place_from[row])).gln
    row_of = {"gtin": scene.product.gtin, "lot": scene.lot, "place": place}

    def at(us: int) -> str:
        return from_us(us).strftime("%Y-%m-%dT%H:%M:%SZ")

    notices = stage.lists.theft_notices
    if scene.below(2, "names the lot first") == 0:
        notices.append({"reported_at": at(reported_us), **row_of})
        reported_us += scene.hours(15, 90, "serials found") // HOUR_US * HOUR_US
    for pack in packs:
        serial = scene.serial(pack)
        notices.append({"reported_at": at(reported_us), **row_of, "serial": serial})
    scene.tell("honest", (), note="a parcel of the lot was stolen; its packs are not seen again")


LOOK_ALIKES: tuple[LookAlike, ...] = (
    LookAlike("B17", "extended_expiry", extended_expiry),
    LookAlike("B16", "date_convention", date_convention),
    LookAlike("B18", "wrong_master_data", wrong_master_data),
)
