"""Commands: each reads its command line and calls what does the work.

What a command calls is imported after its command line is read: `--help` and wrong options answer at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def split_options(argv: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """Splits a command line (None: that of the process) at `--` into our options and those passed on."""
    options = list(sys.argv[1:] if argv is None else argv)
    at = options.index("--") if "--" in options else len(options)
    return options[:at], options[at + 1 :]
