"""What people decide on one run makes the next one better, on a world whose truth is known."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from data.simulator.profiles import Wishes
from data.warehouse.connection import open_read_only
from flows.decide_command import Judgement, decide
from flows.record import Recording
from flows.sign_command import Signature, sign_second
from flows.simulate_command import write_world
from flows.steps import Job, run_steps

AS_OF, DECIDED = datetime(2026, 5, 5, 2), datetime(2026, 5, 4, 9)
OFFICER = Recording("officer", now=lambda: datetime(2026, 5, 6, tzinfo=UTC))

Lot = tuple[str, str]


@dataclass(frozen=True)
class Judged:
    """What a run says of each lot that is not clear."""

    first_cited: dict[Lot, tuple[str, bool]]  # the case and whether it is near
    likeness: dict[Lot, float]
    suspects: tuple[Lot, ...]
    index: str


@dataclass(frozen=True)
class World:
    schemes: dict[Lot, str]  # P12, P21: the attack on the lot
    decided: dict[str, Lot]
    before: Judged
    after: Judged


def judged(job: Job) -> Judged:
    run_steps(job, lambda text: None)
    with open_read_only(job.warehouse) as con:
        cited = con.execute("SELECT gtin, lot, case_id, is_near FROM cited_case WHERE rank = 1")
        first = {(gtin, lot): (case, near) for gtin, lot, case, near in cited.fetchall()}
        scores = con.execute(
            "SELECT gtin, lot, -score FROM find_score JOIN core_lot USING (lot_id) "
            "WHERE detector = 'nearest_prototype'"
        ).fetchall()
        suspects = con.execute("SELECT gtin, lot FROM lot_risk WHERE tier <> 'clear'").fetchall()
    return Judged(
        first,
        {(gtin, lot): likeness for gtin, lot, likeness in scores},
        tuple((gtin, lot) for gtin, lot in suspects),
        (job.reports / "index.html").read_text(encoding="utf-8"),
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Four lots sold again after they were dispensed, four overfilled, one honest suspect."""
    folder = tmp_path_factory.mktemp("decided")
    wishes = Wishes(lots=12, seed=5, attacks="P21,P12", rate=0.3)
    told = write_world(folder / "world", "demo", wishes, lambda text: None)
    with (told.truth / "lots.csv").open(encoding="utf-8", newline="") as file:
        schemes = {(row["gtin"], row["lot"]): row["schemes"][:3] for row in csv.DictReader(file)}
    job = Job((told.feed,), folder / "w.duckdb", folder / "reports", AS_OF)
    before = judged(job)

    def first_of(scheme: str) -> Lot:
        return next(lot for lot in before.suspects if schemes.get(lot, "") == scheme)

    decided = {"illegitimate": first_of("P12"), "suspect": first_of("P21"), "cleared": first_of("")}
    for outcome, lot in decided.items():
        judgement = Judgement(*lot, outcome, "looked into", "R. Okafor", DECIDED)
        if decide(judgement, job.warehouse, OFFICER).proposal:
            second = Signature("J. Lind", "I saw the packs too", DECIDED)
            sign_second(*lot, None, second, job.warehouse, OFFICER)
    yield World(schemes, decided, before, judged(job))


def alike(world: World, scheme: str) -> list[Lot]:
    """The other suspect lots of a scheme."""
    taken = set(world.decided.values())
    found = [lot for lot in world.after.suspects if world.schemes.get(lot, "") == scheme]
    return [lot for lot in found if lot not in taken]


@pytest.mark.parametrize(("scheme", "case"), [("P12", "own-0001"), ("P21", "own-0002")])
def test_lots_of_the_same_scheme_cite_the_decided_one_first(world, scheme, case) -> None:
    lots = alike(world, scheme)
    assert len(lots) == 3
    assert all(world.after.first_cited[lot] == (case, True) for lot in lots)
    assert not any(world.before.first_cited[lot][0].startswith("own") for lot in lots)


def test_the_likes_of_what_was_confirmed_are_more_suspect_than_before(world: World) -> None:
    lots = [*alike(world, "P12"), *alike(world, "P21")]
    assert all(world.after.likeness[lot] > world.before.likeness[lot] for lot in lots)


def test_a_decided_lot_is_no_evidence_about_itself(world: World) -> None:
    own = {"illegitimate": "own-0001", "suspect": "own-0002", "cleared": "own-0003"}
    for outcome, lot in world.decided.items():
        assert world.after.first_cited[lot][0] != own[outcome]


def test_the_index_names_who_was_decided_and_the_nearest_case(world: World) -> None:
    _, lot = world.decided["illegitimate"]
    assert "decided: illegitimate" in world.after.index
    assert "decided: cleared" in world.after.index
    assert f"Lot {lot} of " in world.after.index
    assert "3 lots are decided by people: 1 illegitimate, 1 suspect and 1 cleared." in (
        world.after.index
    )
