"""Honest exchanges: prices and quantities."""

from tests.flows.exchanges import Exchange, Lot, Network, Place, at, network
from tests.flows.situations.telling import honest


def priced(x: Exchange, n: Network, months: int = 16) -> tuple[Lot, list[Place]]:
    """A shipment log over more than a year, of four sellers and six buyers."""
    lot = x.lot(n.gtin, 0, quantity=200_000, expiry="2027-12-31")
    sellers = [n.hub, n.second, x.place("wholesaler", "Hamburg"), x.place("wholesaler", "Vienna")]
    buyers = [n.shop, n.other, *(x.place("pharmacy", "Hamburg") for _ in range(4))]
    for month in range(months):
        for k, buyer in enumerate(buyers):
            price = 100 + (month * 3 + k) % 5
            when = at(150 - 30.4 * (months - month))
            x.ordered(lot, sellers[k % 4], buyer, when, 40 + (month + k) % 7, price)
    return lot, buyers


@honest()
def short_dated_goods_at_a_discount(x: Exchange) -> None:
    n = network(x)
    priced(x, n)
    lot = x.lot(n.gtin, 20, expiry="2026-07-31")
    for k, shop in enumerate((n.shop, n.other)):
        x.ordered(lot, n.hub, shop, at(152 + k), 10, 55)


@honest()
def vaccine_for_the_season(x: Exchange) -> None:
    n = network(x)
    lot, buyers = priced(x, n)
    for k, buyer in enumerate(buyers):
        seller = (n.hub, n.second)[k % 2]
        x.ordered(lot, seller, buyer, at(155 + k % 3), 400 + 10 * k, 101)
