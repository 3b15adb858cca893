import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import jsonschema
import kaldiio
import numpy as np
import pytest
import soundfile

from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.data.provenance.notes import Note, write_note
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.evaluate import evaluate_experiments, write_experiments
from espnet_mtl.evaluation.judge import Judge
from espnet_mtl.evaluation.measures.prosody import voiced_tokens
from espnet_mtl.evaluation.report.page import write_report
from espnet_mtl.evaluation.speech_set import read_speech_set

SCHEMA = json.loads((files("espnet_mtl.evaluation") / "metrics.schema.json").read_text(encoding="utf-8"))
ACCURACIES = (
    *("emotion_accuracy", "emotion_accuracy_cnn", "speaker_accuracy"),
    *("emotion_accuracy_natural", "emotion_accuracy_cnn_natural", "speaker_accuracy_natural"),
)
TRANSFER = (
    *("transfer_emotion_accuracy", "transfer_emotion_accuracy_cnn"),
    *("transfer_emotion_accuracy_natural", "transfer_emotion_accuracy_cnn_natural"),
)
ERRORS = (
    "mcd_db",
    "log_f0_rmse",
    "voicing_error",
    "energy_rmse_db",
    "duration_error",
    "speaking_rate_error",
    "log_f0_rmse_predicted",
    "duration_rmse_frames",
)
RATIOS = ("gv_ratio", "log_f0_sd_ratio", "length_ratio")


