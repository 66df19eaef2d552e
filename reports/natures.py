"""What the packs of a lot may be, by pattern: the regulatory reading of each, as a code."""

COPIED, DIVERTED, STOLEN = "copied", "diverted", "stolen"
FRAUDULENT, UNFIT = "fraudulent", "unfit"

_PATTERNS = {
    COPIED: "P01 P02 P03 P04 P05 P06 P07 P08 P09 P10 P21 P25 P38",
    DIVERTED: "P11 P12 P18 P22 P29 P32 P34 P36 P39",
    STOLEN: "P16",
    FRAUDULENT: "P13 P17 P19 P20 P23 P24 P26 P27 P28 P30 P31 P33 P35 P40",
    UNFIT: "P14 P15 P37",
}

NATURES: dict[str, str] = {
    pattern: nature for nature, patterns in _PATTERNS.items() for pattern in patterns.split()
}
