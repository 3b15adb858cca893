"""A stage as a process, with all that it starts in a session of its own, so that none of it can get lost."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from campaigning.stages import JUDGES, MODULES, arguments, main_of
from espnet_mtl.errors import run_command

POLL_S = 0.005
TRACKER = b"resource_tracker"
"""In the command line of a process of Python's own, which is no worker."""


@dataclass
class Running:
    """A stage that was started.

    Attributes:
        pid: Id of its process, and of the session of all that it starts.
        file: What it says.
        status: Exit status, below 0 the signal that ended it; None: it runs.
    """

    pid: int
    file: Path
    status: int | None = None

    @property
    def said(self) -> str:
        """What it and its workers have said."""
        return self.file.read_text(encoding="utf-8", errors="replace")

    def ended(self) -> bool:
        """Tells whether it has ended."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def wait(self, seconds: float) -> bool:
        """Waits until it has ended, or the time is up; tells which."""
        return wait_until(self.ended, seconds)

    def kill(self) -> None:
        """Kills its process alone."""
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)

    def kill_session(self) -> None:
        """Kills it and all that it started."""
        for pid in self.members():
            _kill(pid)

    def kill_group(self) -> None:
        """Kills it and all that it started at once, as a shell does."""
        if not self.ended():
            os.killpg(self.pid, signal.SIGKILL)

    def members(self) -> list[int]:
        """Lists the processes of its session that have not ended."""
        pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        return [pid for pid in pids if _session(pid) == self.pid]

    def workers(self) -> list[int]:
        """Lists the processes that it started."""
        return [pid for pid in self.members() if pid != self.pid and TRACKER not in _command_line(pid)]


def wait_until(reached: Callable[[], bool], seconds: float) -> bool:
    """Waits for something, and tells whether it came in time."""
    end = time.monotonic() + seconds
    while not reached():
        if time.monotonic() >= end:
            return False
        time.sleep(POLL_S)
    return True


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):  # it has just ended
        os.kill(pid, signal.SIGKILL)


def _session(pid: int) -> int | None:
    """Returns the session of a process that has not ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, _, _, session, *_ = fields
    return None if state in "ZX" else int(session)


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def start(stage: int, work: Path, file: Path, fresh: bool, nj: int | None = None) -> Running:
    """Starts a stage.

    Args:
        stage: Its number.
        work: The directory that it works in.
        file: Takes what it says.
        fresh: Whether a new Python runs it; else a copy of this process does, which has imported everything.
        nj: Its workers; None: as many as usual.
    """
    words = arguments(stage, work, nj)
    with file.open("wb") as output:
        if fresh:
            module = [sys.executable, "-m", f"espnet_mtl.bin.stages.{MODULES[stage]}"]
            options = {"cwd": work, "stdout": output, "stderr": output, "start_new_session": True}
            return Running(subprocess.Popen([*module, *words], **options).pid, file)
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            if stage == 7:
                os.environ[JUDGES] = "1"
            _become(partial(main_of(stage), words), work, output.fileno())
        return Running(pid, file)


def _become(main: Callable[[], None], work: Path, output: int) -> None:
    """Goes on as the command, in the copy of this process."""
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(work)
        status = _exit_status(main)
        # As Python does when it ends
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
    finally:
        os._exit(status)


def _exit_status(main: Callable[[], None]) -> int:
    try:
        run_command(main)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1
    # What nobody caught ends a command as well, with a traceback
    except Exception:
        traceback.print_exc()
        return 1
    return 0
