"""How well the patterns judge simulated worlds: ``python -m tests.bench.patterns SEED...``.

Each seed makes a ``month`` (attacks and mishaps at real noise) and a ``storm`` (mishaps alone, at
high noise), which run through the whole job. Prints the tables of docs/pattern-figures.md.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from data.simulator.profiles import Wishes, world_of
from data.simulator.world import simulate
from data.warehouse.connection import open_read_only
from data.warehouse.pattern_book import RAISED, against_truth, pages, read_truth, where_judged
from flows.job import job_of
from flows.settings import Settings
from flows.steps import run_steps

TIERS = ("hold", "investigate", "watch", "clear")


@dataclass(frozen=True)
class Judged:
    """One world after its run; all tables are of lots."""

    unit_events: int
    patterns: pl.DataFrame
    tiers: pl.DataFrame  # gtin, lot, tier, label: attack, unseen (no record shows it), honest
    schemes: pl.DataFrame  # scheme, code, is_raised, is_named: of those that could be seen
    statuses: pl.DataFrame  # pattern, status, benign, findings on lots of no attack
    delays_h: pl.Series  # of raised attacked lots: from knowable to all cited records received
    causes: int  # groups of findings that raise the lots


def judge(profile: str, seed: int, folder: Path) -> Judged:
    """Simulate a world, run the job on it as of its end, and hold it against its truth."""
    told = simulate(folder, world_of(profile, Wishes(seed=seed)))
    settings = Settings(warehouse=folder / "w.duckdb", reports=folder / "reports")
    job = job_of(settings, [folder / "feed"], told.as_of.replace(tzinfo=None))
    run_steps(job, lambda _line: None)
    with open_read_only(settings.warehouse) as con:
        return measure(con, folder / "truth", told.unit_events)


def measure(con: duckdb.DuckDBPyConnection, folder: Path, unit_events: int) -> Judged:
    """Hold a judged warehouse against the truth in the folder."""
    lists = {
        path.stem: pl.read_csv(path, infer_schema=False)
        for path in sorted(folder.glob("*.csv"))
        if path.stem in ("schemes", "units", "sites", "edges")
    }
    truth = where_judged(con, read_truth(folder / "lots.csv"), lists["units"])
    return Judged(
        unit_events,
        against_truth(con, truth),
        _tiers(con, truth),
        _schemes(con, truth, lists),
        _statuses(con, truth),
        _delays(con, truth),
        _causes(con),
    )


def _tiers(con: duckdb.DuckDBPyConnection, truth: pl.DataFrame) -> pl.DataFrame:
    tiers = con.sql("SELECT gtin, lot, tier FROM lot_risk").pl()
    is_seen = pl.col("patterns").list.join(";") != ""
    labels = truth.filter(pl.col("label") == "attack").select(
        "gtin",
        "lot",
        label=pl.when(is_seen).then(pl.lit("attack")).otherwise(pl.lit("unseen")),
    )
    # A lot of an attack that the warehouse does not have at all is missed.
    joined: pl.DataFrame = tiers.join(labels, on=["gtin", "lot"], how="full", coalesce=True)
    return joined.with_columns(
        pl.col("tier").fill_null("clear"), pl.col("label").fill_null("honest")
    )


def _schemes(
    con: duckdb.DuckDBPyConnection, truth: pl.DataFrame, lists: dict[str, pl.DataFrame]
) -> pl.DataFrame:
    """Schemes at their own grain: a lot of theirs is raised; grave findings name them.

    A finding names a scheme where it stands at S1 or S2 on one of the scheme's lots and names one
    of its packs, or one of its places or of those that it traded with.
    """
    seen = lists["schemes"].filter(
        pl.col("code").str.starts_with("P") & pl.col("knowable_at").is_not_null()
    )
    lots = seen.select("scheme", "code", "gtin", "lot")
    unstated = truth.filter(pl.col("lot") == "(unstated)").select(
        "gtin", "lot", scheme=pl.col("schemes").str.split(";")
    )
    codes = lots.select("scheme", "code").unique()
    lots = pl.concat(
        [lots, unstated.explode("scheme").join(codes, on="scheme")], how="diagonal"
    ).unique()
    tiers = con.sql("SELECT gtin, lot, tier FROM lot_risk").pl()
    raised = lots.join(tiers.filter(pl.col("tier").is_in(RAISED)), on=["gtin", "lot"])
    grave = con.sql(
        """
        SELECT finding_id, gtin, lot, unnest([site_gln, other_gln]) AS gln
        FROM find_finding
        WHERE status = 'stands' AND severity <= 'S2'
        """
    ).pl()
    packs = con.sql("SELECT finding_id, epc FROM evid_finding_unit JOIN core_unit USING (unit_id)")
    places = pl.concat(
        [
            lists["sites"].select("scheme", "gln"),
            lists["edges"].select("scheme", gln="from_gln"),
            lists["edges"].select("scheme", gln="to_gln"),
        ]
    ).unique()
    own = lots.join(grave, on=["gtin", "lot"])
    by_place = own.join(places, on=["scheme", "gln"], how="semi")
    units = lists["units"].select("scheme", "epc").unique()
    by_pack = own.join(packs.pl(), on="finding_id").join(units, on=["scheme", "epc"], how="semi")
    named = pl.concat([by_place.select("scheme"), by_pack.select("scheme")])
    judged: pl.DataFrame = codes.with_columns(
        is_raised=pl.col("scheme").is_in(raised["scheme"].to_list()),
        is_named=pl.col("scheme").is_in(named["scheme"].to_list()),
    )
    return judged.sort("scheme")


def _statuses(con: duckdb.DuckDBPyConnection, truth: pl.DataFrame) -> pl.DataFrame:
    found = con.sql("SELECT gtin, lot, pattern, status, benign FROM find_finding").pl()
    attacked = truth.filter(pl.col("label") == "attack").select("gtin", "lot")
    honest = found.join(attacked, on=["gtin", "lot"], how="anti")
    counted: pl.DataFrame = honest.group_by("pattern", "status", "benign").len()
    return counted.sort("pattern", "status", "benign")


def _delays(con: duckdb.DuckDBPyConnection, truth: pl.DataFrame) -> pl.Series:
    """Hours from the first knowable moment until one raising finding's records had all come in."""
    cited = con.sql(
        """
        SELECT cited.gtin, cited.lot, finding_id, max(event.recorded_at) AS received_at
        FROM (
            SELECT gtin, lot, finding_id, unnest(record_ids) AS record_id
            FROM find_finding
            WHERE status = 'stands' AND severity <= 'S2'
        ) AS cited
        JOIN stg_event AS event USING (record_id)
        GROUP BY ALL
        """
    ).pl()
    first = cited.group_by("gtin", "lot").agg(pl.col("received_at").min())
    known = truth.filter((pl.col("label") == "attack") & pl.col("knowable_at").is_not_null())
    joined = known.join(first, on=["gtin", "lot"]).with_columns(
        pl.col("knowable_at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us")
    )
    gap = (joined["received_at"].cast(pl.Datetime("us")) - joined["knowable_at"]).dt.total_minutes()
    return gap / 60


