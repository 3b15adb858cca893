import numpy as np
import pytest

from espnet_mtl.evaluation.probes.conv_probe import ConvProbe
from espnet_mtl.evaluation.probes.functionals import FunctionalsProbe, recorded_in_both, speaker_effects

EMOTIONS = ("angry", "happy", "sad")
SPEAKERS = {"f": 30.0, "m": -30.0}


def functionals(pairs, seed: int = 0) -> np.ndarray:
    """Two columns: speaker plus emotion, and noise."""
    random = np.random.default_rng(seed)
    values = [[SPEAKERS[speaker] + 5 * EMOTIONS.index(emotion), 0] for speaker, emotion in pairs]
    return (np.array(values) + random.normal(size=(len(pairs), 2))).astype(np.float32)


def named(logits: np.ndarray) -> np.ndarray:
    return np.array(EMOTIONS)[logits.argmax(1)]


PAIRS = [(speaker, emotion) for speaker in SPEAKERS for emotion in EMOTIONS] * 20
SEEN = [pair for pair in PAIRS if pair != ("m", "sad")]


def test_effects_are_right_where_a_speaker_lacks_an_emotion():
    speakers, emotions = zip(*SEEN, strict=True)
    effects = speaker_effects(functionals(SEEN), speakers, emotions)
    assert effects["f"][0] - effects["m"][0] == pytest.approx(60, abs=0.5)
    assert effects["f"][1] == pytest.approx(0, abs=0.3)


def test_a_voice_without_labels_counts_as_neutral():
    pairs = [(speaker, emotion) for speaker in "fm" for emotion in ("happy", "neutral")] * 50
    values = [[SPEAKERS[speaker] + 5 * (emotion == "happy"), 0] for speaker, emotion in pairs]
    values = np.array([*values, *[[100, 0]] * 20, *[[-500, 0]] * 20])
    speakers = [*(speaker for speaker, _ in pairs), *["reader"] * 20, *["f"] * 20]
    emotions = [*(emotion for _, emotion in pairs), *[""] * 40]  # what f says without a label does not count
    effects = speaker_effects(values, speakers, emotions)
    assert effects["reader"][0] - effects["f"][0] == pytest.approx(70)
    assert effects["f"][0] - effects["m"][0] == pytest.approx(60)
    classes = ("happy", "neutral")
    probe = FunctionalsProbe(values.astype(np.float32), emotions, classes, speakers)
    heard = probe.logits(np.array([[105, 0], [100, 0]], np.float32), ["reader", "reader"]).argmax(1)
    assert [classes[index] for index in heard] == ["happy", "neutral"]


def test_emotion_is_heard_in_a_pair_that_training_lacks():
    speakers, emotions = zip(*SEEN, strict=True)
    probe = FunctionalsProbe(functionals(SEEN), emotions, EMOTIONS, speakers)
    heard = named(probe.logits(functionals(PAIRS, seed=1), [speaker for speaker, _ in PAIRS]))
    correct = heard == np.array([emotion for _, emotion in PAIRS])
    assert correct.mean() > 0.95
    assert correct[[pair == ("m", "sad") for pair in PAIRS]].mean() > 0.9


def test_a_pair_of_classes_is_told_apart_by_speakers_recorded_in_both():
    speakers, emotions = (np.array(names) for names in zip(*SEEN, strict=True))
    with_sad = recorded_in_both(emotions, speakers, np.array(["angry", "sad"]))
    assert {*zip(speakers[with_sad], emotions[with_sad], strict=True)} == {("f", "angry"), ("f", "sad")}
    assert set(speakers[recorded_in_both(emotions, speakers, np.array(["angry", "happy"]))]) == {"f", "m"}


def test_a_pair_that_no_speaker_has_is_learned_from_all_speakers():
    chosen = recorded_in_both(np.array(["angry", "sad"]), np.array(["f", "m"]), np.array(["angry", "sad"]))
    assert chosen.all()


def test_speaker_is_heard():
    probe = FunctionalsProbe(functionals(PAIRS), [speaker for speaker, _ in PAIRS], sorted(SPEAKERS))
    assert (
        np.array(sorted(SPEAKERS))[probe.logits(functionals(PAIRS, 1)).argmax(1)]
        == np.array([speaker for speaker, _ in PAIRS])
    ).all()


