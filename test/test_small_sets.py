"""Stages 2 to 8 on as little as there may be."""

import json

import pytest
from tiny_stages import FULL, TRAINABLE, A, B, run_stage, write_data

NO_LABELS = {name: [(text, speaker, None) for text, speaker, _ in rows] for name, rows in FULL.items()}
SMALL = {
    "one test utterance, one speaker": {
        name: [(text, "s1", emotion) for text, _, emotion in rows] for name, rows in FULL.items()
    },
    "no labels": NO_LABELS,
    "one training utterance": {**FULL, "train": FULL["train"][:1]},
    "one utterance a class": {**FULL, "train": [(A, "s1", "sad"), (B, "s2", "happy"), (A, "s3", "angry")]},
}


@pytest.mark.parametrize("name", SMALL)
def test_stages_pass(name, tmp_path):
    write_data(tmp_path / "data", SMALL[name])
    for stage in range(2, 9):
        run_stage(stage, tmp_path, base=TRAINABLE)
    metrics = json.loads((tmp_path / "exp/model/decode/test/metrics.json").read_text())
    assert metrics["systems"]["model"]["n_utterances"] >= 1
    assert (tmp_path / "exp/model/decode/test/report/index.html").is_file()
    assert (tmp_path / "exp/model/model.zip").is_file()
