"""An address for a page that is served to a browser."""

from __future__ import annotations

import socket

from espnet_mtl.errors import UserError


def bind(host: str, port: int) -> socket.socket:
    """Takes an address; port 0 is any free one.

    Raises:
        UserError: The address cannot be had.
    """
    if not 0 <= port < 2**16:
        raise UserError(f"--port {port}: expected 0 to 65535")
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise UserError(f"--host {host} --port {port}: {error.strerror}; --port 0 takes any free one") from error
