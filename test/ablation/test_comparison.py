import csv

import numpy as np
import pytest
from tiny_corpus import sound

from espnet_mtl.ablation import comparison
from espnet_mtl.ablation.comparison import judge_all, pooled, step_ratio, write_ablation
from espnet_mtl.ablation.grid import Grid


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
    return Grid(configs, [1, 2], corpus / "dump/raw", corpus / "exp", corpus / "decode.yaml")


def read(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def test_variants_are_compared_with_the_first(grid, tmp_path):
    ablation = judge_all(grid, nj=1)
    right, wrong = ablation.evaluation.systems
    assert ablation.evaluation.baseline is right
    assert len(right.speech.utts) == 2 * len(ablation.runs[grid.runs[0]].speech.utts)
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
    assert first.runs[grid.runs[1]].figures["speaker_similarity"].value < 1


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
    one, two = (ablation.runs[run] for run in grid.runs[:2])
    shifted = pooled("x", [one, two]).difference("speaker_similarity", pooled("y", [two, one]))
    assert shifted.value == pytest.approx(0, abs=1e-9)
