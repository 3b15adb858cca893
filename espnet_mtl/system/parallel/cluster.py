"""The back end `dask`: workers of a Dask cluster (`dask.distributed`), on any machines that share the files."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import pickle
import shutil
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet_mtl.errors import UserError
from espnet_mtl.system.imports.extras import check_installed
from espnet_mtl.system.parallel.base import CHUNKS_EACH, Backend

if TYPE_CHECKING:
    from distributed import Client, Future
    from distributed.deploy.cluster import Cluster

LOCAL = "local"
QUEUES = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "sge": "SGECluster", "lsf": "LSFCluster"}
"""Schedulers of clusters, and the classes of dask-jobqueue that submit to them."""
CONNECT_S = 30
"""How long a scheduler may take to answer."""
NOTICE_S = 30.0
"""After how long without a worker it is said that one is waited for."""
ANY_PORT = ":0"
"""Of the dashboard: Dask warns where its usual port is taken."""
PACKAGE = Path(__file__).parents[2]
_ONE_AT_A_TIME = threading.Lock()
"""Held by a worker that works: the working directory is that of the whole process."""


def _code_digest() -> str:
    """Hashes the code of this package: other code makes other results."""
    state = hashlib.blake2b(digest_size=16)
    for path in sorted(PACKAGE.rglob("*.py")):
        state.update(path.relative_to(PACKAGE).as_posix().encode())
        state.update(path.read_bytes())
    return state.hexdigest()


CODE = _code_digest()
"""Of the code as it was imported, here and in a worker."""


class DaskWorkers(Backend):
    """The workers of a scheduler, as many as there are at the time.

    What a worker that is lost was working on, or had made, is done again by another one. A worker does one chunk at a
    time, however many threads it has.

    Args:
        client: A connection to the scheduler.
    """

    def __init__(self, client: Client):
        self.client = client

    def map[T, R](self, function: Callable[[T], R], items: Sequence[T], description: str) -> Iterator[R]:
        """Yields `function(item)` in the order of `items`.

        Some chunks are sent ahead, and not all: results that nobody has taken yet fill the memory of workers.

        Raises:
            UserError: The scheduler is lost, a chunk ended every worker that tried it, or a worker has other code of
                this package or does not see the directory that this command runs in.
        """
        directory = os.getcwd()
        size = self.chunk_size(len(items), self._workers())
        sent: deque[Future] = deque()
        with _told(description):
            try:
                for start in range(0, len(items), size):
                    chunk = pickle.dumps(_Chunk(function, items[start : start + size], directory, CODE))
                    sent.append(self.client.submit(pickle.loads, chunk, pure=False))
                    if len(sent) >= CHUNKS_EACH * max(1, self._workers()):
                        yield from self._result(sent.popleft(), description)
                while sent:
                    yield from self._result(sent.popleft(), description)
            finally:
                self._wait_for_all(sent)

    def _workers(self) -> int:
        return len(self.client.nthreads())

    def _result(self, future: Future, description: str) -> list[Any]:
        from distributed import wait

        told = False
        while not future.done():
            # The time is up, or the chunk failed, which `result` tells
            with suppress(asyncio.TimeoutError), self.client.as_current():
                wait([future], timeout=NOTICE_S)
            if not told and not future.done() and not self._workers():
                told = True
                print(f"{description}: no worker is there yet: waiting", file=sys.stderr, flush=True)
        return future.result()

    def _wait_for_all(self, futures: Sequence[Future]) -> None:
        """Waits until no worker works on any of these: they may write into a directory that is about to be removed."""
        from distributed import CancelledError, wait
        from distributed.comm import CommClosedError

        if not futures:
            return
        # Their own errors do not matter any more: another one is being told
        with suppress(CancelledError, CommClosedError), self.client.as_current():
            wait(list(futures))


@dataclass(frozen=True)
class _Chunk:
    """Work that is done where it is unpickled.

    Dask unpickles what it sends as it receives it. A worker that then lacks a module hangs up, and the next one as
    well, for ever. Unpickled by the task, it is an error of the task.
    """

    function: Callable[[Any], Any]
    items: Sequence[Any]
    directory: str
    code: str

    def __reduce__(self):
        return _work, (self.function, self.items, self.directory, self.code)


def _work[T, R](function: Callable[[T], R], items: Sequence[T], directory: str, code: str) -> list[R]:
    """Does a chunk of the work: this runs in a worker.

    Args:
        function: What is called.
        items: With each of them.
        directory: Where the command runs that sent them: paths are relative to it.
        code: Digest of this package's code there.
    """
    if code != CODE:
        where = f"a worker on {os.uname().nodename} has another espnet_mtl ({PACKAGE})"
        raise UserError(f"{where}: install the same everywhere, and start the workers again")
    with _ONE_AT_A_TIME:
        try:
            os.chdir(directory)
        except OSError as error:
            raise UserError(
                f"a worker on {os.uname().nodename} does not see {directory} ({error.strerror}): "
                "run in a directory that all machines share"
            ) from error
        return [function(item) for item in items]


@contextmanager
def _told(description: str) -> Iterator[None]:
    """Makes a `UserError` of what Dask raises over lost workers and schedulers."""
    from distributed import CancelledError, KilledWorker
    from distributed.comm import CommClosedError

    try:
        yield
    except KilledWorker as error:
        raise UserError(
            f"{description}: every worker that tried a part of it was killed; perhaps memory ran out: give them more"
        ) from error
    except ModuleNotFoundError as error:
        raise UserError(
            f"{description}: {error} on a worker: install espnet_mtl with its packages everywhere, the same"
        ) from error
    except (CancelledError, CommClosedError) as error:
        raise UserError(f"{description}: the scheduler is lost: start it, and this command again") from error


@contextmanager
def scheduler_at(address: str) -> Iterator[DaskWorkers]:
    """Connects to a scheduler that runs.

    Args:
        address: Such as `tcp://10.0.0.1:8786`.

    Raises:
        UserError: It does not answer, or Dask is not installed.
    """
    check_installed("distributed")
    from distributed import Client

    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:  # a TimeoutError is an OSError
        raise UserError(f"--scheduler {address}: no Dask scheduler answers there ({_line(error)})") from error
    with client:
        yield DaskWorkers(client)


@contextmanager
def cluster_of(kind: str, jobs: int, options: Mapping[str, Any], file: str) -> Iterator[DaskWorkers]:
    """Starts a cluster of one's own, which ends with the work.

    Args:
        kind: `local`, or one of `QUEUES`.
        jobs: How many jobs are submitted (of `local`: processes).
        options: Arguments of the class: of `distributed.LocalCluster`, or that of dask-jobqueue.
        file: Where these were read from, for messages.

    Raises:
        UserError: An option is unknown or wrong, or Dask is not installed.
    """
    check_installed("distributed" if kind == LOCAL else "dask_jobqueue")
    from distributed import Client

    try:
        cluster = _start(kind, jobs, options)
    except (TypeError, ValueError, OSError, RuntimeError) as error:
        raise UserError(f"{file}: {kind}: {_line(error)}") from error
    with cluster, Client(cluster, timeout=CONNECT_S, set_as_default=False) as client:
        yield DaskWorkers(client)


def _start(kind: str, jobs: int, options: Mapping[str, Any]) -> Cluster:
    if kind == LOCAL:
        from distributed import LocalCluster

        given = {"n_workers": jobs, "threads_per_worker": 1, "dashboard_address": ANY_PORT}
        given["silence_logs"] = logging.CRITICAL  # else a worker writes the traceback of what is told in a line
        return LocalCluster(**(given | dict(options)))
    import dask_jobqueue

    cluster_class = getattr(dask_jobqueue, QUEUES[kind])
    submit, *_ = cluster_class.job_cls.submit_command.split()
    # Dask submits in the background, where a command that is missing is told to nobody
    if shutil.which(submit) is None:
        raise FileNotFoundError(f"there is no {submit} on this machine, which submits jobs")
    given = {"scheduler_options": {"dashboard_address": ANY_PORT}}
    cluster = cluster_class(**(given | dict(options)))
    cluster.scale(jobs=jobs)
    return cluster


def _line(error: BaseException) -> str:
    """Says what was first wrong: Dask raises "Nanny failed to start." over a wrong argument."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split()) or type(error).__name__
