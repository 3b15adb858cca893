"""What whoever runs the server decides."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path

from espnet_mtl.errors import UserError
from espnet_mtl.system.files import read_text

TOKEN = "ESPNET_MTL_TOKEN"
"""The variable of the environment that has the token."""
WORKERS, QUEUE = 2, 16
SECONDS = 60.0
CHARACTERS = 4096
"""As many as OpenAI takes."""
MEGABYTES = 8
"""A reference of 20 s at 48 kHz with two channels is 5 MB in base64."""
VISUAL_SECONDS = 20.0
"""To read so much takes a core about 2 s."""

PAGE = "/page"
"""Where the demo page is."""
DOCS = "/docs"


@dataclass(frozen=True)
class ServerOptions:
    """What whoever runs the server decides.

    Attributes:
        name: What clients call the model.
        host: The address that is served on.
        workers: Threads that speak, each one request at a time.
        queue: Requests that wait for one of them; those beyond are refused (503).
        seconds: Until the first sound is made, else 504, and until the last one is, else the answer is cut.
        characters: The most of a text.
        megabytes: The most of a request, in MiB.
        visual_seconds: The most of a video of a face.
        token: What requests must have as `Authorization: Bearer <token>`; "": nothing.
        hosts: Names that clients use for this server besides the machine's; without a token, others are refused.
        origins: Origins of web pages, such as https://example.org, that may send requests.
        page: Whether there is a demo page, too. A browser cannot send a token, so that it goes with none.
        model: What the model was loaded from, for the code that the page shows; "": its name.
    """

    name: str = "espnet_mtl"
    host: str = "127.0.0.1"
    workers: int = WORKERS
    queue: int = QUEUE
    seconds: float = SECONDS
    characters: int = CHARACTERS
    megabytes: int = MEGABYTES
    visual_seconds: float = VISUAL_SECONDS
    token: str = ""
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    page: bool = False
    model: str = ""


def start_path(options: ServerOptions) -> str:
    """Returns the path that a browser is led to: the demo page, or the description of the routes."""
    return f"{PAGE}/" if options.page else DOCS


def read_token(path: Path | None) -> str:
    """Returns the token of a file, or without one of the environment; "": there is none.

    Neither is seen in the list of processes, as an argument would be.

    Raises:
        UserError: The file cannot be read, or what is there cannot be sent in a header.
    """
    place = f"--token {path}" if path else TOKEN
    token = (read_text(path) if path else os.environ.get(TOKEN, "")).strip()
    if (path or token) and not re.fullmatch(r"[!-~]+", token):
        raise UserError(f"{place}: expected a token of letters, digits and signs of ASCII, without spaces")
    return token


def is_open(host: str) -> bool:
    """Tells whether other machines may reach an address."""
    if host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True
