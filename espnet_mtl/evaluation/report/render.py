"""Filling the templates of this package."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import lru_cache
from typing import Any


def render(template: str, content: Mapping[str, Any]) -> str:
    """Fills a template, named by its path in this package, e.g. `evaluation/report/report.html.j2`."""
    return _environment().get_template(template).render(content)


@lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("espnet_mtl", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def data_uri(kind: str, content: bytes) -> str:
    """Holds a file of a media type, e.g. "image/png", in an address, so that a page needs no other file."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
