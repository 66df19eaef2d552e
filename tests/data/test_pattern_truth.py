"""Where truth of a simulated world is judged: packs nobody printed lie where records put them."""

import duckdb
import polars as pl
import pytest

from data.warehouse.pattern_book import where_judged

GTIN = "09521234000013"


@pytest.mark.parametrize(
    ("lot_basis", "judged"),
    [("unstated", ["A1", "(unstated)"]), ("observed", ["A1"]), (None, ["A1"])],
)
def test_an_unstated_lot_counts_only_where_the_warehouse_has_it(
    lot_basis: str | None, judged: list[str]
) -> None:
    con = duckdb.connect()
    con.execute("CREATE TABLE core_unit (epc VARCHAR, gtin VARCHAR, lot_basis VARCHAR)")
    if lot_basis is not None:
        con.execute("INSERT INTO core_unit VALUES ('fake', ?, ?)", [GTIN, lot_basis])
    truth = pl.DataFrame(
        {
            "gtin": [GTIN, GTIN],
            "lot": ["A1", "(unstated)"],
            "schemes": ["P06-1", "P06-1"],
            "patterns": [["P06"], ["P06"]],
        }
    )
    units = pl.DataFrame({"epc": ["fake"], "scheme": ["P06-1"]})
    assert where_judged(con, truth, units)["lot"].to_list() == judged