def _causes(con: duckdb.DuckDBPyConnection) -> int:
    """Things to look into: places or lots that standing findings of the first grades name."""
    rows = con.sql(
        """
        SELECT count(DISTINCT (pattern, coalesce(site_gln, gtin || '|' || lot)))
        FROM find_finding
        WHERE status = 'stands' AND severity <= 'S2'
        """
    ).fetchall()
    return int(rows[0][0])


def figures(seeds: Sequence[int]) -> str:
    """The page docs/pattern-figures.md."""
    months: list[Judged] = []
    storms: list[Judged] = []
    for seed in seeds:
        for profile, judged in (("month", months), ("storm", storms)):
            with tempfile.TemporaryDirectory() as name:
                judged.append(judge(profile, seed, Path(name)))
    parts = [_HEAD.format(seeds=" ".join(map(str, seeds)))]
    parts += [_tier_table(months, "month"), _tier_table(storms, "storm")]
    parts += [_summary(months, storms), _pattern_table(months), _status_table(months + storms)]
    return "\n\n".join(parts) + "\n"


_HEAD = """# How the patterns judge worlds whose truth is known

Made by `python -m tests.bench.patterns {seeds}`: the profiles `month` (forty attacks among honest
lots, nearly all with mishaps, at real noise) and `storm` (mishaps alone, three times as many, feeds
with three times the faults). Figures are sums over the seeds. The worlds are ours, with the mishaps
that we thought of; real trade will have others."""


def _sum(judged: Sequence[Judged]) -> pl.DataFrame:
    return pl.concat([one.tiers for one in judged])