@pytest.fixture
def judge(corpus):
    """Evaluates an experiment, with a baseline or without, and returns its figures and those of all systems."""

    def run(exp, baseline=None) -> dict:
        write_experiments(evaluate_experiments([exp], corpus / "dump/raw", corpus / "decode.yaml", baseline))
        content = json.loads((exp / "decode/test/metrics.json").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator(SCHEMA).validate(content)
        systems = {name: {**one, **one["metrics"]} for name, one in content["systems"].items()}
        return {**content, **systems[exp.name], "systems": systems}

    return run


def test_natural_speech_as_hypothesis_is_at_the_ceiling(judge, experiment):
    metrics = judge(experiment("natural_speech"))
    assert all(metrics[name] == {"value": 0, "low": 0, "high": 0} for name in ERRORS)
    assert {name: metrics[name]["value"] for name in ACCURACIES if metrics[name]["value"] < 0.8} == {}
    assert {name: metrics[name]["value"] for name in RATIOS} == dict.fromkeys(RATIOS, 1)
    assert metrics["log_f0_correlation"]["value"] > 0.999
    assert {name: metrics[name] for name in (*ERRORS, *ACCURACIES, *TRANSFER)} == {
        name: metrics["systems"]["natural"][name] for name in (*ERRORS, *ACCURACIES, *TRANSFER)
    }
    assert metrics["systems"]["natural vocoded"]["mcd_db"]["low"] > 0
    assert metrics["systems"]["natural vocoded"]["emotion_accuracy"]["value"] >= 0.8


def test_noise_is_at_the_floor(judge, experiment):
    random = np.random.default_rng(0)
    noise = random.normal(scale=0.1, size=11200)
    metrics = judge(experiment("noise", lambda *_: noise))
    assert metrics["mcd_db"]["low"] > metrics["systems"]["natural vocoded"]["mcd_db"]["high"]
    assert all(metrics[name]["value"] <= 0.7 for name in ACCURACIES)


def test_swapped_emotions_and_speakers_are_caught(judge, experiment, voice):
    swapped = {"calm": "excited", "excited": "low", "low": "calm", "a": "b", "b": "a"}
    emotions = judge(experiment("emotions", lambda who, emotion, text: voice(who, swapped[emotion], text)))
    assert emotions["emotion_accuracy"]["value"] <= 0.2
    assert emotions["emotion_accuracy_cnn"]["value"] <= 0.2
    assert emotions["speaker_accuracy"]["value"] >= 0.8
    speakers = judge(experiment("speakers", lambda who, emotion, text: voice(swapped[who], emotion, text)))
    assert speakers["speaker_accuracy"]["value"] <= 0.1


def test_shifted_f0_and_gain(judge, experiment, voice):
    metrics = judge(experiment("shifted", lambda *key: 0.5 * voice(*key, factor=1.1)))
    assert metrics["log_f0_rmse"]["value"] == pytest.approx(np.log(1.1), rel=0.05)
    louder = judge(experiment("louder", lambda *key: 1.5 * voice(*key)))
    assert louder["mcd_db"]["value"] < 0.01


def test_predictions_are_compared_per_token(judge, experiment):
    exp = experiment("tokens")
    table = read_table(exp / "decode/test/durations")
    first = sorted(table)[0]
    stretched = {utt: " ".join(str(int(n) + 3) for n in line.split()) for utt, line in table.items()}
    write_table(exp / "decode/test/durations", {**stretched, first: "20 20"})
    pitch = kaldiio.load_scp(str(exp / "decode/test/pitch.scp"))
    arrays = {**pitch, first: pitch[first][:2]}
    kaldiio.save_ark(str(exp / "decode/test/other.ark"), arrays, scp=str(exp / "decode/test/pitch.scp"))
    metrics = judge(exp)
    assert metrics["duration_rmse_frames"] == {"value": 3, "low": 3, "high": 3}
    assert metrics["log_f0_rmse_predicted"]["value"] == 0
    frames = {utt: sum(map(int, line.split())) for utt, line in table.items()}
    ratio = 1 + (9 * (len(frames) - 1) + 40 - frames[first]) / sum(frames.values())
    assert metrics["length_ratio"]["value"] == pytest.approx(ratio, abs=1e-4)


def test_the_report_says_where_durations_are_from(judge, experiment, corpus):
    note = corpus / "dump/raw/durations.json"
    note.write_text('{"durations": "learned", "token_type": "phn", "boundary_error_ms": 9.4, "one_frame": 0.1}')
    try:
        exp = experiment("durations")
        metrics = judge(exp)
        assert metrics["durations"]["boundary_error_ms"] == 9.4
    finally:
        note.unlink()
    assert judge(exp)["durations"] is None


def test_a_model_whose_training_was_cut_off_is_judged_as_such(corpus, experiment):
    exp = experiment("short")
    write_note(exp / "decode/test", Note(6, {"training": "epoch 3 of 7"}))
    evaluation = evaluate_experiments([exp], corpus / "dump/raw", corpus / "decode.yaml")
    jsonschema.validate(evaluation.json(), SCHEMA)
    systems = evaluation.json()["systems"]
    assert systems["short"]["training"] == "epoch 3 of 7"
    assert "training" not in systems["natural"]
    page = write_report(exp / "report", evaluation).read_text(encoding="utf-8")
    assert "The training of short was cut off: epoch 3 of 7." in page


def test_transfer_is_over_pairs_that_training_lacks(corpus, experiment):
    scores = evaluate_experiments([experiment("pairs")], corpus / "dump/raw", corpus / "decode.yaml").systems[0]
    unseen = [pair == ("b", "excited") for pair in scores.speech.pairs]
    assert sum(unseen) == 2
    for name in TRANSFER:
        np.testing.assert_array_equal(np.isfinite(scores.values[name]), unseen)
    for name in ACCURACIES:
        np.testing.assert_array_equal(np.isnan(scores.values[name]), unseen)


def test_metrics_follow_the_schema_and_pair_the_baseline(judge, experiment, voice):
    baseline = experiment("single", lambda *key: voice(*key, factor=1.2))
    metrics = judge(experiment("multi"), baseline)
    difference = metrics["difference"]["log_f0_rmse"]
    assert metrics["baseline"] == "single"
    assert difference["value"] == pytest.approx(-metrics["systems"]["single"]["log_f0_rmse"]["value"], abs=1e-4)
    assert difference["high"] < 0
    content = json.loads((baseline / "decode/test/metrics.json").read_text(encoding="utf-8"))
    assert list(content["systems"]) == ["natural", "natural vocoded", "single"]
    validator = jsonschema.Draft202012Validator(SCHEMA)
    validator.validate(content)
    assert not validator.is_valid({**content, "unknown": 1})
    content["systems"]["single"]["metrics"]["speaker_accuracy"]["value"] = 2
    assert not validator.is_valid(content)


def test_decoded_utterances_without_a_natural_one_only_count_for_the_probes(judge, corpus, experiment):
    exp = experiment("more")
    for name in ("wav.scp", "text", "utt2spk", "utt2emo", "durations", "pitch.scp"):
        table = read_table(exp / "decode/test" / name)
        write_table(exp / "decode/test" / name, {f"{utt}x" if "10" in utt else utt: table[utt] for utt in table})
    metrics = judge(exp)
    assert metrics["n_utterances"] == 12
    assert metrics["mcd_db"]["value"] == 0
    scores = evaluate_experiments([exp], corpus / "dump/raw", corpus / "decode.yaml").systems[0]
    assert np.isfinite(scores.values["mcd_db"]).sum() == 6
    assert np.isfinite(scores.values["emotion_accuracy"]).sum() == 10


def test_probes_are_trained_once_and_a_damaged_cache_is_rebuilt(corpus, judge, experiment, monkeypatch):
    exp = experiment("cache")
    before = judge(exp)
    cache = corpus / "dump/evaluation"
    files = [path for path in cache.iterdir() if path.suffix != ".lock"]
    assert sorted(path.name for path in files) == ["learned.npz", "natural.npz", "natural_vocoded.npz"]
    held_out = before["probes_held_out"]
    assert {name.removesuffix("_natural") for name in held_out} == {"emotion", "emotion_cnn", "emotion_prosody"}
    assert len(held_out) == 6
    with monkeypatch.context() as patch:
        patch.setattr("espnet_mtl.evaluation.judge.train_probes", lambda *_: pytest.fail("trained again"))
        assert judge(exp) == before
    for path in files:
        path.write_bytes(path.read_bytes()[:1000])
    assert judge(exp) == before


def test_another_code_builds_again_what_is_cached(corpus, judge, experiment, monkeypatch):
    exp = experiment("code")
    judge(exp)
    paths = [corpus / f"dump/evaluation/{name}.npz" for name in ("natural", "natural_vocoded", "learned")]
    before = [str(np.load(path)["key"]) for path in paths]
    monkeypatch.setattr("espnet_mtl.evaluation.judge.code_key", lambda module: "another key")
    judge(exp)
    after = [str(np.load(path)["key"]) for path in paths]
    assert [one != other for one, other in zip(before, after, strict=True)] == [True, True, True]


def test_a_changed_recording_is_noticed(corpus, judge, experiment):
    exp = experiment("changed")
    before = judge(exp)
    path = Path(read_table(corpus / "dump/raw/test/wav.scp")["a_calm_10"])
    content = path.read_bytes()
    samples, fs = soundfile.read(path)
    soundfile.write(path, samples[::-1], fs, "FLOAT")
    try:
        assert judge(exp)["mcd_db"]["value"] > before["mcd_db"]["value"]
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("missing", "stage"),
    [
        ("exp/gone/config.yaml", 5),
        ("exp/gone/decode/test/wav.scp", 6),
        ("exp/gone/decode/test/durations", 6),
        ("exp/gone/decode/test/wav/a_calm_10.wav", 6),
        ("dump/raw/train/utt2spk", 2),
        ("dump/raw/test/pitch.scp", 3),
    ],
)
def test_a_missing_input_is_named_with_its_stage(corpus, judge, experiment, missing, stage):
    exp = experiment("gone")
    path = corpus / missing
    hidden = path.rename(path.with_name("hidden"))
    try:
        with pytest.raises(UserError, match=f"run stage {stage} first: .*{path.name} is missing"):
            judge(exp)
        assert not (exp / "decode/test/metrics.json").exists()
    finally:
        hidden.rename(path)


