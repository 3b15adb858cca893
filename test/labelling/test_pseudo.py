"""Pseudo-labels of harmonic sounds whose emotions are known."""

import shutil

import numpy as np
import pytest

from espnet_mtl.bin import label
from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.probes.crossfit import judged
from espnet_mtl.labelling.pseudo import PseudoLabels, label_by_probe, read_speech


@pytest.fixture
def half(tmp_path, corpus):
    """The training set with every third label taken away, as a missing line or as `-`; and the true labels."""
    directory = shutil.copytree(corpus / "dump/raw/train", tmp_path / "train")
    truth = read_table(directory / "utt2emo")
    kept = {utt: "-" if i % 6 == 3 else emotion for i, (utt, emotion) in enumerate(truth.items()) if i % 6}
    write_table(directory / "utt2emo", kept)
    return directory, truth


def test_labels_are_soft_right_and_leave_human_ones_alone(half, tmp_path, capsys):
    directory, truth = half
    human = {utt: emotion for utt, emotion in read_table(directory / "utt2emo").items() if emotion != "-"}
    label.main(["--data", str(directory), "--output", str(tmp_path / "out"), "--nj", "1"])
    made = read_table(tmp_path / "out/utt2emo")
    assert made.keys() == truth.keys()
    assert human.items() <= made.items()
    pseudo = {utt: value.split(":")[0] for utt, value in made.items() if utt not in human}
    assert np.mean([truth[utt] == name for utt, name in pseudo.items()]) > 0.9
    assert all(":" in made[utt] for utt in pseudo)
    certainty = [float(p) for p in read_table(tmp_path / "out/least_certain").values()]
    assert len(certainty) == len(pseudo)
    assert certainty == sorted(certainty)
    printed = capsys.readouterr().out
    assert "labelled \\ heard" in printed
    assert f"{len(pseudo)} utterances labelled" in printed


def test_confusion_counts_labelled_utterances_only(half):
    directory, _ = half
    labels = label_by_probe(read_speech(directory, directory))
    human = [emotion for emotion in read_table(directory / "utt2emo").values() if emotion != "-"]
    assert labels.emotions == ["calm", "excited", "low"]
    assert labels.confusion().sum(1).tolist() == [human.count(name) for name in labels.emotions]


def test_shuffled_labels_are_no_more_certain_than_they_deserve(half):
    directory, _ = half
    table = read_table(directory / "utt2emo")
    write_table(
        directory / "utt2emo", dict(zip(table, np.random.default_rng(0).permutation([*table.values()]), strict=True))
    )
    labels = label_by_probe(read_speech(directory, directory))
    assert judged(labels.checked, labels.targets)["uar"] < 0.6
    assert np.mean([p.max() for p in labels.posteriors.values()]) < 0.6


def test_weights_sum_to_one_without_the_smallest():
    labels = PseudoLabels(["happy", "sad", "calm"], {"u": np.array([0.6, 0.37, 0.03])}, np.eye(3), np.arange(3))
    assert labels.table() == {"u": "happy:0.62,sad:0.38"}


@pytest.mark.parametrize(
    ("keep", "message"),
    [(lambda utt, emotion: True, "nothing to do"), (lambda utt, emotion: emotion == "calm", "two emotions")],
)
def test_refuses_what_it_cannot_learn_from(half, keep, message):
    directory, truth = half
    write_table(directory / "utt2emo", {utt: emotion for utt, emotion in truth.items() if keep(utt, emotion)})
    with pytest.raises(UserError, match=message):
        label_by_probe(read_speech(directory, directory))


def test_an_emotion_of_one_sentence_cannot_be_checked(half):
    directory, truth = half
    sentences = read_table(directory / "text")
    kept = {utt: e for utt, e in truth.items() if e != "low" or sentences[utt] == "Sentence 1."}
    write_table(directory / "utt2emo", kept)
    with pytest.raises(UserError, match="low needs labelled utterances of two sentences"):
        label_by_probe(read_speech(directory, directory))


def test_human_labels_are_never_overwritten(half):
    directory, _ = half
    before = (directory / "utt2emo").read_text()
    with pytest.raises(UserError, match="holds the human labels"):
        label.main(["--data", str(directory), "--output", str(directory), "--nj", "1"])
    assert (directory / "utt2emo").read_text() == before


def test_labels_given_on_the_page_count_as_human_ones(half, tmp_path):
    directory, truth = half
    output = tmp_path / "out"
    utt = next(utt for utt in truth if utt not in read_table(directory / "utt2emo"))
    write_table(output / "utt2emo_by_hand", {utt: truth[utt]})
    labels = label_by_probe(read_speech(directory, output))
    labels.write(directory, output)
    assert utt not in labels.posteriors
    assert read_table(output / "utt2emo")[utt] == truth[utt]
