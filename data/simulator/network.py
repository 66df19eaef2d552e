"""Who trades in a simulated world: partners, their places and licences, products, and lanes.

All companies are invented; cities, coordinates and time zones are real. Company prefixes are those
that GS1 keeps for demonstrations (952), so that no number can be mistaken for a real company's.
Sizes have heavy tails, and who buys from whom follows size and distance.
"""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from math import exp

import numpy as np
import polars as pl

from data.readers.gs1 import check_digit
from data.simulator import company_names
from data.simulator.chance import I64, Chance
from data.simulator.choices import Choice, make_choice
from data.simulator.places import BUYING_ABROAD, COUNTRIES, City, cities, distances_km
from data.simulator.serials import DIGITS, LETTERS_AND_DIGITS, UPPER_36, SerialScheme
from data.simulator.working_time import HOUR_US, Hours

MARKETS = (
    ("DE", "AT", "CH"),
    ("FR", "BE"),
    ("ES", "PT"),
    ("GB", "IE"),
    ("PL",),
    ("IT",),
    ("NL",),
    ("GR",),
    ("US",),
    ("TR",),
)
"""Countries whose packs are alike; a GTIN belongs to one of these markets."""
LOW_PRICE = ("ES", "PT", "GR", "PL", "TR")  # where parallel traders buy
MAKER_HOMES = ("CH", "DE", "FR", "IE", "NL", "GB", "US", "BE", "ES")
DISPENSERS = ("pharmacy", "hospital")
_DISTANCE_SCALE_KM = 120


@dataclass(frozen=True)
class Partner:
    """A company, its number range and the software it sends with."""

    no: int
    name: str
    kind: str
    country: str

    @property
    def prefix(self) -> str:
        """GS1 company prefix, 7 digits."""
        return f"952{self.no:04d}"


@dataclass(frozen=True)
class Site:
    """A place of a partner.

    ``tier`` tells kinds of wholesalers (primary, secondary, shell, flash, newcomer, abroad) and of
    pharmacies (chain, independent) apart.
    """

    no: int
    partner: Partner
    ref: int
    name: str
    role: str
    tier: str
    city_no: int
    size: int  # relative; heavy-tailed
    opened: date

    @property
    def city(self) -> City:
        """Where it lies."""
        return cities()[self.city_no]

    @property
    def country(self) -> str:
        """ISO code of its country."""
        return self.city.country

    @property
    def gln(self) -> str:
        """GLN-13 with its check digit."""
        body = f"{self.partner.prefix}{self.ref:05d}"
        return f"{body}{check_digit(body)}"

    @property
    def sgln(self) -> str:
        """The place as an EPC URN."""
        return f"urn:epc:id:sgln:{self.partner.prefix}.{self.ref:05d}.0"


@dataclass(frozen=True)
class Licence:
    """One spell of permission of a site, as the authority knows it."""

    site: int
    number: str
    valid_from: date
    valid_to: date


@dataclass(frozen=True)
class Product:
    """A trade item of one market: a pack that carries a serial."""

    no: int
    brand: str
    maker: int  # site that holds the authorisation and sells first
    packer: int  # site that prints and packs: the maker's or a contract packer's
    depot: int  # third-party logistics site that stores and ships for the maker
    ref: int
    prefix: str
    market: int  # of MARKETS
    shelf_life_days: int
    storage: str
    is_high_risk: bool
    price_cents: int
    per_case: int
    cases_per_pallet: int
    scheme: SerialScheme
    season: int  # month of highest demand, 0 where even
    launched: date

    @property
    def gtin(self) -> str:
        """GTIN-14 with indicator 0 and its check digit."""
        body = f"0{self.prefix}{self.ref:05d}"
        return f"{body}{check_digit(body)}"

    @property
    def markets(self) -> tuple[str, ...]:
        """Countries for which the pack is made."""
        return MARKETS[self.market]

    @property
    def is_cold(self) -> bool:
        """Whether the pack must stay between 2 and 8 degrees."""
        return self.storage == "2-8 C"


