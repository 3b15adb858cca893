"""One thin command per stage of the recipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence

INIT_MODEL = "go on from this model: a packed one, an experiment, a URL or user/repo"


def split_options(argv: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """Splits a command line (None: that of the process) at `--` into our options and those passed on."""
    options = list(sys.argv[1:] if argv is None else argv)
    at = options.index("--") if "--" in options else len(options)
    return options[:at], options[at + 1 :]
