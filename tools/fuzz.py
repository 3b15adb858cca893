#!/usr/bin/env python
"""Mutates files at random, and tells whether the stages refuse them with one line or go on without damage.

    tools/fuzz.py --mutations 5000 --seed 0           # all kinds of files
    tools/fuzz.py --kinds metadata "data directory"   # some of them
    tools/fuzz.py --kinds metadata --only 17          # one mutation again, with what was said

Outcomes:
    refused     one line, exit status 2
    as before   whatever was not mutated has the same result as without the mutation, and what is lost is named
    traceback   an exception that is not the user's, the command would have ended with a traceback
    hang        no answer after 20 s of computing, or 3 minutes
    spread      the result of another utterance than the mutated one is different
    lost        an utterance that the mutated file still names is gone, and nothing names it
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))
from fuzzing import base
from fuzzing.targets import TARGETS, Output, Target

from espnet_mtl.errors import USER_ERROR, run_command
from espnet_mtl.system.unicode import normal_name

CPU_SECONDS, SECONDS = 20, 180
"""A command that takes longer hangs: in time of this process, which other processes do not change, and by the clock."""
REFUSED, AS_BEFORE, TRACEBACK, HANG, SPREAD, LOST = "refused", "as before", "traceback", "hang", "spread", "lost"
OUTCOMES = (REFUSED, AS_BEFORE, TRACEBACK, HANG, SPREAD, LOST)
SOUND = (REFUSED, AS_BEFORE)
EVERYONE = "every utterance"
"""What a stage says where it makes something else of all of them."""


class Hang(BaseException):
    """A command took too long; no `except Exception` holds it up."""


@dataclass(frozen=True)
class Result:
    """What became of one mutation: the outcome, the file, and what was said."""

    outcome: str
    file: str
    said: str


class Fuzzer:
    """Mutates the files of a directory, one at a time, each time from the same state.

    Args:
        directory: An empty directory.
        seed: The same seed and number give the same mutation.
    """

    def __init__(self, directory: Path, seed: int):
        self._work, self._sound, self._seed = directory / "work", directory / "sound", seed
        os.environ["XDG_CACHE_HOME"] = str(directory / "cache")
        self._work.mkdir()
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            base.build(self._work)
        shutil.copytree(self._work, self._sound)
        self._expected: dict[str, Output] = {}

    def mutate(self, kind: str, number: int) -> Result:
        """Makes mutation `number` of a kind of files, and runs what reads them."""
        target = TARGETS[kind]
        if kind not in self._expected:
            self._restore()
            said, error = _run(partial(target.run, self._work))
            assert not error, f"{kind}: without any mutation: {said}"
            self._expected[kind] = target.output(self._work)
        self._restore()
        random = Random(f"{self._seed}:{kind}:{number}")
        path = random.choice(sorted(_files(self._work, target)))
        before = path.read_bytes()
        after = random.choice(target.mutations)(before, random)
        path.write_bytes(after)
        said, error = _run(partial(target.run, self._work))
        mutated = {path.stem} | _keys(set(before.split(b"\n")) ^ set(after.split(b"\n")))
        outcome = error or self._compare(target, kind, mutated, after, said)
        return Result(outcome, str(path.relative_to(self._work)), said)

    def _restore(self) -> None:
        shutil.rmtree(self._work)
        shutil.copytree(self._sound, self._work)

    def _compare(self, target: Target, kind: str, mutated: set[str], after: bytes, said: str) -> str:
        """Compares what the stage left with what it leaves without the mutation, which is about some utterances."""
        expected, found = self._expected[kind], target.output(self._work)
        reports = [path.read_text(encoding="utf-8") for path in self._work.glob("d*/**/*report.txt")]
        told = said + "".join(reports)
        still_named = _keys(set(after.split(b"\n")))
        for table, utt in sorted({*expected, *found}):
            if found.get((table, utt)) == expected.get((table, utt)):
                continue
            # A mutated speaker stands before the id of the utterance
            if utt not in told and EVERYONE not in told and not any(name in utt for name in mutated):
                return SPREAD
            gone = not any(utt in key for _, key in found)
            if gone and utt in still_named and utt not in told:
                return LOST
        return AS_BEFORE


def _files(work: Path, target: Target) -> Iterator[Path]:
    for pattern in target.files:
        yield from work.glob(pattern)


def _keys(lines: set[bytes]) -> set[str]:
    """The utterances that lines of a table or of a CSV file are about, as the stages call them."""
    keys = set()
    for line in lines:
        fields = line.replace(b",", b" ").split()
        if fields:
            name = normal_name(fields[0].decode("utf-8", "replace"))
            # Ids of a CSV file begin with a letter or digit
            keys |= {name, name.strip("._")}
    return keys - {""}


def _run(command) -> tuple[str, str]:
    """Runs a command: what it said, and the outcome where it did not go through."""
    said, outcome = io.StringIO(), ""
    logging.disable(logging.CRITICAL)
    try:
        with redirect_stdout(said), redirect_stderr(said), _time_limit():
            run_command(command)
    except SystemExit as leaving:
        outcome = REFUSED if leaving.code == USER_ERROR else TRACEBACK
        said.write(f"exit status {leaving.code}\n")
    except Hang:
        outcome = HANG
        traceback.print_exc(file=said)
    except Exception:
        outcome = TRACEBACK
        traceback.print_exc(file=said)
    finally:
        logging.disable(logging.NOTSET)
    return said.getvalue(), outcome


@contextmanager
def _time_limit() -> Iterator[None]:
    def stop(signum, frame):
        raise Hang

    timers = {signal.ITIMER_PROF: (signal.SIGPROF, CPU_SECONDS), signal.ITIMER_REAL: (signal.SIGALRM, SECONDS)}
    for timer, (alarm, seconds) in timers.items():
        signal.signal(alarm, stop)
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for timer in timers:
            signal.setitimer(timer, 0)


def main() -> None:
    """Parses the command line, mutates, and prints a table; exit status 1 where an outcome is not sound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", type=int, default=200, help="number of them, over all kinds [%(default)s]")
    parser.add_argument("--kinds", nargs="+", default=list(TARGETS), choices=list(TARGETS), help="kinds of files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="make this mutation alone, and print what is said")
    args = parser.parse_args()
    each = -(-args.mutations // len(args.kinds))
    numbers = range(each) if args.only is None else [args.only]
    unsound = 0
    with tempfile.TemporaryDirectory() as directory:
        fuzzer = Fuzzer(Path(directory), args.seed)
        print("| files | mutations |", " | ".join(OUTCOMES), "|")
        print("|---|" + "---|" * (len(OUTCOMES) + 1))
        for kind in args.kinds:
            results = {number: fuzzer.mutate(kind, number) for number in numbers}
            counts = Counter(result.outcome for result in results.values())
            print(f"| {kind} | {len(results)} |", " | ".join(str(counts[name]) for name in OUTCOMES), "|", flush=True)
            for number, result in results.items():
                if args.only is not None:
                    print(result.said)
                if result.outcome not in SOUND:
                    unsound += 1
                    last = result.said.strip().rpartition("\n")[2]
                    print(f"{kind} {number}: {result.outcome}: {result.file}: {last[:300]}", file=sys.stderr)
    sys.exit(1 if unsound else 0)


if __name__ == "__main__":
    main()
