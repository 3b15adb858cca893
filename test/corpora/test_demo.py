"""Tests of the demo corpus and of stage 1."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_mtl.bin.stages.prepare_data import main
from espnet_mtl.corpora.alignment import parse_alignment
from espnet_mtl.corpora.demo import CUES, FS, HELD_OUT, SPEAKERS, Demo
from espnet_mtl.corpora.split import split, split_sentences
from espnet_mtl.data.kaldi import read_table
from espnet_mtl.data.prepare import prepare_data
from espnet_mtl.errors import UserError
from espnet_mtl.text import espeak

SETS = ("train", "dev", "test")


@pytest.fixture(scope="module")
def corpus():
    return Demo()


@pytest.fixture(scope="module")
def spoken(corpus):
    """(samples, alignment, utterance) of three sentences in every voice and emotion."""
    wanted = [u for u in corpus.utterances() if u.sentence in ("s004", "s010", "s064")]
    return [(*corpus.render(u), u) for u in wanted]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    output = tmp_path_factory.mktemp("demo") / "data"
    prepare_data({"demo": Demo(sentences=7)}, output)
    return output


def contents(directory):
    """Content of every file whose path holds no hidden name (temporary directories and locks)."""
    files = {path.relative_to(directory): path for path in directory.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if "." not in {part[0] for part in name.parts}}


def median_f0(samples):
    import pyworld

    f0, times = pyworld.dio(samples, FS, f0_floor=50, f0_ceil=600)
    f0 = pyworld.stonemask(samples, f0, times, FS)
    return np.median(f0[f0 > 0])


def semitone_range(samples):
    import pyworld

    f0, _ = pyworld.dio(samples, FS, f0_floor=50, f0_ceil=600)
    return np.subtract(*np.percentile(12 * np.log2(f0[f0 > 0]), [90, 10]))


def tilt(samples):
    """Energy above 1 kHz over that below, in dB."""
    power, frequency = np.abs(np.fft.rfft(samples)) ** 2, np.fft.rfftfreq(len(samples), 1 / FS)
    return 10 * np.log10(power[frequency > 1000].sum() / power[frequency <= 1000].sum())


def level(samples):
    return 10 * np.log10(np.mean(samples**2))


def by_emotion(spoken, measure):
    """Mean of a measure by emotion, over equal sentences and speakers."""
    return {
        emotion: np.mean([measure(samples, aligned) for samples, aligned, u in spoken if u.emotion == emotion])
        for emotion in CUES
    }


def test_sentences_are_ordinary_and_unique(corpus):
    texts = corpus._texts.values()
    assert len({text.lower() for text in texts}) == len(texts) >= 250
    assert all(3 <= len(text.split()) <= 9 for text in texts)
    assert all(text[0].isupper() and text[-1] == "." and text[:-1].replace(" ", "").isalpha() for text in texts)


def test_the_split(corpus):
    units = corpus.units(corpus.utterances())
    set_of = split_sentences(units, corpus.policy, units)
    sets = split(corpus.utterances(), corpus.policy, units)
    assert Counter(set_of.values()) == {"train": 54, "dev": 4, "test": 12}
    assert {name: len(group) for name, group in sets.items()} == {"train": 864, "dev": 64, "test": 240}
    seen = frozenset().union(*(units[name] for name in set_of if set_of[name] == "train"))
    assert all(units[name] <= seen for name in set_of)
    pairs = {name: {(u.speaker, u.emotion) for u in group} for name, group in sets.items()}
    assert pairs["test"] - pairs["train"] == pairs["test"] - pairs["dev"] == HELD_OUT


def test_held_out_pairs_differ_in_speaker_and_emotion():
    speakers, emotions = zip(*HELD_OUT, strict=True)
    assert set(speakers) == set(SPEAKERS)
    assert set(emotions) == set(CUES) - {"neutral"}


@pytest.mark.parametrize("sentences", [7, 10, 290])
@pytest.mark.parametrize("seed", [0, 1])
def test_other_sizes_can_be_split(sentences, seed):
    corpus = Demo(sentences, seed)
    units = corpus.units(corpus.utterances())
    counts = Counter(split_sentences(units, corpus.policy, units).values())
    assert sum(counts.values()) == sentences
    assert min(counts["dev"], counts["test"]) >= 2


def test_phones_are_the_tokens_of_the_text(spoken):
    for samples, aligned, utterance in spoken:
        assert [phone for phone, _ in aligned] == espeak.phonemize(utterance.text, utterance.language)
        ends = [end for _, end in aligned]
        assert all(end > before for before, end in zip([0, *ends], ends, strict=False))
        assert len(samples) / FS - 0.3 < ends[-1] <= len(samples) / FS + 0.001
        assert np.abs(samples).max() < 0.99


def test_speakers_differ_in_pitch_and_formants(spoken):
    f0, centroid = {}, {}
    for speaker in SPEAKERS:
        own = [samples for samples, _, u in spoken if (u.speaker, u.emotion) == (speaker, "neutral")]
        f0[speaker] = np.median([median_f0(samples) for samples in own])
        power = np.mean([np.abs(np.fft.rfft(samples, 1 << 17)) ** 2 for samples in own], axis=0)
        centroid[speaker] = (power * np.fft.rfftfreq(1 << 17, 1 / FS)).sum() / power.sum()
    assert np.diff([f0[speaker] for speaker in ("m1", "m2", "f1", "f2")]).min() > 15
    assert np.diff(sorted(centroid.values())).max() > 50


def test_emotions_differ_in_every_cue_but_in_no_single_order(spoken):
    orders = {
        "pitch": by_emotion(spoken, lambda samples, _: np.log(median_f0(samples))),
        "range": by_emotion(spoken, lambda samples, _: semitone_range(samples)),
        "tempo": by_emotion(spoken, lambda _, aligned: len(aligned) / aligned[-1][1]),
        "tilt": by_emotion(spoken, lambda samples, _: tilt(samples)),
        "level": by_emotion(spoken, lambda samples, _: level(samples)),
    }
    least = {name: min(values, key=values.get) for name, values in orders.items()}
    most = {name: max(values, key=values.get) for name, values in orders.items()}
    assert set(least.values()) == {"sad"}
    assert (most["pitch"], most["tempo"], most["tilt"], most["level"]) == (
        "surprised",
        "angry",
        "angry",
        "angry",
    )
    assert orders["pitch"]["happy"] > orders["pitch"]["angry"] + 0.05
    assert orders["tempo"]["happy"] > orders["tempo"]["surprised"] * 1.1
    assert orders["range"]["happy"] > orders["range"]["neutral"] + 0.5
    assert orders["level"]["sad"] < orders["level"]["neutral"] - 2


def test_utterances_of_one_emotion_scatter(corpus):
    one, two = Demo(seed=1), Demo(seed=2)
    utterance = corpus.utterances()[3]
    ends = {other.render(utterance)[1][-1][1] for other in (corpus, one, two)}
    assert len(ends) == 3
    assert max(ends) < 1.15 * min(ends)


def test_world_changes_the_voice_but_not_the_times():
    utterance = next(u for u in Demo().utterances() if u.id == "f1_sad_s010")
    (plain, aligned), (varied, times) = Demo().render(utterance), Demo(world=True).render(utterance)
    assert len(plain) == len(varied)
    assert aligned == times
    assert np.isfinite(varied).all()
    assert 0.5 < np.std(varied) / np.std(plain) < 2
    assert not np.allclose(plain, varied, atol=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"sentences": 6}, "from 7 to"), ({"sentences": "x"}, "from 7 to"), ({"seed": -1}, "seed must be")],
)
def test_bad_settings_are_errors(settings, message):
    with pytest.raises(UserError, match=message):
        Demo(**settings)


def test_directories_of_stage_1(tiny):
    counts = {name: len(read_table(tiny / name / "text")) for name in SETS}
    assert counts == {"train": 3 * 16, "dev": 2 * 16, "test": 2 * 20}
    for name in SETS:
        wavs = read_table(tiny / name / "wav.scp")
        tables = [read_table(tiny / name / table) for table in ("text", "utt2spk", "utt2emo", "utt2lang")]
        aligned = read_table(tiny / name / "alignment")
        assert all(set(table) == set(wavs) for table in (*tables, aligned))
        assert all(utt.startswith(f"{speaker}_{tables[2][utt]}_s") for utt, speaker in tables[1].items())
        assert " ".join(read_table(tiny / name / "spk2utt").values()) == " ".join(sorted(wavs))
        for utt, wav in wavs.items():
            info = soundfile.info(wav)
            assert Path(wav).is_absolute()
            assert info.samplerate == FS
            assert parse_alignment(aligned[utt])[-1][1] <= info.duration + 0.001
    report = (tiny / "report.txt").read_text()
    assert "train: 48 utterances, 3 sentences" in report
    assert "only in test: f1 angry, f2 sad, m1 happy, m2 surprised (20 utterances" in report
    assert "dropped: 0" in report


def test_two_processes_make_the_same_corpus(tiny, tmp_path):
    prepare_data({"demo": Demo(sentences=7)}, tmp_path / "data", nj=2)
    first, second = contents(tiny), contents(tmp_path / "data")
    assert set(first) == set(second)
    assert [str(path) for path in first if first[path] != second[path]] == [
        str(path) for path in first if path.name in ("wav.scp", "visual.scp")
    ]


def test_a_killed_stage_leaves_the_old_output(tmp_path):
    """The process is killed in the midst of the work, when some recordings are already written."""
    output = tmp_path / "data"
    prepare_data({"demo": Demo(sentences=7)}, output)
    before = contents(output)
    code = f"""
