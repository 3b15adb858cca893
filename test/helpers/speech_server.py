"""A server of synthesis on a port of its own, in a thread."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import httpx
import pytest
import uvicorn

from espnet_mtl.system.sockets import bind

PATIENCE_S = 30.0


@dataclass
class Gate:
    """Stands between the sentences of a model, which are said one by one as it is opened.

    Attributes:
        said: Sentences that were let through.
    """

    steps: threading.Semaphore
    said: int = 0

    def open(self, sentences: int = 1) -> None:
        self.steps.release(sentences)


def gated(tts) -> Gate:
    """Puts a gate before each sentence of a model."""
    gate, stream = Gate(threading.Semaphore(0)), tts.stream

    def wait(text, **given):
        for part in stream(text, **given):
            assert gate.steps.acquire(timeout=PATIENCE_S)
            gate.said += 1
            yield part

    tts.stream = wait
    return gate


@contextmanager
def running(tts, **options) -> Iterator[str]:
    """Serves a model, and yields the address."""
    from espnet_mtl.server.app import create_app
    from espnet_mtl.server.options import ServerOptions

    app = create_app(tts, ServerOptions(name="tiny", **options))
    with bind("127.0.0.1", 0) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


@pytest.fixture
def server(tts) -> Iterator[str]:
    """The address of a server of the tiny model."""
    with running(tts) as address:
        yield address


def wait_for(address: str, **wanted: int) -> None:
    """Waits until `/health` tells these numbers."""
    end = time.monotonic() + PATIENCE_S
    found: dict = {}
    while time.monotonic() < end:
        with suppress(httpx.TransportError):
            found = httpx.get(f"{address}/health").json()
        if wanted.items() <= found.items():
            return
        time.sleep(0.02)
    raise AssertionError(f"expected {wanted}, got {found}")