def test_broken_audio_and_config_are_errors(judge, experiment):
    exp = experiment("broken")
    (exp / "decode/test/wav/a_calm_10.wav").write_bytes(b"no audio")
    with pytest.raises(UserError, match=r"a_calm_10\.wav cannot be read as audio"):
        judge(exp)
    (exp / "config.yaml").write_text("tts: fastspeech2\n")
    with pytest.raises(UserError, match="no feats_extract_conf"):
        judge(exp)


@pytest.mark.parametrize("labels", [{}, {"a_calm_0": "calm"}], ids=["no emotion", "one emotion"])
def test_without_two_emotions_all_but_emotion_is_judged(corpus, judge, experiment, labels):
    table = read_table(corpus / "dump/raw/train/utt2emo")
    write_table(corpus / "dump/raw/train/utt2emo", labels)
    try:
        metrics = judge(experiment("one"))
    finally:
        write_table(corpus / "dump/raw/train/utt2emo", table)
    assert metrics["emotion_accuracy"] is metrics["emotion_accuracy_cnn"] is metrics["emotion_accuracy_natural"] is None
    assert metrics["probes_held_out"] == {}
    assert metrics["mcd_db"]["value"] == 0
    assert metrics["phone_error_rate"]["value"] >= 0


def test_tokens_are_voiced_by_half():
    f0 = np.array([0.0] * 10 + [100.0] * 10 + [0, 100] * 5)
    assert voiced_tokens(f0, np.array([5.0, 5, 5, 9]), 0.01).tolist() == [False, True, True, False]


