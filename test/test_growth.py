"""tools/growth.py on a dump of a few utterances, repeated until there are nine."""

import csv
import subprocess
import sys
from pathlib import Path

from tiny_stages import FULL, TRAINABLE, config_file, run_stage, write_data

from espnet_mtl.data.kaldi import read_table

ROOT = Path(__file__).parents[1]


def test_every_stage_is_measured(tmp_path):
    write_data(tmp_path / "data", FULL)
    settings = {"batch_size": 1}
    for stage in (2, 3):
        run_stage(stage, tmp_path, settings, base=TRAINABLE)
    config = config_file(tmp_path, settings, TRAINABLE)
    places = [tmp_path / "dump/raw", "--config", config, "--work", tmp_path / "large", "--csv", tmp_path / "growth.csv"]
    command = [sys.executable, ROOT / "tools/growth.py", *places, "--utterances", "9", "--num_splits", "2"]
    subprocess.run(command, check=True)
    with (tmp_path / "growth.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["stage"] for row in rows] == ["4", "5", "5 again", "5 in 2 parts"]
    assert all(row["utterances"] == "9" and float(row["core_seconds"]) > 0 < float(row["megabytes"]) for row in rows)
    large = tmp_path / "large/9"
    assert len(read_table(large / "exp/stats/train/text_shape")) == 9
    matrices = set(read_table(large / "dump/raw/train/feats.scp").values())
    assert len(matrices) == len(FULL["train"]) == 4
    assert all(line.startswith(str(large)) for line in matrices)