import os, pathlib, signal
from espnet_mtl.corpora.demo import Demo
from espnet_mtl.data.prepare import prepare_data
class Killed(Demo):
    made = 0
    def render(self, utterance):
        self.made += 1
        if self.made == 40:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().render(utterance)
prepare_data({{'demo': Killed(sentences=7, seed=3)}}, pathlib.Path({str(output)!r}))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert list(output.glob(".*.tmp/wav/*.wav"))
    assert contents(output) == before
    prepare_data({"demo": Demo(sentences=7)}, output)
    assert contents(output) == before


def test_the_command_takes_settings_from_file_and_arguments(tmp_path, capsys):
    config = tmp_path / "local/demo.yaml"
    config.parent.mkdir()
    config.write_text("sentences: 70\nseed: 5\n")
    command = ["--output", str(tmp_path / "data"), "--local", str(config.parent)]
    main([*command, "--corpus_conf", "sentences=7"])
    assert "train 48, dev 32, test 40 utterances" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--corpus", "nonesuch"], r"unknown corpus 'nonesuch': Valid: .*demo"),
        (
            ["--corpus_conf", "size=3"],
            r"unknown setting of corpus demo 'size': Valid: face_style, faceless, seed, sentences",
        ),
        (["--corpus_conf", "sentences"], "expected key=value, got 'sentences'"),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(tmp_path, arguments, message):
    with pytest.raises(UserError, match=message):
        main(["--output", str(tmp_path / "data"), *arguments])
    assert not (tmp_path / "data").exists()
