"""Work on a Dask cluster: real workers, of which some are killed."""

from __future__ import annotations

import gc
import math
import os
import time
from functools import partial

import cluster_work
import pytest

from espnet_mtl.errors import UserError
from espnet_mtl.system.parallel import cluster
from espnet_mtl.system.parallel.cluster import cluster_of, scheduler_at
from espnet_mtl.system.parallel.mapping import parallel_map, working_on

SBATCH = """#!/usr/bin/env bash
cp "${@: -1}" "$JOBS"/job_$$.sh
setsid bash "$JOBS"/job_$$.sh >"$JOBS"/$$.log 2>&1 &
echo "Submitted batch job $!"
"""
SCANCEL = """#!/usr/bin/env bash
kill -- -"$1"
"""


def slurm_on(directory, monkeypatch):
    """Puts Slurm's commands there and on the path."""
    for name, content in {"sbatch": SBATCH, "scancel": SCANCEL}.items():
        (directory / name).write_text(content)
        (directory / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    monkeypatch.setenv("JOBS", str(directory))


@pytest.fixture(autouse=True)
def nothing_left():
    """Dask locks itself out where a client that never connected is collected while a cluster starts."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def backend():
    with cluster_of("local", 2, {}, "cluster.yaml") as workers:
        yield workers


@pytest.fixture
def everywhere(backend):
    with working_on(backend):
        yield


def computed(function, items):
    return list(parallel_map(function, items, 1, "work"))


def test_order_and_progress(everywhere, capsys):
    assert computed(math.factorial, range(50)) == [math.factorial(item) for item in range(50)]
    assert "work: 50/50" in capsys.readouterr().err


def test_workers_work_where_the_command_runs(everywhere, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    places, pids = zip(*computed(cluster_work.place, range(20)), strict=True)
    assert set(places) == {str(tmp_path)}
    assert os.getpid() not in pids
    assert len(set(pids)) == 2


def test_the_chunk_of_a_lost_worker_is_done_again(everywhere, tmp_path):
    function = partial(cluster_work.once_deadly, str(tmp_path / "first"))
    assert computed(function, range(40)) == list(range(40))
    assert (tmp_path / "first").exists()


def test_what_ends_every_worker_is_told(everywhere):
    with pytest.raises(UserError, match="work: every worker that tried a part of it was killed"):
        computed(cluster_work.deadly, [1])


def test_an_error_comes_through_and_nobody_works_on(everywhere, tmp_path):
    with pytest.raises(ValueError, match="the first one"):
        computed(partial(cluster_work.late, str(tmp_path)), range(12))
    marks = sorted(os.listdir(tmp_path))
    time.sleep(1)
    assert sorted(os.listdir(tmp_path)) == marks


def test_other_code_is_refused(everywhere, monkeypatch):
    monkeypatch.setattr(cluster, "CODE", "0")
    with pytest.raises(UserError, match=r"has another espnet_mtl .*: install the same everywhere"):
        computed(abs, [1])


def test_a_directory_that_workers_do_not_see(everywhere, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "getcwd", lambda: "/nowhere")
    with pytest.raises(UserError, match=r"does not see /nowhere \(No such file or directory\): run in a directory"):
        computed(abs, [1])


def test_not_all_is_sent_ahead(backend, monkeypatch):
    sent = []
    submit = backend.client.submit
    monkeypatch.setattr(backend.client, "submit", lambda *args, **kwargs: sent.append(1) or submit(*args, **kwargs))
    results = backend.map(abs, range(10_000), "work")
    next(results)
    assert len(sent) == 8
    assert len(list(results)) == 9999


def test_a_scheduler_that_runs_already(backend):
    with scheduler_at(backend.client.scheduler.address) as found, working_on(found):
        assert computed(math.factorial, range(5)) == [1, 1, 2, 6, 24]


def test_without_a_worker_it_waits(monkeypatch, capsys):
    monkeypatch.setattr(cluster, "NOTICE_S", 0.2)
    with cluster_of("local", 1, {}, "cluster.yaml") as workers, working_on(workers):
        workers.client.cluster.scale(0)
        while workers.client.nthreads():
            time.sleep(0.05)
        results = parallel_map(abs, [-1], 1, "work")
        workers.client.loop.call_later(1, workers.client.cluster.scale, 1)
        assert list(results) == [1]
    assert capsys.readouterr().err.count("work: no worker is there yet: waiting") == 1


def test_a_scheduler_that_is_lost(monkeypatch):
    with cluster_of("local", 1, {}, "cluster.yaml") as workers, working_on(workers):
        results = parallel_map(cluster_work.slow, range(500), 1, "work")
        next(results)
        workers.client.loop.call_later(0.2, workers.client.cluster.close)
        with pytest.raises(UserError, match="work: the scheduler is lost: start it, and this command again"):
            list(results)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "http://127.0.0.1:1", "tcp://", "tcp://nowhere.invalid:8786"])
def test_no_scheduler_answers(address, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_S", 1)
    with (
        pytest.raises(UserError, match=f"--scheduler {address}: no Dask scheduler answers there"),
        scheduler_at(address),
    ):
        pass


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("local", {"colour": 1}, "colour"),
        ("slurm", {}, "cores"),
        ("slurm", {"cores": 1, "memory": "much"}, "much"),
        ("slurm", {"cores": 1, "memory": "1GB", "colour": 1}, "colour"),
        ("pbs", {"cores": 1, "memory": "1GB"}, "there is no qsub on this machine, which submits jobs"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of a cluster that is half built
def test_wrong_options(kind, options, message, tmp_path, monkeypatch):
    slurm_on(tmp_path, monkeypatch)
    with (
        pytest.raises(UserError, match=f"cluster.yaml: {kind}: .*{message}"),
        cluster_of(kind, 1, options, "cluster.yaml"),
    ):
        pass


def test_jobs_of_a_queue(tmp_path, monkeypatch):
    """dask-jobqueue submits to Slurm's own commands, which here start the job at once."""
    slurm_on(tmp_path, monkeypatch)
    options = {"cores": 1, "memory": "1GB", "walltime": "00:10:00"}
    with cluster_of("slurm", 2, options, "cluster.yaml") as workers, working_on(workers):
        assert computed(math.factorial, range(4)) == [1, 1, 2, 6]
        # cluster_work is on the path of tests alone
        with pytest.raises(UserError, match="work: No module named 'cluster_work' on a worker: install"):
            computed(cluster_work.slow, range(4))
    scripts = [path.read_text() for path in tmp_path.glob("job_*.sh")]
    assert len(scripts) == 2
    assert "#SBATCH -t 00:10:00" in scripts[0]
