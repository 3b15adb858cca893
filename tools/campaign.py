#!/usr/bin/env python
"""Disturbs the stages of the recipe, calls them again, and compares what they wrote with what they write undisturbed.

    tools/campaign.py --work /tmp/campaign                                    # all stages, all disturbances
    tools/campaign.py --work /tmp/campaign --stages 3 5 --kills 100 --seed 1  # some stages, killed more often
    tools/campaign.py --work /tmp/campaign --stages 2 --disturbances "two at once" --others 20

Disturbances:
    kill all         SIGKILL to the stage and its workers, at a random point of the time that it takes
    kill the driver  SIGKILL to the stage alone: its workers end by themselves
    again            none: the stage is run twice
    kill a worker    SIGKILL to one of its workers: the stage does the work again, or ends with a line
    two at once      the same command twice at the same time: both succeed, or one refuses with a line
    other times      modification times that are all equal, long past, yet to come, or in any order
    full disk        a part of the room that the stage needs (where this process may mount)
    read-only        nowhere to write (where this process may mount)

After each, the same command is run undisturbed. It must succeed, and leave what a stage leaves that nothing disturbed:
the same files with the same content, no temporary ones, and no process.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))
from campaigning.contents import contents, differences
from campaigning.disturbances import DISTURBANCES, KILLS, ON_DISKS, Trial
from campaigning.mounts import may_mount, room_taken
from campaigning.processes import Running, wait_until
from campaigning.stages import JUDGES, MODULES, keep_some, learn_little, preload, write_config

ENDING_S = 10
"""How long workers may take to end by themselves."""
MOST_NAMED = 5


@dataclass(frozen=True)
class Result:
    """What became of one try.

    Attributes:
        stage: Number of the stage.
        disturbance: One of `DISTURBANCES`.
        number: That of the try.
        done: What was done; "": it could not be.
        faults: What should not have been.
    """

    stage: int
    disturbance: str
    number: int
    done: str
    faults: Sequence[str]


@dataclass(frozen=True)
class Reference:
    """What a stage does undisturbed: how long it takes, what is there then, and how much room that takes."""

    seconds: float
    contents: dict[str, str]
    room: int


class Campaign:
    """Disturbs stages, each time in the same state of one directory.

    Args:
        directory: An empty directory.
        seed: The same seed, stage, disturbance and number are the same try (but for the speed of the machine).
        fresh: Whether a new Python runs a stage each time.
    """

    def __init__(self, directory: Path, seed: int, fresh: bool = False):
        self._directory, self._seed, self._fresh = directory, seed, fresh
        self._work, self._said, self._states = directory / "work", directory / "said", directory / "states"
        self._references: dict[int, Reference] = {}
        for path in (self._work, self._said, self._states):
            path.mkdir(parents=True)
        write_config(self._work)

    def make_reference(self, last: int) -> None:
        """Runs the stages undisturbed, up to the last one."""
        for stage in range(1, last + 1):
            if stage == 2:
                keep_some(self._work / "data")
            shutil.copytree(self._work, self._states / str(stage), symlinks=True)
            trial = self._trial(stage, "reference", 0, Reference(0.0, {}, 0))
            begun = time.monotonic()
            running = trial.run()
            seconds = time.monotonic() - begun
            if running.status:
                sys.exit(f"stage {stage} fails undisturbed:\n{running.said}")
            self._references[stage] = Reference(seconds, contents(self._work), room_taken(self._work))
            print(f"stage {stage}: {seconds:.1f} s undisturbed", flush=True)

    def disturb(self, stage: int, disturbance: str, number: int) -> Result:
        """Disturbs a stage, calls it again, and compares."""
        trial = self._trial(stage, disturbance, number, self._references[stage])
        trial.restore()
        try:
            done = DISTURBANCES[disturbance](trial)
            again = trial.run()
            faults = trial.faults
            if again.status:
                faults.append(f"called again, it ended with status {again.status}")
            faults += _left_running(trial)
        finally:
            _end(trial.started)
        faults += differences(trial.expected, contents(self._work))
        if faults:
            self._keep(f"{stage}-{disturbance}-{number}".replace(" ", "_"))
        return Result(stage, disturbance, number, done, faults)

    def _trial(self, stage: int, disturbance: str, number: int, reference: Reference) -> Trial:
        shutil.rmtree(self._said)
        self._said.mkdir()
        random = Random(f"{self._seed}:{stage}:{disturbance}:{number}")
        measured = (reference.seconds, reference.contents, reference.room)
        state = self._states / str(stage)
        return Trial(stage, state, self._work, self._said, *measured, random, self._fresh)

    def _keep(self, name: str) -> None:
        """Keeps what a try has left that went wrong, and what was said."""
        failed = self._directory / "failed" / name
        shutil.copytree(self._work, failed / "work", symlinks=True)
        shutil.copytree(self._said, failed / "said")
        print(f"kept: {failed}", file=sys.stderr, flush=True)


def _left_running(trial: Trial) -> Iterator[str]:
    """Names processes that the stage has left, and ends them."""
    for running in trial.started:
        if wait_until(lambda running=running: not running.members(), ENDING_S):
            continue
        yield f"{len(running.members())} processes run on"
        running.kill_session()


def _end(started: Sequence[Running]) -> None:
    """Ends what has been started, where this program is interrupted."""
    for running in started:
        running.kill_session()


def table(results: Sequence[Result]) -> str:
    """Counts tries and those that left the same, by stage and disturbance, as a table in Markdown."""
    names = [name for name in DISTURBANCES if any(result.disturbance == name for result in results)]
    lines = ["| stage | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for stage in sorted({result.stage for result in results}):
        cells = []
        for name in names:
            tries = [
                result for result in results if (result.stage, result.disturbance) == (stage, name) and result.done
            ]
            same = sum(not result.faults for result in tries)
            cells.append(f"{same} of {len(tries)}" if tries else "")
        lines.append(f"| {stage} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def tries(args: argparse.Namespace) -> Iterator[tuple[int, str, int]]:
    """Lists what to do: stage, disturbance, number. Kills are shared by their kinds."""
    for stage in args.stages:
        for name in args.disturbances:
            if name not in KILLS:
                yield from ((stage, name, number) for number in range(args.others))
        kinds = [name for name in KILLS if name in args.disturbances]
        for number in range(args.kills if kinds else 0):
            yield stage, kinds[number % len(kinds)], number


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line, disturbs, and prints a table; exit status 1 where something is not the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stages", nargs="+", type=int, default=list(MODULES), choices=list(MODULES), metavar="N")
    parser.add_argument("--kills", type=int, default=20, help="tries of a stage with SIGKILL [%(default)s]")
    parser.add_argument("--others", type=int, default=3, help="tries of each other disturbance [%(default)s]")
    parser.add_argument("--disturbances", nargs="+", default=list(DISTURBANCES), choices=list(DISTURBANCES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, required=True, help="a new directory; what went wrong stays in it")
    parser.add_argument("--json", type=Path, help="file for every result")
    parser.add_argument("--fresh", action="store_true", help="a new Python for each stage, which takes longer")
    args = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(128 + signum))
    directory = args.work.absolute()
    if directory.exists() and any(directory.iterdir()):
        parser.error(f"--work {directory} is not empty: name a new directory")
    if not may_mount():
        print("no disk can be mounted here: " + " and ".join(ON_DISKS) + " are left out", file=sys.stderr)
        args.disturbances = [name for name in args.disturbances if name not in ON_DISKS]
    results = run(args, directory)
    print(table(results))
    sys.exit(1 if any(result.faults for result in results) else 0)


def run(args: argparse.Namespace, directory: Path) -> list[Result]:
    """Makes all tries, and tells of each."""
    temporary = directory / "tmp"
    temporary.mkdir(parents=True)
    os.environ |= {"XDG_CACHE_HOME": str(directory / "cache"), "TMPDIR": str(temporary)}
    tempfile.tempdir = None  # it may have been chosen before
    if not args.fresh:
        preload()
    campaign = Campaign(directory, args.seed, args.fresh)
    campaign.make_reference(max(args.stages))
    results = []
    for stage, disturbance, number in tries(args):
        result = campaign.disturb(stage, disturbance, number)
        results.append(result)
        if args.json:
            args.json.write_text(json.dumps([asdict(one) for one in results], indent=1) + "\n", encoding="utf-8")
        verdict = "; ".join(result.faults[:MOST_NAMED]) or "same"
        if not result.done:
            verdict = "not possible"
        print(f"stage {stage}, {disturbance} {number}: {result.done}: {verdict}", flush=True)
    return results


if __name__ == "__mp_main__" and JUDGES in os.environ:  # a worker of stage 7
    learn_little()
if __name__ == "__main__":
    main()