@dataclass(frozen=True)
class Network:
    """Everything that stays while lots come and go."""

    chance: Chance
    partners: tuple[Partner, ...]
    sites: tuple[Site, ...]
    products: tuple[Product, ...]
    licences: tuple[Licence, ...]
    first_day: date
    days: int
    countries: tuple[str, ...]
    _index: dict[str, tuple[int, ...]] = field(default_factory=dict, compare=False)

    def __len__(self) -> int:
        """Count of sites."""
        return len(self.sites)

    def of(self, role: str, tier: str = "", *countries: str) -> tuple[int, ...]:
        """Numbers of the sites with a role (and tier), in some countries or in all."""
        key = f"{role}|{tier}|{countries}"
        if key not in self._index:
            self._index[key] = tuple(
                s.no
                for s in self.sites
                if s.role == role
                and (not tier or s.tier == tier)
                and (not countries or s.country in countries)
            )
        return self._index[key]

    @cached_property
    def city_no(self) -> I64:
        """City of each site."""
        return np.array([s.city_no for s in self.sites], dtype=np.int64)

    @cached_property
    def zones(self) -> tuple[str, ...]:
        """Names of all time zones."""
        return tuple(sorted({c.zone for c in cities()}))

    @cached_property
    def zone_no(self) -> I64:
        """Zone of each site."""
        number = {name: n for n, name in enumerate(self.zones)}
        return np.array([number[s.city.zone] for s in self.sites], dtype=np.int64)

    @cached_property
    def hours(self) -> Hours:
        """Opening hours of each site: trade keeps office hours, makers two shifts."""
        opens, closes, week = [], [], []
        for site in self.sites:
            if site.role in ("maker", "contract_packer"):
                span = (6, 22, 0)
            elif site.role == "hospital":
                span = (7, 20, 2)
            elif site.role == "pharmacy":
                span = (8, 19, 1)
            else:
                span = (7, 18, 0)
            opens.append(span[0] * HOUR_US)
            closes.append(span[1] * HOUR_US)
            week.append(span[2])
        return Hours(*(np.array(x, dtype=np.int64) for x in (opens, closes, week)))

    @cached_property
    def partner_no(self) -> I64:
        """Partner of each site."""
        return np.array([s.partner.no for s in self.sites], dtype=np.int64)

    @cached_property
    def pharmacies_of(self) -> Choice:
        """For each trading site the pharmacies of its country, by their size and distance."""
        return self._dispensers("pharmacy")

    @cached_property
    def hospitals_of(self) -> Choice:
        """For each trading site the hospitals of its country, by their size and distance."""
        return self._dispensers("hospital")

    def _dispensers(self, role: str) -> Choice:
        km = distances_km()
        rows: list[list[tuple[int, int]]] = []
        for site in self.sites:
            trades = site.role in ("wholesaler", "parallel_trader")
            near = self.of(role, "", site.country) if trades else ()
            rows.append([(d, self._pull(km, site, self.sites[d])) for d in near])
        return make_choice(rows)

    @cached_property
    def primaries_of(self) -> Choice:
        """For each market (of ``MARKETS``) the primary wholesalers of its countries, by size."""
        return make_choice(
            [
                [(w, self.sites[w].size) for w in self.of("wholesaler", "primary", *market)]
                if market[0] in self.countries
                else []
                for market in MARKETS
            ]
        )

    @cached_property
    def secondaries_of(self) -> Choice:
        """For each site the secondary wholesalers of its country."""
        return make_choice(
            [
                [(w, self.sites[w].size) for w in self.of("wholesaler", "secondary", s.country)]
                if s.tier == "primary"
                else []
                for s in self.sites
            ]
        )

    @cached_property
    def product_weights(self) -> Choice:
        """One chooser: all products, by how much of each is sold."""
        chance = self.chance
        draws = chance.below(1000, "product weight", np.arange(len(self.products)))
        weights = np.maximum(1, np.round(((1000 - draws) / 1000) ** (-1 / 1.2) * 4))
        return make_choice([[(p.no, int(weights[p.no])) for p in self.products]])

    def _pull(self, km: I64, seller: Site, buyer: Site) -> int:
        distance = int(km[seller.city_no, buyer.city_no])
        return max(1, round(buyer.size * 100 * exp(-distance / _DISTANCE_SCALE_KM)))

    def frame(self) -> pl.DataFrame:
        """The sites as the writers of documents need them."""
        return pl.DataFrame(
            [
                {
                    "site": s.no,
                    "gln": s.gln,
                    "sgln_urn": s.sgln,
                    "name": s.name,
                    "partner": s.partner.name,
                    "role": s.role,
                    "city": s.city.name,
                    "country": s.country,
                    "latitude": s.city.latitude,
                    "longitude": s.city.longitude,
                }
                for s in self.sites
            ],
            schema_overrides={"site": pl.Int32},
        )


