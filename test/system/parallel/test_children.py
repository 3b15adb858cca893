"""A command that a process runs ends with that process."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from espnet_mtl.system.parallel.children import run_child

WAITS = "import time; from espnet_mtl.system.parallel.children import end_with_input\n"
WAITS += "end_with_input(); open('begun', 'w').close(); time.sleep({seconds}); print('done')"
RUNS = "import sys; from pathlib import Path; from espnet_mtl.system.parallel.children import run_child\n"
RUNS += "run_child([sys.executable, '-c', sys.argv[1]], Path.cwd())"


def child(seconds):
    return WAITS.format(seconds=seconds)


def test_a_command_says_what_it_did(tmp_path):
    done = run_child([sys.executable, "-c", child(0.2)], tmp_path)
    assert (done.returncode, done.stdout) == (0, "done\n")


def test_a_command_ends_with_the_process_that_is_killed(tmp_path):
    with subprocess.Popen([sys.executable, "-c", RUNS, child(60)], cwd=tmp_path) as process:
        while not (tmp_path / "begun").exists():
            assert process.poll() is None
            time.sleep(0.02)
        (started,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.send_signal(signal.SIGKILL)
    end = time.monotonic() + 20
    while Path("/proc", started).exists():
        assert time.monotonic() < end
        time.sleep(0.02)
