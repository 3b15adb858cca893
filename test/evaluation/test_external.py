import json
import shutil

import numpy as np
import pytest
import soundfile

from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.external import evaluate_speech, named, read_hypothesis
from espnet_mtl.evaluation.report.table import rows
from espnet_mtl.evaluation.speech_set import read_speech_set

pytestmark = pytest.mark.usefixtures("no_opinion")


@pytest.fixture
def reference(corpus):
    return corpus / "dump/raw/test"


def test_a_folder_and_a_wav_scp_are_judged(corpus, reference, tmp_path):
    folder = tmp_path / "folder"
    shutil.copytree(reference / "wav", folder / "deep")
    (folder / "deep/a_low_11.wav").unlink()
    samples, fs = soundfile.read(folder / "deep/a_low_10.wav")
    soundfile.write(folder / "deep/a_low_10.wav", 0.5 * samples, fs, "FLOAT")
    speech = {"half": folder, "whole": reference / "wav.scp"}
    evaluation = evaluate_speech(reference, speech, tmp_path / "out", baseline="whole")
    content = json.loads((tmp_path / "out/metrics.json").read_text(encoding="utf-8"))
    assert content["references"] == ["natural"]
    assert [one["n_utterances"] for one in content["systems"].values()] == [12, 11, 12]
    assert content["systems"]["half"]["metrics"]["mcd_db"]["value"] < 0.01
    assert content["systems"]["half"]["metrics"]["emotion_accuracy"]["value"] >= 0.9
    assert content["systems"]["half"]["difference"]["emotion_accuracy"]["value"] == 0
    assert [one.title for one in evaluation.compared] == ["half"]
    assert (tmp_path / "out/judge/learned.npz").is_file()
    assert not (corpus / "dump/raw/judge").exists()


def test_without_training_speech_distances_remain(reference, tmp_path):
    alone = tmp_path / "alone"
    shutil.copytree(reference, alone / "test")
    metrics = evaluate_speech(alone / "test", {"same": reference / "wav"}, tmp_path / "out").json()["systems"]["same"]
    assert metrics["metrics"]["mcd_db"]["value"] == 0
    assert metrics["metrics"]["emotion_accuracy"] is None


def test_opinions_and_words_of_another_system(reference, tmp_path, monkeypatch):
    """They have rows where somebody gives them, and none where nobody does."""
    opinions = iter(np.linspace(1, 5, 24, dtype=np.float32))  # 12 natural recordings, then 12 of the system
    monkeypatch.setattr(
        "espnet_mtl.evaluation.measures.features.predict",
        lambda samples, fs: np.array([next(opinions), np.nan, np.nan, np.nan], dtype=np.float32),
    )
    monkeypatch.setattr("espnet_mtl.evaluation.analysis.word_errors", lambda *said: (1.0, 4.0))
    alone = shutil.copytree(reference, tmp_path / "alone/test")
    (tmp_path / "model.bin").touch()
    options = {"language": "en-us", "whisper": tmp_path}
    evaluation = evaluate_speech(alone, {"same": reference / "wav"}, tmp_path / "out", **options)
    metrics = {title: one["metrics"] for title, one in evaluation.json()["systems"].items()}
    assert metrics["natural"]["distillmos"]["value"] < 3 < metrics["same"]["distillmos"]["low"]
    assert metrics["same"]["dnsmos_overall"] is None
    assert metrics["same"]["word_error_rate"] == metrics["natural"]["word_error_rate"]
    assert metrics["same"]["word_error_rate"]["value"] == 0.25
    titles = [row.title for row in rows(evaluation)]
    assert "DistillMOS ↑" in titles
    assert "word error rate ↓" in titles
    assert not [title for title in titles if title.startswith("DNSMOS")]


def test_direct_current_is_no_difference(reference, tmp_path):
    alone, shifted = tmp_path / "alone/test", tmp_path / "shifted"
    shutil.copytree(reference, alone)
    shutil.copytree(reference / "wav", shifted)
    for path in shifted.iterdir():
        samples, fs = soundfile.read(path)
        soundfile.write(path, samples + 0.05, fs, "DOUBLE")
    systems = {"same": reference / "wav", "shifted": shifted}
    judged = evaluate_speech(alone, systems, tmp_path / "out").json()["systems"]
    for name in ("mcd_db", "energy_rmse_db", "duration_error", "log_f0_rmse"):
        same, other = (judged[system]["metrics"][name]["value"] for system in systems)
        assert other == pytest.approx(same, abs=1e-3), name


def test_a_broken_reference_is_named(reference, tmp_path):
    shutil.copytree(reference, tmp_path / "test")
    first = sorted((tmp_path / "test/wav").iterdir())[0]
    first.write_bytes(b"no audio")
    write_table(tmp_path / "test/wav.scp", {first.stem: first})
    with pytest.raises(UserError, match=rf"{first.name} cannot be read as audio"):
        evaluate_speech(tmp_path / "test", {"same": reference / "wav"}, tmp_path / "out")


def test_paths_of_a_wav_scp_may_be_relative_to_it(reference, tmp_path):
    shutil.copytree(reference / "wav", tmp_path / "wav")
    write_table(tmp_path / "wav.scp", {"a_low_10": "wav/a_low_10.wav"})
    assert read_hypothesis(tmp_path, read_speech_set(reference, "stage 2")).wavs == [str(tmp_path / "wav/a_low_10.wav")]


def test_what_is_no_speech_of_the_reference_is_an_error(reference, tmp_path):
    test = read_speech_set(reference, "stage 2")
    with pytest.raises(UserError, match="neither a folder of recordings nor a wav"):
        read_hypothesis(tmp_path / "gone", test)
    (tmp_path / "x.wav").write_bytes(b"")
    with pytest.raises(UserError, match=r"holds no recording of an utterance of .*, such as a_calm_10; it has x"):
        read_hypothesis(tmp_path, test)
    table = read_table(reference / "wav.scp")
    write_table(tmp_path / "wav.scp", {"a_calm_10": table["a_calm_10"] + "x"})
    with pytest.raises(UserError, match=r"a_calm_10\.wavx of a_calm_10 is missing"):
        read_hypothesis(tmp_path / "wav.scp", test)


def test_a_label_that_cannot_be_read_is_named(reference, tmp_path):
    directory = shutil.copytree(reference, tmp_path / "test")
    labels = read_table(directory / "utt2emo")
    write_table(directory / "utt2emo", {**labels, "a_low_10": "low:0.7,calm:0.3"})
    assert read_speech_set(directory, "stage 2").emotions == read_speech_set(reference, "stage 2").emotions
    write_table(directory / "utt2emo", {**labels, "a_low_10": "low:much"})
    with pytest.raises(UserError, match=r"test/utt2emo:5: utterance a_low_10: label 'low:much': "):
        read_speech_set(directory, "stage 2")


def test_a_baseline_must_be_among_them(reference, tmp_path):
    with pytest.raises(UserError, match="must be one of a, b"):
        evaluate_speech(reference, {"a": tmp_path, "b": tmp_path}, tmp_path / "out", baseline="c")
    assert not (tmp_path / "out").exists()


def test_names_are_given_or_those_of_the_paths():
    assert [str(part) for part in named("mine=exp/a=b")] == ["mine", "exp/a=b"]
    assert named("exp/some/wavs")[0] == "wavs"
