import pytest

from reports.claims import LotEvidence
from reports.evidence import gather
from tests.reports.sample import HELD, HOSTILE, sample_warehouse


@pytest.fixture(scope="session")
def con():
    with sample_warehouse() as con:
        yield con


@pytest.fixture(scope="session")
def held(con) -> LotEvidence:
    return gather(con, *HELD)


@pytest.fixture(scope="session")
def hostile(con) -> LotEvidence:
    return gather(con, *HOSTILE)
