"""The one error that a user's mistake raises, and how a command reports it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from difflib import get_close_matches

USER_ERROR = 2
"""Exit status after a user's mistake."""


class UserError(Exception):
    """What is wrong, where (file, line, utterance, key) and what would be right.

    Commands print its message and exit with status 2, without a traceback.
    """


def one_of(kind: str, name: object, valid: Iterable[str]) -> UserError:
    """Builds the error for a name that is not among the valid ones (of a long list: the likeliest first)."""
    valid = sorted(valid)
    near = get_close_matches(str(name), valid, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return UserError(f"unknown {kind} {name!r}: {hint}Valid: {', '.join(valid) or '(none)'}")


def run_command(main: Callable[[], None]) -> None:
    """Runs a command line entry point; a `UserError` becomes one line and exit status 2."""
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(USER_ERROR)
    except KeyboardInterrupt:
        sys.exit(130)
