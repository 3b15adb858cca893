"""The one error that a user's mistake raises, and how a command reports it."""

from __future__ import annotations

import reprlib
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

USER_ERROR = 2
"""Exit status after a user's mistake."""


class UserError(Exception):
    """What is wrong, where (file, line, utterance, key) and what would be right.

    Commands print its message and exit with status 2, without a traceback.
    """


def shown(value: object) -> str:
    """Writes a value for a message: what is long or nested is cut, so that it stays a line."""
    writer = reprlib.Repr(maxlevel=3, maxdict=8, maxlist=8, maxtuple=8, maxset=8, maxstring=80, maxother=80)
    try:
        return writer.repr(value)
    except ValueError:  # Python refuses to write numbers of thousands of digits
        return f"a {type(value).__name__} that is too long to be shown"


def one_of(kind: str, name: object, valid: Iterable[str]) -> UserError:
    """Builds the error for a name that is not among the valid ones (of a long list: the likeliest first)."""
    valid = sorted(valid)
    text = name if isinstance(name, str) else shown(name)
    near = get_close_matches(text[:80], valid, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return UserError(f"unknown {kind} {shown(name)}: {hint}Valid: {', '.join(valid) or '(none)'}")


@contextmanager
def users_code(where: str) -> Iterator[None]:
    """Makes whatever code of the user's own raises a `UserError` that names the line of that code.

    Args:
        where: What runs the code, such as `tasks.loud: my_heads:Loudest`.
    """
    try:
        yield
    except UserError:
        raise
    # It is not our code: it may raise anything, and may even leave by itself
    except (Exception, SystemExit) as error:
        place = _place(error)
        raise UserError(f"{where}: {place and place + ': '}{type(error).__name__}: {error}") from error


def _place(error: BaseException) -> str:
    """Returns `file:line` of the last line of the user's own code that an error came through; "" if there is none."""
    paths = sysconfig.get_paths()
    not_theirs = (str(Path(__file__).parent), paths["stdlib"], paths["purelib"], paths["platlib"], "<frozen")
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f"{frame.filename}:{frame.lineno}" for frame in frames if not frame.filename.startswith(not_theirs)]
    return theirs[-1] if theirs else ""


def run_command(main: Callable[[], None]) -> None:
    """Runs a command line entry point; a `UserError` becomes one line and exit status 2."""
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(USER_ERROR)
    except KeyboardInterrupt:
        sys.exit(130)
