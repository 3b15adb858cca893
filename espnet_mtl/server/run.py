"""Serving: from an address to a server that ends well."""

from __future__ import annotations

import socket

import uvicorn

from espnet_mtl.inference.base import BaseText2Speech
from espnet_mtl.server.app import create_app
from espnet_mtl.server.logs import log_as_json
from espnet_mtl.server.options import ServerOptions, start_path

MOST_CONNECTIONS = 256
"""Beside those that are spoken or wait: clients that read, or keep their connection open."""
LAST_WORDS_S = 30
"""Seconds in which answers may end when the server is told to."""


def serve(tts: BaseText2Speech, options: ServerOptions, listening: socket.socket) -> None:
    """Serves a model until SIGINT or SIGTERM; answers that have begun are then sent to their end.

    Args:
        tts: The model.
        options: What whoever runs the server decides.
        listening: The socket to serve on.
    """
    log_as_json()
    app = create_app(tts, options)  # of the page, this takes a while
    address = f"http://{options.host}:{listening.getsockname()[1]}"
    print(f"Speech: {address}{start_path(options)} (Ctrl-C ends it)", flush=True)
    most = MOST_CONNECTIONS + options.workers + options.queue
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        log_level="warning",
        limit_concurrency=most,
        timeout_graceful_shutdown=LAST_WORDS_S,
        server_header=False,
    )
    uvicorn.Server(config).run(sockets=[listening])
