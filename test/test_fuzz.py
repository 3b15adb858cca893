"""Files mutated at random are refused with one line, or do no damage; and the harness sees it where they do."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import fuzz  # noqa: E402
from fuzzing.targets import TARGETS, Target  # noqa: E402

EACH = 4


def test_mutated_files_do_no_damage():
    command = [sys.executable, str(ROOT / "tools/fuzz.py"), "--mutations", str(EACH * len(TARGETS)), "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


class Bare(fuzz.Fuzzer):
    """A fuzzer of one table, which a command of the test reads."""

    def __init__(self, directory):
        self._work, self._sound, self._seed = directory / "work", directory / "sound", 0
        self._sound.mkdir()
        self._work.mkdir()
        (self._sound / "table").write_text("u1 1\nu2 2\nu3 3\n")
        self._expected = {}


def lines(work):
    return (work / "left").read_text().splitlines()


def read(work):
    return {("table", line.split()[0]): line for line in lines(work)}


def copies(work):
    (work / "left").write_text((work / "table").read_text())


def forgets(work):
    copies(work)
    if (work / "table").read_text() != "u1 1\nu2 2\nu3 3\n":
        (work / "left").write_text("".join(line + "\n" for line in lines(work) if not line.startswith("u1")))


def renames(work):
    (work / "left").write_text((work / "table").read_text().replace("/", "_").removeprefix("."))


def tells(work):
    copies(work)
    total = sum(int(line.split()[1]) for line in lines(work))
    (work / "left").write_text("".join(f"{line} of {total}\n" for line in lines(work)))
    print("the result of every utterance may be another one")


def fails(work):
    copies(work)
    if (work / "table").read_text() != "u1 1\nu2 2\nu3 3\n":
        raise KeyError("u1")


def waits(work):
    copies(work)
    # Nothing is open while it waits: the interruption would leave it so
    mutated = (work / "table").read_text() != "u1 1\nu2 2\nu3 3\n"
    while mutated:
        pass


@pytest.mark.parametrize(
    ("run", "change", "outcome"),
    [
        (copies, b"u1 1\nu2 9\nu3 3\n", fuzz.AS_BEFORE),
        (copies, b"u1 1\nu3 3\n", fuzz.AS_BEFORE),
        (forgets, b"u1 1\nu2 9\nu3 3\n", fuzz.SPREAD),
        (renames, b".u/1 1\nu2 2\nu3 3\n", fuzz.AS_BEFORE),
        (tells, b"u1 1\nu2 9\nu3 3\n", fuzz.AS_BEFORE),
        (forgets, b"u1 9\nu2 2\nu3 3\n", fuzz.LOST),
        (fails, b"u1 1\n", fuzz.TRACEBACK),
        (waits, b"u1 1\n", fuzz.HANG),
    ],
)
def test_every_outcome_is_seen(tmp_path, monkeypatch, run, change, outcome):
    target = Target(("table",), (lambda data, random: change,), run, read)
    monkeypatch.setitem(fuzz.TARGETS, "table", target)
    monkeypatch.setattr(fuzz, "CPU_SECONDS", 1)
    assert Bare(tmp_path).mutate("table", 0).outcome == outcome
