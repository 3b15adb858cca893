"""What happens to a stage while it works. Each disturbance says what it did, and what should not have been."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from campaigning.contents import contents, differences
from campaigning.mounts import read_only, room_taken, small_disk
from campaigning.processes import Running, start, wait_until

HANGS_S = 600
"""A stage that takes longer hangs."""
WORKERS, MOST_STARTS = 2, 5
YEARS_S = 10 * 365 * 86400


@dataclass
class Trial:
    """A stage that is about to be disturbed.

    Attributes:
        stage: Its number.
        state: A copy of the directory as the stage before has left it.
        work: The directory.
        said: Directory for what is said.
        seconds: How long the stage took undisturbed.
        expected: What it left then.
        room: Bytes that are taken then.
        random: The same for the same seed and number of the trial.
        fresh: Whether a new Python runs the stage.
        started: All that has been started.
        faults: What should not have been.
    """

    stage: int
    state: Path
    work: Path
    said: Path
    seconds: float
    expected: Mapping[str, str]
    room: int
    random: Random
    fresh: bool
    started: list[Running] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def restore(self) -> None:
        """Lets the directory be as the stage before has left it."""
        shutil.rmtree(self.work)
        shutil.copytree(self.state, self.work, symlinks=True)

    def start(self, nj: int | None = None) -> Running:
        """Starts the stage, with `nj` workers or as many as usual."""
        running = start(self.stage, self.work, self.said / f"run_{len(self.started)}", self.fresh, nj)
        self.started.append(running)
        return running

    def run(self) -> Running:
        """Runs the stage to its end."""
        running = self.start()
        self.wait(running)
        return running

    def wait(self, running: Running) -> None:
        """Waits until the stage ends; kills it where it hangs, or where the campaign is interrupted."""
        try:
            if not running.wait(HANGS_S):
                self.faults.append(f"no end after {HANGS_S} s")
        finally:
            if not running.ended():
                running.kill_session()
                running.wait(HANGS_S)

    def moment(self, share: float = 1.0) -> float:
        """Draws a time within the stage, or within a first part of it, in s."""
        return self.random.uniform(0, share * self.seconds)

    def check_refusal(self, running: Running) -> None:
        """Makes sure that a stage that failed has said so in one line."""
        if running.status == 0:
            self.faults.append("it ended well")
            return
        said = running.said
        errors = {line.partition("error: ")[2] for line in said.splitlines() if "error: " in line}
        if len(errors) != 1:
            self.faults.append(f"{len(errors)} lines of error, exit status {running.status}")
        for word in ("Traceback", "Exception ignored"):
            if word in said:
                self.faults.append(f"{word} in what it said")


Disturbance = Callable[[Trial], str]
"""Disturbs a stage, and returns what was done; "" where it could not be."""


def kill_group(trial: Trial) -> str:
    """Kills the stage and its workers at once."""
    return _killed(trial, Running.kill_group)


def kill_driver(trial: Trial) -> str:
    """Kills the stage alone; its workers are to end by themselves, while the stage is called again at once."""
    return _killed(trial, Running.kill)


def _killed(trial: Trial, kill: Callable[[Running], None]) -> str:
    running, moment = _interrupted(trial)
    if running is None:
        return ""
    kill(running)
    trial.wait(running)
    return f"at {moment:.2f} of {trial.seconds:.2f} s"


def kill_worker(trial: Trial) -> str:
    """Kills a worker: its work is done again, or the stage ends with a line."""
    running, moment = _interrupted(trial)
    if running is None:
        return ""
    wait_until(lambda: running.ended() or bool(running.workers()), HANGS_S)
    workers = running.workers()
    if running.ended() or not workers:
        trial.wait(running)
        return ""
    os.kill(trial.random.choice(workers), signal.SIGKILL)
    trial.wait(running)
    if running.status:
        trial.check_refusal(running)
    return f"at {moment:.2f} of {trial.seconds:.2f} s: exit status {running.status}"


def _interrupted(trial: Trial) -> tuple[Running | None, float]:
    """Starts the stage, and returns it at a random moment; None where it was over each time."""
    seconds = trial.seconds
    for _ in range(MOST_STARTS):
        running = trial.start(WORKERS)
        moment = trial.random.uniform(0, seconds)
        begun = time.monotonic()
        if not running.wait(moment):
            return running, moment
        # The machine was slower when the time was taken
        seconds = time.monotonic() - begun
        trial.restore()
    return None, 0.0


def full_disk(trial: Trial) -> str:
    """Gives the stage a part of the room that it needs."""
    taken = room_taken(trial.work)
    share = trial.random.uniform(0, 0.9)
    size = taken + round(share * (trial.room - taken))
    said = _refused(trial, small_disk(trial.work, size))
    return f"{share:.0%} of the room: {said}"


def read_only_disk(trial: Trial) -> str:
    """Lets the stage write nowhere."""
    return _refused(trial, read_only(trial.work))


def _refused(trial: Trial, disk: AbstractContextManager[None]) -> str:
    with disk:
        running = trial.run()
    trial.check_refusal(running)
    return running.said.rpartition("error: ")[2].strip()[:150]


def two_at_once(trial: Trial) -> str:
    """Runs the stage twice at the same time: both end well, or one refuses with a line."""
    first = trial.start()
    delay = trial.random.choice([0.0, trial.moment(0.5)])
    time.sleep(delay)
    second = trial.start()
    both = (first, second)
    for running in both:
        trial.wait(running)
        if running.status:
            trial.check_refusal(running)
    if first.status and second.status:
        trial.faults.append("neither ended well")
    for difference in differences(trial.expected, contents(trial.work)):
        trial.faults.append(f"after both: {difference}")
    return f"the second {delay:.2f} s after the first: exit status {first.status} and {second.status}"


def other_times(trial: Trial) -> str:
    """Lets the stage end, or kills it; then the times of all files are others."""
    done = kill_group(trial) if trial.random.random() < 0.5 else f"whole, exit status {trial.run().status}"
    kind = trial.random.choice(["all 1970", "all now", "all in years", "each another"])
    now = time.time()
    for path in [trial.work, *trial.work.rglob("*")]:
        moment = {"all 1970": 1.0, "all now": now, "all in years": now + YEARS_S}.get(kind)
        if moment is None:
            moment = trial.random.uniform(1, now + YEARS_S)
        os.utime(path, (moment, moment), follow_symlinks=False)
    return f"{done}; times: {kind}"


def nothing(trial: Trial) -> str:
    """Runs the stage: called again, it leaves the same."""
    return f"exit status {trial.run().status}"


KILLS: Mapping[str, Disturbance] = {"kill all": kill_group, "kill the driver": kill_driver}
ON_DISKS: Mapping[str, Disturbance] = {"full disk": full_disk, "read-only": read_only_disk}
"""Those that mount."""
OTHERS: Mapping[str, Disturbance] = {
    "again": nothing,
    "kill a worker": kill_worker,
    "two at once": two_at_once,
    "other times": other_times,
    **ON_DISKS,
}
DISTURBANCES = {**KILLS, **OTHERS}
