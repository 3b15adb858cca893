"""A stage that is called while another process writes the same waits for it, and writes nothing meanwhile."""

import threading

import pytest
from tiny_stages import FULL, run_stage, write_data

from espnet_mtl.bin.stages import prepare_data
from espnet_mtl.system.files import locked

WRITES = {1: "data", 2: "dump/raw", 3: "dump/raw", 4: "exp/stats"}


def run(stage, work):
    if stage == 1:
        prepare_data.main(["--output", str(work / "data"), "--corpus_conf", "sentences=7", "--nj", "1"])
    else:
        run_stage(stage, work)


def files_of(work):
    return {path for path in work.rglob("*") if path.suffix != ".lock" and path.parent != work}


@pytest.mark.parametrize("stage", WRITES)
def test_a_stage_waits_for_its_turn(tmp_path, capsys, stage):
    if stage > 1:
        write_data(tmp_path / "data", FULL)
    for before in range(2, stage):
        run_stage(before, tmp_path)
    capsys.readouterr()
    there = files_of(tmp_path)
    said = ""
    thread = threading.Thread(target=run, args=[stage, tmp_path])
    with locked(tmp_path / WRITES[stage]):
        thread.start()
        while "waiting for another process" not in said:
            said += capsys.readouterr().err
            assert thread.is_alive()
            thread.join(0.05)
        assert files_of(tmp_path) <= there | {tmp_path / WRITES[stage]}
    thread.join()
    assert files_of(tmp_path) > there
