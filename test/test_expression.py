"""tools/expression.py finds what a speaker whose voice is known does, and does not, and measures models."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from recipe import MULTI, ROOT
from tone_speaker import ToneSpeaker, write_hums

sys.path.insert(0, str(ROOT / "tools"))
from expressing.emotions import NO_REFERENCE, between, measure_emotions, rises
from expressing.figures import Figures
from expressing.halves import markup_of, middle_of, second_emotions
from expressing.knobs import measure_knobs
from expressing.long_text import add_understood, is_same, memory_of, nearest_to_own, text_of, words_lost
from expressing.probing import train_on_natural
from expressing.subject import Subject

from espnet_mtl.inference.prosody import TimedWord

SENTENCES = ["one two three four", "five six seven", "eight nine ten eleven", "a b c d e f", "g h i j", "k l m n o"]


@pytest.fixture(scope="module")
def hums(tmp_path_factory):
    """Natural speech: training and test set, and the probes that learned from the first."""
    directory = tmp_path_factory.mktemp("hums")
    train, test = write_hums(directory / "train", SENTENCES[:4]), write_hums(directory / "test", SENTENCES[4:])
    return train, test, train_on_natural(subject_of(ToneSpeaker(), train, test), 1)


def subject_of(tts, train, test):
    spoken = sorted(set(zip(test.texts, test.speakers, strict=True)))
    return Subject(tts, train, test, spoken, tts.emotions)


def measured(hums, **options):
    train, test, probes = hums
    figures = measure_emotions(subject_of(ToneSpeaker(**options), train, test), probes, 1)
    values = {name: figure.value for name, (_, figure, _) in figures.rows.items()}
    return figures, values


def test_a_speaker_that_does_all_that_it_is_asked_is_found_right_in_all(hums):
    figures, values = measured(hums)
    assert not figures.left_out
    # Where a posterior is as good as 1, it trembles: that it rises in every step, not even this speaker can do
    assert {name for name, value in values.items() if value != 1} <= {"intensity_rises"}
    assert {"natural_emotion", "labelled_speaker", "reference_share", "intensity_zero", "mixture_balance"} <= set(
        values
    )
    assert figures.details["recall"]["reference"] == {"happy": 1.0, "neutral": 1.0, "sad": 1.0}


def test_what_a_speaker_does_not_do_is_found(hums):
    _, values = measured(hums, deaf=True, stubborn=True, backwards=True)
    assert values["labelled_emotion"] == 1
    assert values["reference_emotion"] == values["reference_share"] == pytest.approx(1 / 3)
    assert values["reference_speaker"] == 1
    assert values["changing_first"] == 1
    assert values["changing_second"] == 0
    assert values["intensity_rises"] == values["intensity_never_falls"] == 0
    assert values["intensity_zero"] == 1


def test_recordings_are_told_apart_by_what_training_had(hums):
    train, test, probes = hums
    probes = replace(probes, seen=probes.seen - {("f1", "happy")})
    figures = measure_emotions(subject_of(ToneSpeaker(), train, test), probes, 1)
    counts = {name: count for name, (_, _, count) in figures.rows.items()}
    # The recordings of f1 being happy are the references of m1
    assert (counts["reference_share_had"], counts["reference_share_lacked"]) == (10, 2)
    assert counts["labelled_transfer"] == 2


def test_without_a_reference_encoder_its_rows_are_left_out(hums):
    figures, values = measured(hums, reference=False)
    assert figures.left_out == {"reference": NO_REFERENCE}
    assert f"left out: reference: {NO_REFERENCE}" in figures.table()
    assert not any(name.startswith("reference") for name in values)
    assert values["labelled_emotion"] == 1


def test_knobs_are_measured_in_the_sound(hums):
    train, test, _ = hums
    figures = measure_knobs(subject_of(ToneSpeaker(), train, test))
    for knob in ("rate", "pitch", "energy"):
        assert figures.rows[f"{knob}_rank_correlation"][1].value == pytest.approx(1)
        assert figures.rows[f"{knob}_right_size"][1].value == 1
    # It has no control of the range: nothing changes, so that there is no order
    assert figures.rows["pitch_range_rank_correlation"][1] is None
    assert figures.rows["pitch_range_right_size"][1].value == 0
    at_four = next(row for row in figures.details["values"]["pitch"] if row["asked"] == 4)
    assert at_four["median"] == pytest.approx(4, abs=0.05)


def test_the_order_of_posteriors():
    posteriors = np.array([[0.1, 0.5, 0.9], [0.1, 0.9, 0.89], [0.1, 0.9, 0.8], [0.9, 0.9, 0.9]])
    assert rises(posteriors).tolist() == [True, False, False, False]
    assert rises(posteriors, 0.02).tolist() == [True, True, False, False]
    assert between(posteriors).tolist() == [True, False, False, True]
    assert between(posteriors, 0.02).tolist() == [True, True, False, True]


def test_the_middle_of_a_sentence_is_a_word_that_is_spoken():
    spoken = [TimedWord(word, 0.0, 0.0) for word in ("Tom", "Jerry's", "in", "garden")]  # espeak says "in the" as one
    text = "Tom & Jerry's “in the garden”."
    middle = middle_of(text, spoken)
    assert text[middle.character :] == "“in the garden”."
    first, second = ElementTree.fromstring(markup_of(text, middle, "happy", "sad"))
    assert (first.text, second.text) == ("Tom & Jerry's", "“in the garden”.")
    assert (first.get("style"), second.get("style")) == ("happy", "sad")
    assert middle_of("Tom.", spoken[:1]) is None
    assert middle_of("7 cats", [TimedWord("seven", 0.0, 0.0), TimedWord("cats", 0.0, 0.0)]) is None


def test_each_emotion_comes_first_once_and_second_once():
    tts = ToneSpeaker()
    subject = Subject(tts, None, None, [("a", "f1"), ("b", "f1"), ("c", "m1")], tts.emotions)
    seconds = second_emotions(subject)
    for start in range(0, 9, 3):
        assert sorted(seconds[start : start + 3]) == tts.emotions
        assert all(one != other for one, other in zip(seconds[start : start + 3], tts.emotions, strict=True))
    assert seconds[:3] != seconds[3:6]


def test_a_lost_sentence_is_found():
    texts = ["The old bridge creaked.", "She poured warm milk.", "We watched the clouds."]
    figures = Figures(details={"long": {}})
    add_understood(figures, texts, ["the old bridge", "", "bee watch the crowds"], [*texts[:2], "bee watch the crowds"])
    found = figures.details["long"]
    assert (found["lost"], found["lost_sentences"], found["silent"]) == (1, [texts[1]], 1)
    assert (found["above_threshold"], found["above_threshold_alone"], found["not_found"]) == (2, 1, 1)
    assert figures.rows["word_errors_difference"][1].value == pytest.approx(5 / 12)
    assert nearest_to_own(texts, [texts[1], texts[1], texts[2]]).tolist() == [False, True, True]


def test_the_whole_of_a_long_text():
    assert words_lost("one two three four", ["one two", "three"]) == 0
    assert words_lost("one two three four", ["one", "three four"]) == 1
    flat, growing = [100_000_000] * 200, [100_000_000 + 1_000_000 * number for number in range(200)]
    assert memory_of(flat)["growth"] == 0
    assert memory_of(growing)["growth"] > 1
    wave = np.sin(np.arange(100.0))
    faded = np.concatenate(
        [wave * np.minimum(1, np.arange(100) / 4) * np.minimum(1, np.arange(99, -1, -1) / 4), np.zeros(9)]
    )
    assert is_same(wave, faded, 4)
    assert not is_same(np.sin(np.arange(100.0) + 0.01), faded, 4)
    assert not is_same(wave[:60], faded, 4)
    assert len(text_of(None, 30)) > 30 * 60 * 30


def expression(recipe, *options, status=0):
    """Runs the tool; its output, or what it says of an error."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(recipe / "cache"), "PYTHONPATH": str(ROOT)}
    line = [sys.executable, ROOT / "tools/expression.py", *options]
    done = subprocess.run(line, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    return done.stderr if status else done.stdout


def test_a_model_of_the_recipe_is_measured(recipe, tmp_path):
    model = recipe / f"exp/{MULTI}/{MULTI}.zip"
    where = [model, recipe / "dump/raw", "--sentences", "1", "--speakers", "f1", "--json"]
    expression(recipe, "controls", *where, tmp_path / "controls.json", "--emotions", "neutral")
    controls = json.loads((tmp_path / "controls.json").read_text())
    # Of a model that has hardly learned to speak, no F0 can be measured; lengths and levels can
    assert controls["rows"]["rate_right_size"]["value"] == 1
    assert controls["rows"]["energy_right_size"]["value"] == 1
    assert [row["asked"] for row in controls["values"]["energy"]] == [-12, -6, -3, 0, 3, 6, 12, -30, 20]
    printed = expression(recipe, "emotions", *where, tmp_path / "emotions.json", "--emotions", "happy", "neutral")
    emotions = json.loads((tmp_path / "emotions.json").read_text())
    assert emotions["rows"]["intensity_zero"]["value"] == 1
    assert {"natural_emotion", "reference_emotion", "changing_second"} <= set(emotions["rows"])
    assert "| intensity 0: the samples of neutral, to the bit | 1.000 | 1.000 to 1.000 | 1 |" in printed
    (tmp_path / "tale.txt").write_text("One day it rained. Nobody went out.\n\nThe end.\n")
    tale = ["--text", tmp_path / "tale.txt", "--minutes", "0.1", "--json", tmp_path / "long.json"]
    expression(recipe, "long", model, *tale)
    long = json.loads((tmp_path / "long.json").read_text())
    assert long["long"]["minutes"] >= 0.1
    assert long["long"]["words_lost_by_splitting"] == 0
    assert long["left_out"] == {"recognized": "no --whisper"}
    expression(recipe, "draw", tmp_path / "emotions.json", "--output", tmp_path / "intensity.png")
    assert (tmp_path / "intensity.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--speakers", "f3"], "error: unknown --speakers 'f3': Valid: f1, f2, m1, m2"),
        (["--emotions", "bored"], "error: unknown --emotions 'bored': Valid: angry, happy, neutral, sad, surprised"),
        (["--part", "tests"], "tests/wav.scp"),
        (["--sentences", "0"], "error: --sentences: expected a whole number of at least 1, got 0"),
    ],
)
def test_a_mistake_is_told_in_a_line(recipe, options, message):
    model: Path = recipe / f"exp/{MULTI}/{MULTI}.zip"
    said = expression(recipe, "emotions", model, recipe / "dump/raw", *options, status=2)
    assert message in said
    assert "Traceback" not in said
