"""Threads that speak, and the bounded waiting line in front of them."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Lock

MOST_AHEAD = 2**25
"""Bytes that are made and not yet sent: a client that reads more slowly is cut off, and costs no more memory."""
NEWEST = 0.2
"""Weight of the last job in the mean of their seconds."""
LONGEST_RETRY = 60
Make = Callable[[], Generator[bytes]]
"""Makes an answer piece by piece; an empty piece says that work goes on."""


class QueueFull(Exception):
    """No place is left in the waiting line.

    Attributes:
        retry_after: Seconds until there is likely one.
    """

    def __init__(self, retry_after: int):
        super().__init__(f"all places are taken: try again in {retry_after} s")
        self.retry_after = retry_after


class SlowReader(Exception):
    """A client reads so slowly that its answer is cut."""


class Job:
    """An answer that a thread makes, and one client waits for. All methods are called in the event loop's thread."""

    def __init__(self) -> None:
        self.cancelled = Event()
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._future: Future[None] = Future()
        self._ahead = 0
        self._too_far = False

    def begin(self, future: Future[None]) -> None:
        """Notes what its thread will return, or raise."""
        self._future = future
        future.add_done_callback(lambda done: self.from_thread(None))

    def from_thread(self, piece: bytes | None) -> None:
        """Hands over a piece from any thread; None: there are no more."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._arrive, piece)

    def _arrive(self, piece: bytes | None) -> None:
        # One piece may be larger: that of a file that is sent as a whole
        if piece and self._ahead > MOST_AHEAD:
            self._too_far = True
            self.cancelled.set()
        self._pieces.put_nowait(piece)
        self._ahead += len(piece or b"")

    async def next(self) -> bytes | None:
        """Waits for the next piece; None: there are no more.

        Raises:
            SlowReader: Too much was made and not asked for.
            Exception: What making it raised.
        """
        if self._too_far:
            raise SlowReader
        piece = await self._pieces.get()
        if piece is None:
            self._future.result()
            return None
        self._ahead -= len(piece)
        return piece

    def cancel(self) -> None:
        """Ends it: at once if it waits, else when its sentence has been spoken."""
        self.cancelled.set()
        self._future.cancel()


class Jobs:
    """Threads that work off jobs in the order in which they came.

    Args:
        workers: Number of threads.
        queue: Jobs that may wait.
    """

    def __init__(self, workers: int, queue: int):
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="speak")
        self._workers, self._most = workers, workers + queue
        self._lock = Lock()
        self._unfinished = 0
        self._mean_seconds = 1.0
        self.running = 0

    @property
    def waiting(self) -> int:
        """Jobs that no thread has begun."""
        return self._unfinished - self.running

    def start(self, make: Make) -> Job:
        """Puts a job into the line.

        Raises:
            QueueFull: There is no place.
        """
        with self._lock:
            if self._unfinished >= self._most:
                raise QueueFull(self._retry_after())
            self._unfinished += 1
        job = Job()
        future = self._pool.submit(self._work, job, make)
        # First: whoever sees that a job has ended finds its place free
        future.add_done_callback(self._count_end)
        job.begin(future)
        return job

    def _retry_after(self) -> int:
        rounds = self._unfinished / self._workers
        return min(LONGEST_RETRY, max(1, math.ceil(self._mean_seconds * rounds)))

    def _work(self, job: Job, make: Make) -> None:
        begin = time.perf_counter()
        with self._lock:
            self.running += 1
        pieces = make()
        try:
            while not job.cancelled.is_set() and (piece := next(pieces, None)) is not None:
                if piece:
                    job.from_thread(piece)
        finally:
            pieces.close()
            with self._lock:
                self.running -= 1
                self._mean_seconds += NEWEST * (time.perf_counter() - begin - self._mean_seconds)

    def _count_end(self, done: Future[None]) -> None:
        with self._lock:
            self._unfinished -= 1

    async def close(self) -> None:
        """Lets what is being spoken end, and nothing else begin."""
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)
