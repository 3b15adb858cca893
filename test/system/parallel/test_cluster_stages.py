"""Stages 1 to 3, faces included, on a Dask cluster: what they write is what processes of one machine write."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from recipe import CONF
from tiny_stages import FULL, TRAINABLE, run_stage, write_data

from espnet_mtl.bin.stages import decode, evaluate, extract_features, prepare_audio, prepare_data
from espnet_mtl.errors import UserError

CONFIG = ["--train_config", str(CONF / "train_fastspeech2_visual.yaml")]


def prepared(directory: Path, monkeypatch, *where: str) -> dict[str, bytes]:
    """Runs the stages and takes away what they wrote: each file, and what is in it."""
    directory.mkdir()
    monkeypatch.chdir(directory)
    prepare_data.main([*CONFIG, "--corpus_conf", "sentences=10", *where])
    prepare_audio.main([*CONFIG, *where])
    extract_features.main(["--dump", "dump/raw", *CONFIG, *where])
    written = {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    shutil.rmtree(directory)
    return written


def test_the_same_bit_for_bit(tmp_path, monkeypatch):
    by_processes = prepared(tmp_path / "work", monkeypatch, "--nj", "2")
    by_cluster = prepared(tmp_path / "work", monkeypatch, "--scheduler", str(CONF / "cluster/local.yaml"))
    assert set(by_processes) == set(by_cluster)
    assert [name for name, content in by_processes.items() if content != by_cluster[name]] == []
    assert {"dump/raw/train/visual.scp", "dump/raw/stage_3.json"} < set(by_cluster)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cluster: slrum\njobs: 2\n", "unknown cluster.yaml.cluster 'slrum': did you mean slurm"),
        ("cluster: local\n", "cluster.yaml: jobs is missing: a whole number from 1 to 10000"),
        ("cluster: local\njobs: 0\n", "cluster.yaml.jobs: a whole number from 1 to 10000, got 0"),
        ("cluster: local\njobs: 1\nworkers: 2\n", "unknown key of cluster.yaml 'workers'"),
        ("cluster: local\njobs: 1\noptions: 3\n", "cluster.yaml.options: 'name: value' lines, got 3"),
    ],
)
def test_mistakes_in_the_yaml(text, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cluster.yaml").write_text(text)
    with pytest.raises(UserError) as error:
        prepare_data.main(["--scheduler", "cluster.yaml"])
    assert message in str(error.value)
    assert not Path("data").exists()


def contents(directory: Path, pattern: str) -> dict[Path, bytes]:
    """Returns what is in the files of a directory."""
    return {path: path.read_bytes() for path in directory.rglob(pattern) if path.is_file()}


def test_speech_and_figures_of_stages_6_and_7_are_the_same(tmp_path):
    write_data(tmp_path / "data", FULL)
    for stage in range(2, 7):
        run_stage(stage, tmp_path, base=TRAINABLE)
    spoken = tmp_path / "exp/model/decode/test"
    speech = contents(spoken, "*")
    assert spoken / "wav/s1_happy_t0001.wav" in speech
    shutil.rmtree(spoken)
    model = ["--exp", str(tmp_path / "exp/model"), "--inference_config", str(tmp_path / "decode.yaml")]
    where = ["--dump", str(tmp_path / "dump/raw"), "--scheduler", str(CONF / "cluster/local.yaml")]
    decode.main([*model, *where])
    assert contents(spoken, "*") == speech
    run_stage(7, tmp_path, base=TRAINABLE)
    figures = contents(tmp_path, "metrics.*")
    assert figures
    # What was analyzed is kept in archives, which are not read again where they are missing
    for kept in tmp_path.rglob("*.npz"):
        if "stats" not in kept.name:
            kept.unlink()
    evaluate.main([*model, *where])
    assert contents(tmp_path, "metrics.*") == figures


def test_a_model_that_was_trained_again_is_loaded_again(tmp_path):
    write_data(tmp_path / "data", FULL)
    sounds = []
    for seed in (0, 1):
        for stage in range(2, 7):
            run_stage(stage, tmp_path, {"seed": seed, "num_iters_per_epoch": 1}, base=TRAINABLE)
        sounds.append((tmp_path / "exp/model/decode/test/wav/s1_happy_t0001.wav").read_bytes())
        shutil.rmtree(tmp_path / "exp/model")
    assert sounds[0] != sounds[1]
