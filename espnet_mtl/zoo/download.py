"""Models from elsewhere, through espnet_model_zoo (imported only where it is needed: that takes seconds)."""

from __future__ import annotations

import hashlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from espnet_mtl.errors import downloading
from espnet_mtl.system.files import naming
from espnet_mtl.system.imports.pyworld import IMPORTING


def download(url: str, cachedir: Path) -> Path:
    """Downloads the archive behind an http(s) URL unless this version of it is in `cachedir`.

    Raises:
        UserError: The server cannot be reached or does not have it.
    """
    with quiet(), naming(cachedir), downloading(f"cannot download {url}"):
        return Path(_downloader(cachedir).download(url, quiet=not sys.stderr.isatty()))


def find_repository(name: str, cachedir: Path) -> Path | str:
    """Finds "user/repo[@revision]": its URL where espnet_model_zoo's table has it, else its snapshot.

    Raises:
        UserError: Neither has it, the network is out of reach, or the download broke off.
    """
    with quiet(), naming(cachedir), downloading(f"{name} is neither a file here nor found on Hugging Face"):
        downloader = _downloader(cachedir)
        url = downloader.get_url(name)
        return url if not url.endswith("huggingface.co") else Path(downloader.huggingface_download(name))


def _downloader(cachedir: Path) -> Any:
    import requests
    from espnet_model_zoo.downloader import ModelDownloader

    class Downloader(ModelDownloader):
        @staticmethod
        def _get_file_name(url: str) -> str:
            # A server may change the file behind a URL
            headers = requests.head(url, allow_redirects=True, timeout=30).headers
            version = "".join(headers.get(key, "") for key in ("ETag", "Last-Modified", "Content-Length"))
            name = ModelDownloader._get_file_name(url)
            return f"{hashlib.sha256(version.encode()).hexdigest()[:16]}-{name}"

    return Downloader(cachedir)


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps what espnet_model_zoo prints and warns of from the user; one thread at a time, since that is the process's.

    Another thread that loads its first model waits for a download.
    """
    with IMPORTING, warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore")
        yield
