"""Other processes that work for this one: of this machine, or a cluster's.

They read documents while this one lands them, and a cluster computes models too. Landing stays in
one place and in the order of files, so the warehouse is the same bytes whoever read. A cluster's
machines see the warehouse's folder under the same path.
"""

import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from data.errors import OrchestratorError, SettingsError

# Starting a process takes a second or two; a night that is read sooner needs none.
FROM_BYTES = 16 << 20
LOCAL = "local"


@contextmanager
def readers(inputs: Iterable[Path], threads: int, address: str | None) -> Iterator[Executor | None]:
    """Whom to have files read by; None where this process had better read them itself.

    Parameters
    ----------
    inputs
        Files and folders; how much lies there decides.
    threads
        As many processes on this machine.
    address
        Of a cluster, as for ``cluster``; None: there is none.

    Raises as ``cluster`` does.
    """
    if address is not None:
        with cluster(address, threads) as executor:
            yield executor
    elif threads > 1 and sum(map(_byte_count, inputs)) >= FROM_BYTES:
        # Forking a process that runs DuckDB's threads would copy their locks as they stand.
        with ProcessPoolExecutor(threads, multiprocessing.get_context("spawn")) as executor:
            yield executor
    else:
        yield None


@contextmanager
def cluster(address: str, threads: int) -> Iterator[Executor]:
    """A Dask cluster: ``local`` (this machine, so many processes) or a scheduler's address.

    Raises
    ------
    SettingsError
        Dask is not installed.
    OrchestratorError
        No scheduler answers at the address.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise SettingsError(
            "--cluster needs Dask: pip install 'touchstone-rx[cluster]', here and on the workers."
        ) from None
    if address == LOCAL:
        with (
            LocalCluster(n_workers=threads, threads_per_worker=1, dashboard_address=None) as here,
            Client(here) as client,
        ):
            yield client.get_executor()
        return
    try:
        client = Client(address, timeout="10s")
    except (OSError, TimeoutError, ValueError) as error:
        raise OrchestratorError(
            f"{address}: no scheduler answers there ({type(error).__name__}). Start one: "
            "dask scheduler, then dask worker ADDRESS on each machine."
        ) from error
    with client:
        yield client.get_executor()


def _byte_count(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    if not path.is_dir():
        return path.stat().st_size if path.is_file() else 0
    return sum(
        Path(parent, name).lstat().st_size for parent, _, names in os.walk(path) for name in names
    )