class _Founding:
    """Gathers partners and sites in order while a world is set up."""

    def __init__(self, chance: Chance, first_day: date) -> None:
        self.chance = chance
        self.first_day = first_day
        self.partners: list[Partner] = []
        self.sites: list[Site] = []
        self.refs: dict[int, int] = {}
        self.by_country: dict[str, list[int]] = {}
        for number, city in enumerate(cities()):
            self.by_country.setdefault(city.country, []).append(number)

    def partner(self, word: str, country: str, kind: str, name: str = "") -> Partner:
        number = len(self.partners) + 1
        made = Partner(number, name or company_names.company(number * 13, word), kind, country)
        self.partners.append(made)
        return made

    def site(self, partner: Partner, role: str, tier: str, city_no: int, name: str = "") -> Site:
        number = len(self.sites)
        ref = self.refs[partner.no] = self.refs.get(partner.no, 0) + 1
        # Pareto with index 1.3: a few large buyers, many small ones.
        draw = int(self.chance.below(1000, "site size", number)[0])
        size = min(60, round(((1000 - draw) / 1000) ** (-1 / 1.3) * 3))
        age = int(self.chance.below(5000, "site age", number)[0])
        opened = self.first_day - timedelta(days=400 + age)
        city = cities()[city_no].name
        made = Site(
            number,
            partner,
            ref,
            name or f"{partner.name} {city}",
            role,
            tier,
            city_no,
            size,
            opened,
        )
        self.sites.append(made)
        return made

    def city(self, country: str, *key: int, purpose: str) -> int:
        """A city of a country, larger ones more often."""
        numbers = self.by_country[country]
        weights = [cities()[n].population_k for n in numbers]
        target = int(self.chance.below(sum(weights), purpose, *key)[0])
        for number, weight in zip(numbers, weights, strict=True):
            target -= weight
            if target < 0:
                return number
        return numbers[-1]


def found(
    chance: Chance, first_day: date, days: int, *, dispensers: int, brands: int, countries: int
) -> Network:
    """Set up a world.

    Parameters
    ----------
    chance
        Source of all draws.
    first_day, days
        The span during which lots are made; licences cover a longer one.
    dispensers
        Pharmacies and hospitals in all.
    brands
        Medicines; each is packed for several markets under GTINs of its own.
    countries
        How many countries take part, of ``places.COUNTRIES``.

    Returns
    -------
    Network
        The same for the same arguments.
    """
    start = _Founding(chance, first_day)
    members = COUNTRIES[:countries]
    _found_makers(start, brands)
    for number, country in enumerate(members):
        _found_trade(start, country, number)
    people = {c: sum(cities()[n].population_k for n in start.by_country[c]) for c in members}
    everyone = sum(people.values())
    for country in members:
        count = max(4, round(dispensers * people[country] / everyone))
        _found_dispensers(start, country, count)
    for number, country in enumerate(members):
        _found_outsiders(start, country, number)
    for country in BUYING_ABROAD:
        partner = start.partner("importer", country, "wholesaler")
        start.site(partner, "wholesaler", "abroad", start.by_country[country][0])
    products = _products(start, brands, members)
    licences = _licences(start, days)
    return Network(
        chance,
        tuple(start.partners),
        tuple(start.sites),
        products,
        licences,
        first_day,
        days,
        members,
    )


