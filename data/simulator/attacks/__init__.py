"""Ways to cheat, staged on lots: one scheme for each pattern of the typology."""

from data.simulator.attacks import condition, custody, identity, lifecycle, network
from data.simulator.scheme import Attack

ATTACKS: dict[str, Attack] = {
    attack.code: attack
    for module in (identity, lifecycle, custody, network, condition)
    for attack in module.ATTACKS
}
