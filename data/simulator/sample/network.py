"""Who trades in the sample feed: places, their roles and licences, and the products they handle.

All companies are invented. Numbers use GS1's demonstration prefix 952, so none of them can be
mistaken for a real company's.
"""

import math
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from data.readers.gs1 import check_digit

PREFIX = "9521234"  # company prefix, 7 digits


@dataclass(frozen=True)
class Site:
    """One place, as its owner describes it."""

    ref: str  # five digits: the location reference inside the company prefix
    name: str
    role: str
    city: str
    country: str
    latitude: float
    longitude: float
    zone: str
    partner: str

    @property
    def gln(self) -> str:
        """GLN-13 with its check digit."""
        body = PREFIX + self.ref
        return f"{body}{check_digit(body)}"

    @property
    def sgln(self) -> str:
        """The place as an EPC URN, as EPCIS 1.2 writes it."""
        return f"urn:epc:id:sgln:{PREFIX}.{self.ref}.0"

    @property
    def digital_link(self) -> str:
        """The place as a GS1 Digital Link, as EPCIS 2.0 may write it."""
        return f"https://id.gs1.org/414/{self.gln}"

    @property
    def tz(self) -> ZoneInfo:
        """Time zone of the place, daylight saving included."""
        return ZoneInfo(self.zone)


@dataclass(frozen=True)
class Product:
    """One trade item: a pack that carries a serial."""

    ref: str  # five digits: the item reference inside the company prefix
    name: str
    maker: str  # name of the making site
    shelf_life_days: int
    markets: tuple[str, ...]
    storage: str
    is_high_risk: bool
    price: float
    serials: str  # "random" or "sequential": the maker's scheme

    @property
    def gtin(self) -> str:
        """GTIN-14 with indicator 0 and its check digit."""
        body = "0" + PREFIX + self.ref
        return f"{body}{check_digit(body)}"


def _site(ref: int, name: str, role: str, where: tuple[str, str, float, float, str]) -> Site:
    city, country, latitude, longitude, zone = where
    return Site(f"{ref:05d}", name, role, city, country, latitude, longitude, zone, name)


_BASEL = ("Basel", "CH", 47.56, 7.59, "Europe/Zurich")
_LEIDEN = ("Leiden", "NL", 52.16, 4.49, "Europe/Amsterdam")
_CORK = ("Cork", "IE", 51.90, -8.47, "Europe/Dublin")
_FRANKFURT = ("Frankfurt", "DE", 50.11, 8.68, "Europe/Berlin")
_HAMBURG = ("Hamburg", "DE", 53.55, 9.99, "Europe/Berlin")
_MUNICH = ("Munich", "DE", 48.14, 11.58, "Europe/Berlin")
_LYON = ("Lyon", "FR", 45.76, 4.84, "Europe/Paris")
_PARIS = ("Paris", "FR", 48.86, 2.35, "Europe/Paris")
_MADRID = ("Madrid", "ES", 40.42, -3.70, "Europe/Madrid")
_LISBON = ("Lisbon", "PT", 38.72, -9.14, "Europe/Lisbon")
_VIENNA = ("Vienna", "AT", 48.21, 16.37, "Europe/Vienna")
_WARSAW = ("Warsaw", "PL", 52.23, 21.01, "Europe/Warsaw")
_ATHENS = ("Athens", "GR", 37.98, 23.73, "Europe/Athens")

SITES: tuple[Site, ...] = (
    _site(1, "Rheinwerk Pharma", "maker", _BASEL),
    _site(2, "Leidse Biologicals", "maker", _LEIDEN),
    _site(3, "Lee Valley Oncology", "maker", _CORK),
    _site(11, "Mainstrom Grosshandel", "wholesaler", _FRANKFURT),
    _site(12, "Hansa Arzneihandel", "wholesaler", _HAMBURG),
    _site(13, "Rhone Repartition", "wholesaler", _LYON),
    _site(14, "Meseta Distribucion", "wholesaler", _MADRID),
    _site(15, "Donau Parallel", "parallel_trader", _VIENNA),
    _site(16, "Isar Sekundaerhandel", "wholesaler", _MUNICH),
    _site(17, "Nordkap Trading", "wholesaler", _HAMBURG),
    _site(21, "Adler Apotheke", "pharmacy", _FRANKFURT),
    _site(22, "Loewen Apotheke", "pharmacy", _MUNICH),
    _site(23, "Hafen Apotheke", "pharmacy", _HAMBURG),
    _site(24, "Pharmacie des Quais", "pharmacy", _LYON),
    _site(25, "Pharmacie du Marais", "pharmacy", _PARIS),
    _site(26, "Farmacia Retiro", "pharmacy", _MADRID),
    _site(27, "Farmacia Baixa", "pharmacy", _LISBON),
    _site(28, "Ring Apotheke", "pharmacy", _VIENNA),
    _site(29, "Apteka Stare Miasto", "pharmacy", _WARSAW),
    _site(30, "Klinikum Isartal", "hospital", _MUNICH),
    _site(31, "Hopital Croix Rousse", "hospital", _LYON),
    _site(32, "Farmakeio Plaka", "pharmacy", _ATHENS),
    _site(33, "Rosen Apotheke", "pharmacy", _FRANKFURT),
    _site(41, "Retour Logistik", "reverse_distributor", _FRANKFURT),
)
BY_NAME = {site.name: site for site in SITES}

_EU = ("AT", "CH", "DE", "ES", "FR", "IE", "NL", "PL", "PT")
PRODUCTS: tuple[Product, ...] = (
    Product(
        "00101", "Glucorelin 1 mg pen", "Rheinwerk Pharma", 730, _EU, "2-8 C", True, 140.0, "random"
    ),
    Product(
        "00102", "Cardiprost 20 mg", "Rheinwerk Pharma", 1095, _EU, "15-25 C", False, 18.0, "random"
    ),
    Product(
        "00201",
        "Viromune 50 mg",
        "Leidse Biologicals",
        730,
        _EU,
        "15-25 C",
        True,
        620.0,
        "sequential",
    ),
    Product(
        "00202",
        "Respirol inhaler",
        "Leidse Biologicals",
        730,
        _EU,
        "15-25 C",
        False,
        34.0,
        "sequential",
    ),
    Product(
        "00301",
        "Oncotrel 400 mg vial",
        "Lee Valley Oncology",
        540,
        _EU,
        "2-8 C",
        True,
        1450.0,
        "random",
    ),
    Product(
        "00302",
        "Oncotrel 400 mg vial (Greece)",
        "Lee Valley Oncology",
        540,
        ("GR",),
        "2-8 C",
        True,
        610.0,
        "random",
    ),
)


def distance_km(a: Site, b: Site) -> float:
    """Great-circle distance between two sites."""
    lat_a, lat_b = math.radians(a.latitude), math.radians(b.latitude)
    half_dlat = (lat_b - lat_a) / 2
    half_dlon = math.radians(b.longitude - a.longitude) / 2
    h = math.sin(half_dlat) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(half_dlon) ** 2
    return 2 * 6371.0 * math.asin(math.sqrt(h))