def _tier_table(judged: Sequence[Judged], name: str) -> str:
    counted = _sum(judged).group_by("label", "tier").len()
    rows = [f"| {name} | {' | '.join(TIERS)} |", "|---|" + "---|" * len(TIERS)]
    for label in ("attack", "unseen", "honest"):
        own = dict(counted.filter(pl.col("label") == label).select("tier", "len").iter_rows())
        if own:
            rows.append(f"| {label} | {' | '.join(str(own.get(tier, 0)) for tier in TIERS)} |")
    return "\n".join(rows)


def _summary(months: Sequence[Judged], storms: Sequence[Judged]) -> str:
    month, storm = _sum(months), _sum(storms)
    raised = month.filter(pl.col("tier").is_in(RAISED))
    hit = raised.filter(pl.col("label") == "attack")
    right = raised.filter(pl.col("label") != "honest")
    attacked = month.filter(pl.col("label") == "attack")
    schemes = pl.concat([one.schemes for one in months])
    missed = month.filter((pl.col("label") == "attack") & ~pl.col("tier").is_in(RAISED))
    false = storm.filter(pl.col("tier").is_in(RAISED))
    events = sum(one.unit_events for one in storms)
    causes = sum(one.causes for one in storms)
    delay = pl.concat([one.delays_h for one in months])
    return "\n".join(
        [
            f"- Recall of attacked lots at hold or investigate: {len(hit)} of {len(attacked)} "
            f"({len(hit) / len(attacked):.2f}).",
            f"- Schemes that could be seen: {len(schemes)}; with a lot raised "
            f"{schemes['is_raised'].sum()}; with a pack or place of theirs named by a finding of "
            f"grade S1 or S2 that stands {schemes['is_named'].sum()}.",
            "- Lots of attacks of which no record shows anything (unseen) are in neither figure: "
            f"{len(month.filter(pl.col('label') == 'unseen'))}. Attacked lots missed: "
            f"{len(missed)}.",
            f"- Precision at these tiers: {len(right)} of {len(raised)} "
            f"({len(right) / len(raised):.2f}).",
            f"- Storm: {len(false)} lots raised, {len(false) / events * 1e5:.1f} for each 100,000 "
            f"scans; {causes} things to look into ({causes / events * 1e5:.1f}).",
            "- From the first moment that the attack could be known until the records of a finding "
            f"of grade S1 or S2 had come in: median {_hours(delay, 0.5)} h, nine in ten within "
            f"{_hours(delay, 0.9)} h; the nightly run comes on top.",
        ]
    )


def _hours(delays: pl.Series, share: float) -> str:
    return f"{np.quantile(delays.to_numpy(), share):.0f}"


def _pattern_table(months: Sequence[Judged]) -> str:
    summed = (
        pl.concat([one.patterns for one in months])
        .group_by("pattern")
        .agg(pl.exclude("pattern").sum())
    )
    told = {row[0]: row[1:] for row in summed.iter_rows()}
    rows = [
        "Lots of the months: where truth names the pattern, of these where it stands, of these "
        "raised by whatever pattern; honest lots where it stands at any grade. P28 and P31 ask for "
        "half a year of history, which a world of five months does not have; P01 is silent where "
        "copies travel no faster than a pack can.",
        "",
        "| pattern | planted | stands | raised | honest lots where it stands |",
        "|---|---|---|---|---|",
    ]
    for page in pages():
        cells = told.get(page.code, (0, 0, 0, 0))
        rows.append(f"| {page.code} {page.name} | {' | '.join(map(str, cells))} |")
    return "\n".join(rows)


def _status_table(judged: Sequence[Judged]) -> str:
    counted = (
        pl.concat([one.statuses for one in judged])
        .group_by("pattern", "status", "benign")
        .agg(pl.col("len").sum())
        .sort("pattern", "status", "benign")
    )
    rows = [
        "Findings on honest lots, months and storms: what became of them.",
        "",
        "| pattern | stands | data gap | explained, by cause |",
        "|---|---|---|---|",
    ]
    for page in pages():
        own = counted.filter(pl.col("pattern") == page.code)
        by = dict(own.group_by("status").agg(pl.col("len").sum()).iter_rows())
        causes = own.filter(pl.col("status") == "explained").select("benign", "len").iter_rows()
        named = ", ".join(f"{code} {count}" for code, count in causes)
        rows.append(
            f"| {page.code} | {by.get('stands', 0)} | {by.get('data_gap', 0)} | {named or '-'} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    print(figures([int(word) for word in sys.argv[1:]] or [41, 77]), end="")
