"""Invented names of companies and products. None is meant to resemble a real one."""

STEMS = [
    "Nordfels",
    "Rheinau",
    "Almera",
    "Vistalia",
    "Corvina",
    "Brennero",
    "Lindgard",
    "Soltara",
    "Meridel",
    "Havenka",
    "Ostrava",
    "Belmonte",
    "Caldera",
    "Dornbach",
    "Elsterau",
    "Fjordal",
    "Galvana",
    "Hollental",
    "Isarin",
    "Jurabel",
    "Kestrelyn",
    "Lorvane",
    "Montrosa",
    "Narvike",
    "Orlova",
    "Pallida",
    "Quillan",
    "Rosenau",
    "Silvara",
    "Tarnwood",
    "Umbrava",
    "Valdoro",
    "Westmark",
    "Xantera",
    "Ymirlund",
    "Zellerin",
    "Ardenza",
    "Bravora",
    "Cintara",
    "Delmare",
    "Estuary",
    "Falkenau",
    "Grunwaldt",
    "Hartwin",
    "Ilmenau",
    "Kaltbrunn",
    "Levantor",
    "Marnova",
    "Oderin",
    "Perlach",
    "Ravenna",
    "Sandor",
    "Teltow",
    "Ulmenau",
    "Viborn",
    "Wiesent",
]

WORDS = {
    "maker": ("Pharma", "Biologicals", "Therapeutics", "Laboratories"),
    "contract_packer": ("Packaging Services", "Contract Packing", "Finishing"),
    "third_party_logistics": ("Healthcare Logistics", "Pharma Depot", "Cold Chain Logistics"),
    "wholesaler": ("Pharma Wholesale", "Medicines Distribution", "Drug Distribution"),
    "secondary": ("Secondary Wholesale", "Medicines Brokerage", "Trading"),
    "parallel_trader": ("Parallel Import", "Intermarket Pharma"),
    "repackager": ("Repack", "Relabel Services"),
    "hospital": ("General Hospital", "University Clinic", "Regional Hospital"),
    "chain": ("Pharmacies", "Drugstores", "Chemists"),
    "reverse_distributor": ("Returns", "Reverse Logistics"),
    "destruction": ("Waste Treatment", "Incineration"),
    "importer": ("Overseas Trading", "International Imports"),
}

STREET_WORDS = [
    "Market",
    "Bridge",
    "Station",
    "Castle",
    "Harbour",
    "Church",
    "Garden",
    "Mill",
    "Park",
    "River",
    "Old",
    "Town",
    "Lion",
    "Eagle",
    "Swan",
    "Rose",
    "Sun",
    "Star",
    "Angel",
    "Crown",
    "Linden",
    "Oak",
]

_HEADS = [
    "Car",
    "Glu",
    "Vir",
    "Onc",
    "Res",
    "Neu",
    "Der",
    "Hep",
    "Lip",
    "Tri",
    "Zol",
    "Mel",
    "Pra",
    "Nov",
    "Sil",
    "Tel",
    "Bex",
    "Fan",
    "Gal",
    "Ori",
]
_MIDDLES = ["di", "co", "ra", "to", "ri", "va", "lo", "xi", "ne", "mi"]
_TAILS = [
    "prost",
    "relin",
    "mune",
    "trel",
    "rol",
    "zine",
    "pril",
    "vast",
    "mab",
    "tide",
    "cept",
    "gliptin",
]
FORMS = ("20 mg tablets", "50 mg capsules", "inhaler", "5 mg/ml solution", "100 mg tablets")
COLD_FORMS = ("1 mg pen", "400 mg vial", "40 mg syringe", "100 IU/ml cartridge")


def company(number: int, word: str) -> str:
    """The name of a company: a stem, and a word of its trade."""
    words = WORDS[word]
    stem = STEMS[number % len(STEMS)]
    turn = number // len(STEMS)
    second = "" if turn == 0 else f" {STEMS[(number * 7 + turn) % len(STEMS)]}"
    return f"{stem}{second} {words[number % len(words)]}"


def brand(number: int) -> str:
    """The name of a brand; different for every number below 2,400."""
    head = _HEADS[number % len(_HEADS)]
    rest = number // len(_HEADS)
    tail = _TAILS[(rest + number) % len(_TAILS)]
    return f"{head}{_MIDDLES[(rest // len(_TAILS) + number) % len(_MIDDLES)]}{tail}"
