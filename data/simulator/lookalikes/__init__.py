"""Honest mishaps and habits that look like crime, by their codes in the typology of look-alikes.

They are played in this order: first what befalls whole lots, then goods that leave their way, then
what only changes what is told, and last the scans of packs that live on undisturbed. The faults of
feeds (B06 late uploads, B09 replays, B10 clocks, B11 late data) are made in ``feeds``.
"""

from data.simulator.lookalikes import markets, paper, scanning, trade
from data.simulator.scheme import LookAlike

_ALL = {
    look_alike.code: look_alike
    for module in (markets, paper, scanning, trade)
    for look_alike in module.LOOK_ALIKES
}
_ORDER = (
    *("B24", "B17"),
    *("B22", "B19", "B25", "B23", "B15", "B14", "B13", "B08", "B00"),
    *("B26", "B12", "B16", "B18"),
    *("B01", "B02", "B03", "B04", "B05", "B07", "B20", "B21", "B27", "B28"),
)
LOOK_ALIKES: dict[str, LookAlike] = {code: _ALL[code] for code in _ORDER}