def test_probes_do_not_learn_what_the_test_says(corpus, capsys):
    train, test = (read_speech_set(corpus / "dump/raw" / name, "stage 2") for name in ("train", "test"))
    shared = replace(test, texts=["Sentence 3!", *test.texts[1:]])
    kept = Judge(train, shared, corpus / "cache", 16000).train
    left_out = {*zip(train.speakers, train.texts, strict=True)} - {*zip(kept.speakers, kept.texts, strict=True)}
    assert left_out == {(test.speakers[0], "Sentence 3.")}
    nothing_left = Judge(train, replace(train, directory=test.directory), corpus / "cache", 16000)
    assert nothing_left.train is None
    assert nothing_left.probes is None
    assert "train/text: probes and recognizer need two sentences or more" in capsys.readouterr().err


def test_a_wrong_speaker_is_caught(judge, experiment, voice):
    other = {"a": "b", "b": "a"}
    right = judge(experiment("right"))
    wrong = judge(experiment("wrong", lambda who, emotion, text: voice(other[who], emotion, text)))
    assert wrong["speaker_eer"]["value"] > 0.5 > right["speaker_eer"]["value"]
    assert wrong["speaker_similarity"]["value"] < right["speaker_similarity"]["value"]


def test_shuffled_labels_bring_the_probes_to_chance(corpus, judge, experiment):
    path = corpus / "dump/raw/train/utt2emo"
    table = read_table(path)
    shuffled = np.random.default_rng(0).permutation(list(table.values()))
    write_table(path, dict(zip(table, shuffled, strict=True)))
    try:
        metrics = judge(experiment("shuffled_labels"))
    finally:
        write_table(path, table)
    for name in ("emotion", "emotion_cnn"):
        assert metrics["probes_held_out"][name]["uar"] < 0.6
    assert metrics["emotion_uar"]["value"] < 0.7


def test_a_stretched_recording_is_found_by_its_duration(judge, experiment, voice):
    metrics = judge(experiment("stretched", lambda *key: np.concatenate([voice(*key), voice(*key)])))
    assert metrics["duration_error"]["value"] == pytest.approx(1, abs=0.1)
    assert metrics["speaking_rate_error"]["value"] == pytest.approx(0.5, abs=0.1)
