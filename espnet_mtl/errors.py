"""The one error that a user's mistake raises, and how a command reports it."""

from __future__ import annotations

import errno
import os
import re
import reprlib
import shutil
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

USER_ERROR = 2
"""Exit status after a user's mistake."""
INTERRUPTED = 130
NO_READER = 141
"""Exit statuses after Ctrl-C, and where nobody reads what is printed any more, as shells give them."""

NO_ROOM = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room, or ask for a larger quota",
    errno.EFBIG: "raise the limit on the size of a file (ulimit -f)",
}
"""Errors of writing on where there is no room, and what helps."""
_CHOOSE = "choose a directory that may be written to, or change its permissions"
REMEDIES = {
    **NO_ROOM,
    errno.EROFS: "choose a directory that may be written to",
    errno.EACCES: _CHOOSE,
    errno.EPERM: _CHOOSE,
    errno.ENOTDIR: "a part of this path that should be a directory is a file",
    errno.EISDIR: "name a file",
    errno.EEXIST: "a directory is needed here, and this is a file",
    errno.ELOOP: "a link of this path leads back to itself",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EMFILE: "raise the limit on open files (ulimit -n), or lower --nj",
    errno.ENFILE: "close other programs, or lower --nj",
    errno.ENOMEM: "lower --nj or, of a training, batch_bins",
    errno.EAGAIN: "lower --nj: the system gives no more processes",
}
"""What helps after an error of the system."""
_NO_MEMORY = re.compile(
    "out of memory|(can't|cannot) allocate memory|not enough memory|failed to map segment|ALLOC_FAILED", re.IGNORECASE
)
"""How PyTorch, CUDA and the system say that there is no memory left."""
_KILLED_LOADER = re.compile(r"DataLoader worker \(pid.*?\) (is killed by signal|exited unexpectedly)")


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


@contextmanager
def downloading(what: str) -> Iterator[None]:
    """Makes a `UserError` of whatever ends a download by a package, unless the disk is full.

    Args:
        what: What the error says first, such as "cannot download <url>".
    """
    try:
        yield
    except UserError:
        raise
    # Packages count on the answer of a server in order: over any other one they may raise anything
    except Exception as error:
        _close_connection(error)
        if no_room(error):
            raise
        reason = str(error).strip().partition("\n")[0]
        if not isinstance(error, (OSError, ValueError)):
            reason = f"{type(error).__name__}: {reason}"
        raise UserError(f"{what}: {reason}") from error


def _close_connection(error: Exception) -> None:
    # espnet_model_zoo leaves the answer of a server that refuses, 404 say, unread; its error keeps it open
    response = getattr(error, "response", None)
    if response is not None:
        response.close()


def _place(error: BaseException) -> str:
    """Returns `file:line` of the last line of the user's own code that an error came through; "" if there is none."""
    paths = sysconfig.get_paths()
    not_theirs = (str(Path(__file__).parent), paths["stdlib"], paths["purelib"], paths["platlib"], "<frozen")
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f"{frame.filename}:{frame.lineno}" for frame in frames if not frame.filename.startswith(not_theirs)]
    return theirs[-1] if theirs else ""


def no_room(error: BaseException) -> OSError | None:
    """Finds the error of a full disk that an error is or was raised over: PyTorch says "unexpected pos" of one."""
    current: BaseException | None = error
    while current is not None:
        if isinstance(current, OSError) and current.errno in NO_ROOM:
            return current
        current = current.__cause__ or current.__context__
    return None


def system_error(error: BaseException) -> str | None:
    """Says in one line what the system refused (room, a permission, memory), and what helps; None for other errors."""
    return _system_error(no_room(error) or error)


def _system_error(error: BaseException) -> str | None:
    message = " ".join(_original_message(error).split())
    if _no_memory(error):
        return f"out of memory{message and f' ({message})'}: lower --nj or, of a training, batch_bins"
    if _KILLED_LOADER.search(message):
        return f"{message} Perhaps memory ran out: lower num_workers or batch_bins"
    if isinstance(error, OSError):
        return _refused(error, message)
    return None


def _no_memory(error: BaseException) -> bool:
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or bool(_NO_MEMORY.search(_original_message(error)))


@contextmanager
def memory_needed(remedy: str) -> Iterator[None]:
    """Makes a `UserError` of memory that ran out, of the GPU or not, which says what helps."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # PyTorch's own is a RuntimeError
        if not _no_memory(error):
            raise
        message = " ".join(str(error).split())
        raise UserError(f"out of memory{message and f' ({message})'}: {remedy}") from error


def ran_out_of_memory(error: BaseException) -> bool:
    """Tells whether an error was raised over memory that ran out."""
    current: BaseException | None = error
    while current is not None:
        if _no_memory(current) and not isinstance(current, UserError):
            return True
        current = current.__cause__
    return False


def read_system_error(message: str) -> OSError | None:
    """Makes an error of the system of its text, such as `[Errno 28] No space left on device`; None of other texts."""
    found = re.search(r"\[Errno (\d+)\] [^:]*(?:: '(.*)')?$", message)
    return OSError(int(found[1]), os.strerror(int(found[1])), found[2]) if found else None


def _refused(error: OSError, message: str) -> str | None:
    """Says what the system refused, and where."""
    if error.errno is None:  # PyTorch brought its text from another process
        read = read_system_error(message)
        return _refused(read, message) if read else None
    # Of two names, such as those of a copy, the second is what is written
    number, path = error.errno, error.filename2 or error.filename
    said = os.strerror(number)
    if number in NO_ROOM:
        place = path or f"one of {Path.cwd()}, the directory of temporary files and /dev/shm"
        return f"{place}: {said.lower()}{_free(path)}: {NO_ROOM[number]}, and run the same command again"
    remedy = REMEDIES.get(number)
    return (f"{path}: " if path else "") + said + (f": {remedy}" if remedy else "")


def _free(path: str | None) -> str:
    """Tells how much room is left on the disk of a path."""
    absolute = Path(path or ".").absolute()
    try:
        existing = next(place for place in (absolute, *absolute.parents) if place.exists())
        free = shutil.disk_usage(existing).free
    except OSError:
        return ""
    return f" ({free / 1e6:.1f} MB free after clean-up)"


def _original_message(error: BaseException) -> str:
    """The message of an error; of one that PyTorch brought from another process with a traceback, the last line."""
    message = str(error)
    if "\nOriginal Traceback" in message:
        return message.rstrip().splitlines()[-1].partition(": ")[2]
    return message


def run_command(main: Callable[[], None]) -> None:
    """Runs a command line entry point.

    A `UserError`, what the system refuses, and a package that is not installed become one line and exit status 2.
    """
    threading.excepthook = _thread_failed
    try:
        main()
        sys.stdout.flush()
    except UserError as error:
        _end_with(_original_message(error))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "espnet_mtl":
            raise
        _end_with(f"{error.name} is not installed: pip install 'espnet_mtl[train]' brings all that the recipe needs")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Python would complain once more when it flushes what nobody reads.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(NO_READER)
    # Anything may be raised over a full disk: what has no such cause goes on as it is
    except Exception as error:
        line = system_error(error)
        if line is None:
            raise
        _end_with(line)


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    """Says in one line what the system refused to a thread, such as TensorBoard's, which writes its files in one."""
    line = failed.exc_value and system_error(failed.exc_value)
    if line:
        print(f"warning: {line}", file=sys.stderr)
    else:
        threading.__excepthook__(failed)


def _end_with(line: str) -> None:
    print(f"error: {line}", file=sys.stderr)
    sys.exit(USER_ERROR)