def test_an_unknown_speaker_is_heard_as_the_average_one():
    speakers, emotions = zip(*PAIRS, strict=True)
    probe = FunctionalsProbe(functionals(PAIRS), emotions, EMOTIONS, speakers)
    assert named(probe.logits(np.array([[5.0, 0]], dtype=np.float32), ["new"])) == ["happy"]


def test_shuffled_labels_bring_the_functionals_to_chance():
    speakers, emotions = zip(*PAIRS, strict=True)
    shuffled = np.random.default_rng(0).permutation(emotions)
    probe = FunctionalsProbe(functionals(PAIRS), shuffled, EMOTIONS, speakers)
    assert np.mean(named(probe.logits(functionals(PAIRS, 1), speakers)) == np.array(emotions)) < 0.55


def spectrograms(labels, seed: int) -> list[np.ndarray]:
    """Spectrograms (T, 16) in dB with a line whose height is the label."""
    random = np.random.default_rng(seed)
    made = []
    for label in labels:
        logmel = random.uniform(-60, -40, size=(random.integers(60, 250), 16))
        logmel[:, 3 + 4 * EMOTIONS.index(label)] += 30
        made.append(logmel.astype(np.float32))
    return made


@pytest.fixture(scope="module")
def labels() -> list[str]:
    return list(EMOTIONS) * 16


@pytest.fixture(scope="module")
def trained(labels) -> ConvProbe:
    return ConvProbe(EMOTIONS, 16).fit(spectrograms(labels, 0), labels, ["f"] * len(labels))


def test_network_learns_and_is_the_same_again(trained, labels):
    test = spectrograms(labels, 1)
    assert (named(trained.logits(test)) == np.array(labels)).mean() > 0.95
    again = ConvProbe(EMOTIONS, 16).fit(spectrograms(labels, 0), labels, ["f"] * len(labels))
    assert again.arrays().keys() == trained.arrays().keys() > {"output.1.weight"}
    for name, value in trained.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], value, err_msg=name)


def test_network_comes_back_from_its_weights(trained, labels):
    test = spectrograms(labels, 2)
    restored = ConvProbe(EMOTIONS, 16).load(trained.arrays())
    np.testing.assert_array_equal(restored.logits(test), trained.logits(test))


def test_shuffled_labels_bring_the_network_to_chance(labels):
    shuffled = np.random.default_rng(0).permutation(labels)
    probe = ConvProbe(EMOTIONS, 16).fit(spectrograms(labels, 0), shuffled, ["f"] * len(labels))
    assert (named(probe.logits(spectrograms(labels, 1))) == np.array(labels)).mean() < 0.6


def test_network_does_not_learn_what_a_speaker_was_not_recorded_in():
    """Speaker m is marked by another line; angry and happy are all there is of m."""
    pairs = [(speaker, emotion) for speaker in "fm" for emotion in EMOTIONS if (speaker, emotion) != ("m", "sad")] * 12

    def marked(pairs, seed):
        logmels = spectrograms([emotion for _, emotion in pairs], seed)
        for (speaker, _), logmel in zip(pairs, logmels, strict=True):
            logmel[:, 0] += 30 * (speaker == "m")
        return logmels

    speakers, emotions = zip(*pairs, strict=True)
    probe = ConvProbe(EMOTIONS, 16).fit(marked(pairs, 0), emotions, speakers)
    assert (named(probe.logits(marked([("m", "sad")] * 10, 1))) == "sad").mean() > 0.8


def test_training_leaves_the_global_random_state_alone(labels):
    import torch

    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    ConvProbe(EMOTIONS, 16).fit(spectrograms(labels[:6], 0), labels[:6], ["f"] * 6)
    assert torch.equal(torch.rand(2), expected)


def test_a_single_class_is_always_named():
    values = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
    logits = FunctionalsProbe(values, ["me"] * 6, ["me"]).logits(values)
    assert logits.shape == (6, 1)
    assert np.isfinite(logits).all()
