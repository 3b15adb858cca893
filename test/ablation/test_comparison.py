import csv
import shutil
from dataclasses import replace

import numpy as np
import pytest
from tiny_corpus import sound

from espnet_mtl.ablation import comparison
from espnet_mtl.ablation.comparison import judge_all, pooled, step_ratio, write_ablation
from espnet_mtl.ablation.grid import Grid
from espnet_mtl.errors import UserError


@pytest.fixture
def grid(corpus, experiment, tmp_path):
    """Two variants with two seeds each: natural speech, and one that says everything in the voice of the other."""
    configs = {}
    for name in ("right", "wrong"):
        configs[name] = tmp_path / f"{name}.yaml"
        configs[name].write_text(f"# {name} <b>\n")
    other = {"a": "b", "b": "a"}
    for seed in (1, 2):
        experiment(f"right_seed{seed}")
        experiment(f"wrong_seed{seed}", lambda who, emotion, text: sound(other[who], emotion, text))
    return Grid(configs, [1, 2], corpus / "dump/raw", corpus / "exp", [corpus / "decode.yaml"])


def read(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def test_variants_are_compared_with_the_first(grid, tmp_path):
    ablation = judge_all(grid, nj=1)
    right, wrong = ablation.evaluation.systems
    assert ablation.evaluation.baseline is right
    assert len(right.speech.utts) == 2 * len(ablation.runs["right", 1].speech.utts)
    assert right.figures["speaker_eer"].value < 0.5 < wrong.figures["speaker_eer"].value
    assert ablation.evaluation.differences["wrong"]["speaker_similarity"].high < 0
    assert step_ratio(ablation, "wrong") is None  # nothing was trained here

    page = write_ablation(tmp_path / "table", ablation)
    runs, table = (read(page.with_name(f"{name}.csv")) for name in ("runs", "table"))
    assert [(row["variant"], row["seed"]) for row in runs] == [
        ("right", "1"), ("wrong", "1"), ("right", "2"), ("wrong", "2")
    ]  # fmt: skip
    assert [row["variant"] for row in table] == ["natural", "natural vocoded", "right", "wrong"]
    assert float(runs[0]["mcd_db"]) == float(table[2]["mcd_db"]) == 0
    mean = np.mean([float(row["mcd_db"]) for row in runs if row["variant"] == "wrong"])
    assert float(table[3]["mcd_db"]) == pytest.approx(mean, abs=1e-4)
    assert float(table[3]["difference_mcd_db"]) == pytest.approx(mean, abs=1e-4)
    content = page.read_text(encoding="utf-8")
    assert "# wrong &lt;b&gt;" in content
    assert content.count("worse") > 1
    assert "data:image/png" in content


def test_what_was_judged_is_not_judged_again(grid, monkeypatch):
    judge_all(grid, nj=1)

    def judged_again(*_):
        raise AssertionError("judged again")

    monkeypatch.setattr("espnet_mtl.ablation.comparison.score_system", judged_again)
    first = judge_all(grid, nj=1)
    assert first.runs["wrong", 1].figures["speaker_similarity"].value < 1


def test_another_code_judges_again(grid, monkeypatch):
    judge_all(grid, nj=1)
    judged = []
    original = comparison.score_system
    monkeypatch.setattr(comparison, "score_system", lambda *args, **kw: judged.append(args[0]) or original(*args, **kw))
    monkeypatch.setattr(comparison, "code_key", lambda module: "another key")
    judge_all(grid, nj=1)
    assert judged == [run.tag for run in grid.runs]


def test_seeds_are_paired_with_seeds(grid):
    ablation = judge_all(grid, nj=1)
    one, two = ablation.runs["right", 1], ablation.runs["wrong", 1]
    shifted = pooled("x", [one, two]).difference("speaker_similarity", pooled("y", [two, one]))
    assert shifted.value == pytest.approx(0, abs=1e-9)


def test_the_speech_of_some_speakers_can_be_judged_alone(grid):
    alone = judge_all(replace(grid, speakers=["a"]), nj=1)
    assert {speaker for one in alone.evaluation.all for speaker in one.speech.speakers} == {"a"}
    everybody = judge_all(grid, nj=1).runs["wrong", 1]
    chosen = np.array(everybody.speech.speakers) == "a"
    expected = everybody.figure("speaker_similarity", chosen).value
    assert alone.runs["wrong", 1].figures["speaker_similarity"].value == pytest.approx(expected)


def test_speech_is_judged_by_recordings_with_labels_that_training_lacks(grid, corpus, tmp_path):
    lacking = tmp_path / "unlabelled/raw"
    shutil.copytree(corpus / "dump/raw", lacking)
    for part in ("train", "test"):
        (lacking / part / "utt2emo").write_text("", encoding="utf-8")
    without, judged = (judge_all(replace(grid, dump=lacking, natural=natural), nj=1) for natural in (None, grid.dump))
    assert without.runs["right", 1].figures["emotion_accuracy"] is None
    assert judged.runs["right", 1].figures["emotion_accuracy"].value > 0.5


def test_natural_speech_of_others_judges_nobody(grid, corpus, tmp_path):
    other = tmp_path / "other/raw"
    shutil.copytree(corpus / "dump/raw", other)
    for name in ("wav.scp", "text", "utt2spk", "utt2emo", "pitch.scp", "feats.scp", "durations"):
        path = other / "test" / name
        lines = path.read_text(encoding="utf-8").splitlines()
        path.write_text("".join(f"x{line}\n" for line in lines), encoding="utf-8")
    with pytest.raises(UserError, match=r"other/raw/test has no utterance of .*right_seed1/decode/test"):
        judge_all(replace(grid, natural=other), nj=1)


def test_another_model_is_judged_again(grid, monkeypatch):
    judge_all(grid, nj=1)
    config = grid.exp / "wrong_seed2/config.yaml"
    config.write_text(config.read_text(encoding="utf-8") + "max_epoch: 3\n", encoding="utf-8")
    judged = []
    original = comparison.score_system
    monkeypatch.setattr(comparison, "score_system", lambda *args, **kw: judged.append(args[0]) or original(*args, **kw))
    judge_all(grid, nj=1)
    assert judged == ["wrong_seed2"]
