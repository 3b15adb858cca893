"""Training on several machines, each of which a process stands for here."""

import argparse
import os
import signal
import socket
import subprocess
import time

import pytest
import torch
from training_on_cpus import prepare, training

from espnet_mtl.errors import UserError
from espnet_mtl.training.nodes import this_node, without_launching

STARTED = []
SLURM = {"SLURM_NTASKS": "2", "SLURM_STEP_NUM_NODES": "2", "SLURM_STEP_NODELIST": "127.0.0.1"}


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Stages 2 to 4."""
    return prepare(tmp_path_factory.mktemp("nodes"))


def start(work, tag, *options, **environment):
    """Starts the training of one machine."""
    command = training(work, tag, {}, options=options)
    command["env"] |= environment
    process = subprocess.Popen(**command, stderr=subprocess.PIPE)
    STARTED.append(process)
    return process


@pytest.fixture(autouse=True)
def nothing_goes_on():
    yield
    for process in STARTED:
        process.kill()
        process.wait()
        process.stderr.close()
    STARTED.clear()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def in_two(work, tag, *options):
    """Starts two machines as Slurm's `srun` does."""
    port = ["--dist_launcher", "slurm", "--dist_master_port", str(free_port())]
    names = [{"SLURM_PROCID": str(rank), "SLURM_NODEID": str(rank), "SLURM_LOCALID": "0"} for rank in range(2)]
    return [start(work, tag, *port, *options, **SLURM, **name) for name in names]


def ended(processes):
    """Waits for the machines: exit statuses and what they said."""
    said = [process.communicate(timeout=120)[1] for process in processes]
    return [process.returncode for process in processes], said


def test_two_machines_make_what_one_makes(work):
    alone = ended([start(work, "alone")])
    assert alone[0] == [0], alone[1]
    together = ended(in_two(work, "together"))
    assert together[0] == [0, 0], together[1]
    one, two = (torch.load(work / f"exp/{tag}/1epoch.pth") for tag in ("alone", "together"))
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, atol=1e-5, rtol=1e-5, msg=lambda text, key=key: f"{key}: {text}")
    # They go on where they stopped, by another port, and with other machines
    again = ended(in_two(work, "together"))
    assert again[0] == [0, 0], again[1]
    rendezvous = ["--dist_init_method", f"file://{work}/meeting", "--dist_world_size", "2"]
    other = ended([start(work, "together", *rendezvous, "--dist_rank", str(rank)) for rank in range(2)])
    assert other[0] == [0, 0], other[1]


def test_a_mistake_that_the_first_finds_ends_both(work):
    output = work / "exp/mistaken"
    output.mkdir()
    (output / "settings.yaml").write_text("config: {}\n")
    (output / "checkpoint.pth").write_bytes(b"")
    (leader, follower), said = ended(in_two(work, "mistaken"))
    assert (leader, follower) == (2, 2)
    assert "error: exp/mistaken was trained with other settings or data" in said[0]
    assert "error: the machine that leads the training ended before it began: it says why" in said[1]
    assert "Traceback" not in said[0] + said[1]


def test_a_machine_that_is_lost_ends_the_other(work):
    processes = in_two(work, "bereft", "--max_epoch", "1000")
    log = work / "exp/bereft/train.log"
    end = time.monotonic() + 120
    while not log.is_file() or "2/1000epoch started" not in log.read_text():
        assert time.monotonic() < end
        assert processes[0].poll() is None
        time.sleep(0.1)
    os.kill(processes[1].pid, signal.SIGKILL)
    began = time.monotonic()
    statuses, said = ended(processes)
    assert time.monotonic() - began < 60
    assert statuses == [2, -signal.SIGKILL]
    assert "error: another process of this training ended" in said[0]
    assert "Traceback" not in said[0]


@pytest.mark.parametrize(
    ("given", "environment", "message"),
    [
        ({"dist_world_size": 2}, {}, "--dist_rank None: expected which of the 2 machines this is, from 0"),
        ({"dist_world_size": 2, "dist_rank": 2}, {}, "--dist_rank 2: expected which of the 2"),
        ({"dist_launcher": "slurm"}, {}, "--dist_launcher slurm: This process seems not to be launched by 'srun'"),
        ({"dist_launcher": "mpi"}, {}, "--dist_launcher mpi: No module named 'mpi4py'"),
        ({}, {"WORLD_SIZE": "many"}, "--dist_launcher None: invalid literal"),
    ],
)
def test_which_machine_this_is_must_be_said(given, environment, message, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    options = {"multiprocessing_distributed": True, "dist_world_size": None, "dist_rank": None, "dist_launcher": None}
    with pytest.raises(UserError) as error:
        this_node(argparse.Namespace(**(options | given), ngpu=0))
    assert message in str(error.value)


def test_how_it_is_started_is_no_setting():
    words = ["--seed", "1", "--dist_rank", "0", "--ngpu=4", "--optim_conf", "lr=1", "--local_rank", "3"]
    assert without_launching(words) == ["--seed", "1", "--optim_conf", "lr=1"]