def _found_makers(start: _Founding, brands: int) -> None:
    for number in range(max(3, brands // 4)):
        country = MAKER_HOMES[number % len(MAKER_HOMES)]
        partner = start.partner("maker", country, "maker")
        start.site(partner, "maker", "", start.city(country, number, purpose="maker city"))
    for number in range(max(1, brands // 12)):
        country = MAKER_HOMES[(number + 3) % len(MAKER_HOMES)]
        partner = start.partner("contract_packer", country, "contract_packer")
        city = start.city(country, number, purpose="packer city")
        start.site(partner, "contract_packer", "", city)
    for number in range(max(2, brands // 10)):
        country = ("NL", "DE", "BE", "US")[number % 4]
        partner = start.partner("third_party_logistics", country, "third_party_logistics")
        city = start.city(country, number, purpose="depot city")
        start.site(partner, "third_party_logistics", "", city)


def _found_trade(start: _Founding, country: str, number: int) -> None:
    large = country in ("DE", "FR", "ES", "IT", "GB", "PL", "US", "TR")
    for turn in range(3 if large else 2):
        partner = start.partner("wholesaler", country, "wholesaler")
        for branch in range(1 + (turn == 0 and large)):
            city = start.city(country, turn, branch, purpose="wholesaler city")
            start.site(partner, "wholesaler", "primary", city)
    for turn in range(2 if large else 1):
        partner = start.partner("secondary", country, "wholesaler")
        city = start.city(country, turn, number, purpose="secondary city")
        start.site(partner, "wholesaler", "secondary", city)
    if country in ("DE", "NL", "GB", "AT"):
        partner = start.partner("parallel_trader", country, "parallel_trader")
        city = start.city(country, number, purpose="parallel city")
        start.site(partner, "parallel_trader", "", city)
    returns = start.partner("reverse_distributor", country, "reverse_distributor")
    city = start.city(country, number, purpose="returns city")
    start.site(returns, "reverse_distributor", "", city)
    burner = start.partner("destruction", country, "destruction")
    city = start.city(country, number, purpose="burner city")
    start.site(burner, "destruction", "", city)


def _found_dispensers(start: _Founding, country: str, count: int) -> None:
    hospitals = max(1, round(count * 0.08))
    for number in range(hospitals):
        city = start.city(country, number, purpose=f"hospital city {country}")
        name = f"{cities()[city].name} {company_names.company(number, 'hospital').split(' ', 1)[1]}"
        partner = start.partner("hospital", country, "hospital", f"{name} {number + 1}")
        start.site(partner, "hospital", "", city, f"{name} {number + 1}")
    chains = max(1, count // 40)
    owners = [start.partner("chain", country, "chain") for _ in range(chains)]
    for number in range(count - hospitals):
        city = start.city(country, number, purpose=f"pharmacy city {country}")
        word = company_names.STREET_WORDS[(number * 5 + 3) % len(company_names.STREET_WORDS)]
        name = f"{word} Pharmacy {cities()[city].name} {number + 1}"
        is_chain = bool(start.chance.happens(0.35, f"is chain {country}", number)[0])
        owner = (
            owners[number % chains]
            if is_chain
            else start.partner("hospital", country, "pharmacy", name)
        )
        start.site(owner, "pharmacy", "chain" if is_chain else "independent", city, name)


def _found_outsiders(start: _Founding, country: str, number: int) -> None:
    """Companies without honest trade of their own, on which schemes and look-alikes draw.

    A ``shell`` has no licence, a ``flash`` company got one just before the span begins, a
    ``newcomer`` likewise, and is honest.
    """
    for turn, tier in enumerate(("shell", "shell", "flash", "flash", "newcomer", "newcomer")):
        partner = start.partner("secondary", country, "wholesaler")
        city = start.city(country, turn, number, purpose="outsider city")
        made = start.site(partner, "wholesaler", tier, city)
        start.sites[-1] = replace(made, opened=start.first_day - timedelta(days=20 - turn), size=3)


def _scheme(chance: Chance, maker: int) -> SerialScheme:
    """A maker prints all its serials by one scheme."""
    key = int(chance.below(1 << 30, "serial key", maker)[0])
    kinds = (
        ("random", LETTERS_AND_DIGITS, 14, ""),
        ("random", UPPER_36, 12, ""),
        ("sequential", DIGITS, 12, "1"),
        ("random", DIGITS, 16, ""),
        ("random", LETTERS_AND_DIGITS, 11, "PK"),
    )
    return SerialScheme(*kinds[maker % len(kinds)], key)


def _products(start: _Founding, brands: int, members: tuple[str, ...]) -> tuple[Product, ...]:
    chance = start.chance
    makers = [s for s in start.sites if s.role == "maker"]
    packers = [s for s in start.sites if s.role == "contract_packer"]
    depots = [s for s in start.sites if s.role == "third_party_logistics"]
    open_markets = [n for n, market in enumerate(MARKETS) if market[0] in members]
    products: list[Product] = []
    for brand in range(brands):
        maker = makers[brand % len(makers)]
        is_cold = brand % 4 == 0
        forms = company_names.COLD_FORMS if is_cold else company_names.FORMS
        form = forms[brand % len(forms)]
        is_contract = bool(chance.happens(0.2, "contract packed", brand)[0])
        # Prices lie between 4 and 3,000 a pack, most of them low.
        price = int(chance.spread_s(9_000 if is_cold else 2_400, 1.2, "price", brand)[0]) + 400
        launch = int(chance.below(4000, "launch", brand)[0])
        wide = int(chance.below(len(open_markets), "market count", brand)[0]) + 1
        for turn in range(max(1, wide)):
            market = open_markets[(brand + turn) % len(open_markets)]
            low = MARKETS[market][0] in LOW_PRICE
            products.append(
                Product(
                    len(products),
                    f"{company_names.brand(brand)} {form}",
                    maker.no,
                    packers[brand % len(packers)].no if is_contract else maker.no,
                    depots[(brand + market) % len(depots)].no,
                    100 + brand * 12 + market,
                    maker.partner.prefix,
                    market,
                    730 if is_cold else 1095,
                    "2-8 C" if is_cold else "15-25 C",
                    price > 20_000 or brand % 7 == 0,
                    price * (60 if low else 100) // 100,
                    (10, 20, 30, 48)[brand % 4],
                    (24, 30, 40)[brand % 3],
                    _scheme(chance, maker.no),
                    (0, 1, 0, 5, 0)[brand % 5],
                    start.first_day - timedelta(days=launch - 200),
                )
            )
    return tuple(products)


def _licences(start: _Founding, days: int) -> tuple[Licence, ...]:
    """Spells of three to six years, renewed before they end, some with a gap of no day."""
    rows: list[Licence] = []
    end = start.first_day + timedelta(days=days + 800)
    for site in start.sites:
        if site.tier == "shell":
            continue
        day = site.opened - timedelta(days=30)
        turn = 1
        while day < end:
            years = 3 + int(start.chance.below(4, "licence years", site.no, turn)[0])
            last = day + timedelta(days=365 * years)
            rows.append(
                Licence(site.no, f"L-{site.partner.no:04d}{site.ref:03d}-{turn}", day, last)
            )
            overlap = int(start.chance.below(30, "licence overlap", site.no, turn)[0])
            day = last - timedelta(days=overlap - 1)
            turn += 1
    return tuple(rows)
