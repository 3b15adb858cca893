"""Tests of mapping in processes."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from espnet_mtl.errors import UserError
from espnet_mtl.system.parallel.mapping import parallel_map


@pytest.mark.parametrize("nj", [0, 1, 2])
def test_order_and_progress(nj, capsys):
    values = list(range(1, 12))
    assert list(parallel_map(math.factorial, values, nj, "work")) == [math.factorial(value) for value in values]
    assert "work: 11/11" in capsys.readouterr().err


def test_an_error_in_a_process_comes_through():
    with pytest.raises(ValueError, match="factorial"):
        list(parallel_map(math.factorial, [1, 2, -1, 3], 2, "work"))


def test_a_process_that_is_killed_is_told():
    with pytest.raises(UserError, match=r"stage 3: a process was killed; perhaps memory ran out: lower --nj \(2\)"):
        list(parallel_map(signal.raise_signal, [signal.SIGKILL] * 2, 2, "stage 3"))


WORKS = """
import time
from espnet_mtl.system.parallel.mapping import parallel_map
if __name__ == "__main__":
    list(parallel_map(time.sleep, [0, 0, 60, 60], 2, "work"))
"""


def children(process):
    return Path(f"/proc/{process}/task/{process}/children").read_text().split()


def test_processes_end_with_the_one_that_is_killed(tmp_path):
    (tmp_path / "work.py").write_text(WORKS)
    command = [sys.executable, str(tmp_path / "work.py")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert process.stderr.readline().startswith("work: ")  # they are at work
            workers = [int(child) for child in children(process.pid)]
            process.kill()
            process.wait()
            end = time.monotonic() + 20
            while any(Path("/proc", str(worker)).exists() for worker in workers):
                assert time.monotonic() < end
                time.sleep(0.05)
        finally:
            for worker in workers:
                if Path("/proc", str(worker)).exists():
                    os.kill(worker, signal.SIGKILL)
    assert len(workers) >= 2
