"""Disturbed stages leave, called again, what they would have left; and the campaign sees it where they do not."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import campaign  # noqa: E402
from campaigning.contents import contents, differences, digest  # noqa: E402
from campaigning.disturbances import Trial  # noqa: E402
from campaigning.processes import Running  # noqa: E402

SHORT = ("kill all", "kill the driver", "kill a worker", "two at once", "full disk", "read-only")


def test_disturbed_stages_leave_the_same(tmp_path):
    command = [sys.executable, str(ROOT / "tools/campaign.py"), "--work", str(tmp_path / "work"), "--stages", "2", "5"]
    command += ["--kills", "2", "--others", "1", "--disturbances", *SHORT, "--json", str(tmp_path / "results.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| 5 | 1 of 1 | 1 of 1 |" in done.stdout
    assert (tmp_path / "results.json").is_file()


def trial(directory, *started):
    return Trial(2, directory, directory, directory, 1.0, {}, 0, Random(0), False, list(started))


def shell(script, file):
    """Runs a script as a stage is run."""
    with file.open("wb") as output:
        process = subprocess.Popen(["bash", "-c", script], stdout=output, stderr=output, start_new_session=True)
    # `Running` waits for it, by its id
    process.returncode = 0
    return Running(process.pid, file)


def test_a_process_that_runs_on_is_seen_and_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(campaign, "ENDING_S", 0.3)
    running = shell("sleep 60 & echo begun; wait", tmp_path / "said")
    while "begun" not in running.said:
        assert not running.wait(0.01)
    assert len(running.workers()) == 1
    running.kill()
    assert running.wait(10)
    assert list(campaign._left_running(trial(tmp_path, running))) == ["1 processes run on"]
    assert campaign.wait_until(lambda: not running.members(), 10)
    assert list(campaign._left_running(trial(tmp_path, running))) == []


@pytest.mark.parametrize(
    ("script", "faults"),
    [
        ("echo error: no room; exit 2", []),
        ("echo error: no room; echo warning: no thread; echo [model] error: no room; exit 2", []),
        ("exit 0", ["it ended well"]),
        ("exit 2", ["0 lines of error, exit status 2"]),
        ("echo error: no room; echo error: no disk; exit 2", ["2 lines of error, exit status 2"]),
        ("echo Traceback; echo error: no room; exit 1", ["Traceback in what it said"]),
    ],
)
def test_a_refusal_is_one_line(tmp_path, script, faults):
    running = shell(script, tmp_path / "said")
    assert running.wait(10)
    one = trial(tmp_path, running)
    one.check_refusal(running)
    assert one.faults == faults


def test_what_is_missing_left_over_and_different_is_named(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables/text").write_text("a\n")
    (tmp_path / "gone").touch()
    (tmp_path / "link").symlink_to("gone")
    before = contents(tmp_path)
    (tmp_path / "train.log").write_text("12:00")
    os.utime(tmp_path / "tables/text", (0, 0))
    assert differences(before, contents(tmp_path)) == []
    (tmp_path / "tables/text").write_text("b\n")
    (tmp_path / "gone").unlink()
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("tables")
    (tmp_path / ".text.tmp").touch()
    said = ["missing: gone", "left over: .text.tmp", "different: link", "different: tables/text"]
    assert differences(before, contents(tmp_path)) == said


def saved(directory, value, seconds):
    """A checkpoint, arrays and an archive that differ in `value`, or only in when they were written."""
    directory.mkdir()
    torch.save({"model": {"w": torch.tensor([value])}, "reporter": {"time": seconds}}, directory / "a.pth")
    np.savez(directory / "a.npz", w=np.array([value]))
    with zipfile.ZipFile(directory / "a.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.txt", (2000 + int(seconds), 1, 1, 0, 0, 0)), str(value))
        archive.writestr("meta.yaml", f"timestamp: {seconds}\n")
    return {path.name: digest(path.name, path.read_bytes()) for path in directory.iterdir()}


def test_files_are_compared_without_times(tmp_path):
    first, later, other = (saved(tmp_path / str(n), v, t) for n, (v, t) in enumerate([(1, 1.0), (1, 2.0), (2, 1.0)]))
    assert first == later
    assert len(first) == 3
    assert all(first[name] != other[name] for name in first)
