from collections import Counter
from dataclasses import replace

import pytest
from speech_sets import EMOTIONS, listening_test, write_speech

from espnet_mtl.errors import UserError
from espnet_mtl.listening.trials import TESTS, ListeningTest, read_systems


@pytest.mark.parametrize("kind", TESTS)
def test_trials_follow_from_seed_and_listener(tmp_path, kind):
    test = listening_test(tmp_path, kind, n=6)
    assert test.trials("ann") == listening_test(tmp_path, kind, n=6).trials("ann")
    assert test.trials("ann") != test.trials("bob")
    assert test.trials("ann") != replace(test, seed=1).trials("ann")


@pytest.mark.parametrize("n", [1, 2, 7, 12, 15])
def test_systems_are_heard_equally_often_and_in_the_same_utterances(tmp_path, n):
    test = listening_test(tmp_path, "mos", ("a", "b", "c"), n=n)
    for listener in "xyz":
        trials = test.trials(listener)
        assert len(trials) == n == len(set(trials))
        counts = Counter(trial.systems[0] for trial in trials)
        assert max(counts.values()) - min(counts[name] for name in "abc") <= 1
        assert len({trial.utterance for trial in trials}) == -(-n // 3)


def test_an_utterance_is_not_heard_from_all_systems_in_a_row(tmp_path):
    heard = [trial.utterance for trial in listening_test(tmp_path, "mos", ("a", "b", "c"), n=18).trials("x")]
    assert len({*heard[:3]}) > 1
    assert heard != sorted(heard)


def test_a_pair_is_the_same_utterance_of_two_systems_each_first_equally_often(tmp_path):
    test = listening_test(tmp_path, "ab", ("a", "b", "c"), n=18)
    trials = test.trials("x")
    assert len(trials) == 18
    for trial in trials:
        assert [wav.rsplit("/", 3)[-3] for wav in trial.wavs] == list(trial.systems)
        assert {wav.rsplit("/", 1)[-1] for wav in trial.wavs} == {f"{trial.utterance}.wav"}
    assert Counter(trial.systems for trial in trials) == dict.fromkeys(
        [("a", "b"), ("b", "a"), ("a", "c"), ("c", "a"), ("b", "c"), ("c", "b")], 3
    )
    firsts = {replace(test, n=1).trials(listener)[0].systems for listener in "abcdefghijklmnopqrstuvwxyz"}
    assert len(firsts) == 6


def test_only_utterances_that_all_systems_have(tmp_path):
    directories = [write_speech(tmp_path / "one", range(5)), write_speech(tmp_path / "two", range(3, 9))]
    test = ListeningTest("mos", read_systems([str(path) for path in directories]), tmp_path, n=100)
    assert test.utterances == ["spk1_3", "spk1_4"]
    assert len(test.trials("x")) == 4
    assert list(test.systems) == [str(path) for path in directories]


def test_emotion_test_asks_for_labelled_utterances_and_offers_every_emotion(tmp_path):
    test = listening_test(tmp_path, "emotion", n=100)
    assert "spk1_5" not in test.utterances
    assert {trial.emotion for trial in test.trials("x")} == set(EMOTIONS)
    assert [choice.answer for choice in test.choices] == [*EMOTIONS, "none of these"]
    assert [choice.key for choice in test.choices] == ["1", "2", "3", "0"]


def test_nothing_in_common_is_an_error_that_names_the_directories(tmp_path):
    systems = read_systems(
        [f"{name}={write_speech(tmp_path / name, utts)}" for name, utts in {"a": range(2), "b": range(2, 4)}.items()]
    )
    with pytest.raises(UserError, match=f"no utterance is common to all systems.*{tmp_path}/a/wav.scp, {tmp_path}/b/"):
        ListeningTest("mos", systems, tmp_path)
    unlabelled = read_systems([f"a={write_speech(tmp_path / 'c', range(5, 6))}"])
    with pytest.raises(UserError, match=r"no labelled utterance.*c/utt2emo"):
        ListeningTest("emotion", unlabelled, tmp_path)


@pytest.mark.parametrize(
    ("kind", "systems", "n", "message"),
    [
        ("mos", (), 20, "--system: the mos test needs 1 or more, got 0"),
        ("ab", ("a",), 20, "--system: the ab test needs 2 or more, got 1"),
        ("mos", ("a",), 0, "--n: expected 1 trial or more, got 0"),
    ],
)
def test_too_little_is_an_error(tmp_path, kind, systems, n, message):
    with pytest.raises(UserError, match=message):
        listening_test(tmp_path, kind, systems, n=n)


def test_a_directory_may_have_an_equals_sign_and_names_are_unique(tmp_path):
    directory = write_speech(tmp_path / "lr=1")
    assert list(read_systems([f"multi={directory}", f"={directory}"])) == ["multi", str(directory)]
    with pytest.raises(UserError, match="'multi' comes twice"):
        read_systems([f"multi={directory}", f"multi={directory}"])
    with pytest.raises(UserError, match=r"run stage 3 or 6 first: none/wav\.scp is missing"):
        read_systems(["multi=none"])
