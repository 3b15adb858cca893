import kaldiio
import numpy as np
import pytest

from espnet_mtl.config.ranges import RANGES
from espnet_mtl.data.continuous import (
    Prosody,
    _read_prosody,
    energy_dynamics,
    intonation,
    phrases,
    read_continuous,
    speaking_rate,
    standardized,
)
from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.errors import UserError
from espnet_mtl.labels import CONTINUOUS_LABELS
from espnet_mtl.text.tokens import Tokenizer

TIMES = (np.arange(6) * 10 + 5) / 100  # in units of 100 frames


def prosody(pitch, energy=None, marks=()):
    pitch = np.asarray(pitch, float)
    tokens = ["," if i in marks else "a" for i in range(len(pitch))]
    energy = np.ones(len(pitch)) if energy is None else np.asarray(energy, float)
    return Prosody(np.full(len(pitch), 10.0), pitch, energy, phrases(tokens))


def test_phrases_are_between_marks():
    assert phrases(["a", "b", ",", "c", ".", "."]) == [slice(0, 2), slice(3, 4)]
    assert phrases(["a"]) == [slice(0, 1)]


def test_speaking_rate_is_tokens_per_time():
    slow = Prosody(np.array([20.0, 20]), np.zeros(2), np.ones(2), [])
    np.testing.assert_allclose(speaking_rate(prosody([5, 5])) - speaking_rate(slow), np.log(2))


def test_intonation_of_a_line():
    level, spread, slope, bend, *rest = intonation(prosody(5 + 0.5 * TIMES))
    np.testing.assert_allclose([level, slope, bend], [5 + 0.5 * TIMES.mean(), 0.5, 0], atol=1e-9)
    assert spread == pytest.approx(0.5 * TIMES.std())
    np.testing.assert_allclose(rest, [0.5, spread, 0, 0.5], atol=1e-9)


def test_intonation_of_phrases():
    """Two phrases that fall, the second one lower: no slope of the whole tells that."""
    pitch = np.array([6.0, 5.8, 5.6, 0, 5.0, 4.9, 4.8])
    *_, slope, spread, steps, last = intonation(prosody(pitch, marks=[3]))
    np.testing.assert_allclose([slope, last], [-1.5, -1.0])
    np.testing.assert_allclose(steps, (5.8 - 4.9) / 2)
    assert 0 < spread < 0.2


def test_a_curve_bends():
    assert intonation(prosody(-((TIMES - 0.3) ** 2)))[3] == pytest.approx(-1)


def test_energy_dynamics():
    spread, slope, step = energy_dynamics(prosody(np.zeros(6), np.exp([0, 1, 0, 1, 0, 1])))
    assert spread == pytest.approx(0.5)
    assert step == pytest.approx(1)
    assert slope > 0


@pytest.mark.parametrize("tokens", [1, 2, 3])
def test_short_utterances_have_finite_values(tokens):
    for measure in (speaking_rate, intonation, energy_dynamics):
        assert np.isfinite(measure(prosody(np.full(tokens, 5.0), np.zeros(tokens)))).all()


@pytest.fixture
def dump(tmp_path):
    """Two speakers, one higher, each with a lively and a flat utterance; one in dev only."""
    generator = np.random.default_rng(0)
    sets = {"train": ("low_a", "low_b", "high_a", "high_b"), "dev": ("low_c", "new_c")}
    for name, utts in sets.items():
        (tmp_path / name).mkdir()
        pitch = {}
        for utt in utts:
            base = {"low": 4.8, "high": 5.4, "new": 5.0}[utt.split("_")[0]]
            spread = 0.2 if utt.endswith("a") else 0.05
            pitch[utt] = (base + spread * generator.standard_normal((9, 1))).astype("f")
        for kind in ("pitch", "energy"):
            with kaldiio.WriteHelper(f"ark,scp:{tmp_path}/{name}/{kind}.ark,{tmp_path}/{name}/{kind}.scp") as writer:
                for utt in utts:
                    writer(utt, pitch[utt])
        write_table(tmp_path / name / "durations", dict.fromkeys(utts, "5 " * 8 + "1"))
        write_table(tmp_path / name / "phones", dict.fromkeys(utts, "a b c , d e f ."))
        write_table(tmp_path / name / "utt2spk", {utt: utt.split("_")[0] for utt in utts})
    write_table(tmp_path / "train" / "utt2vad", {"low_a": "2.5 3 3.5", "high_a": "4.5 3 1.5"})
    return tmp_path


OF_UTTERANCES = [label for label in CONTINUOUS_LABELS if label not in RANGES.values()]


@pytest.mark.parametrize("label", OF_UTTERANCES)
def test_labels_are_in_deviations_of_the_training_set(dump, label):
    values = standardized(dump, OF_UTTERANCES, Tokenizer("phn"), ("train", "dev"))[label]
    learned = np.array([*values["train"].values()])
    assert learned.shape == (2 if label == "vad" else 4, CONTINUOUS_LABELS[label].size)
    np.testing.assert_allclose(learned.mean(0), 0, atol=1e-6)
    assert ((learned.std(0) < 1 + 1e-6) & np.isfinite(learned).all()).all()
    assert set(values["dev"]) == (set() if label == "vad" else {"low_c", "new_c"})


def test_the_level_of_intonation_is_the_speakers_own(dump):
    raw = read_continuous(dump / "train", ["intonation"], Tokenizer("phn"))["intonation"]
    assert raw["high_a"][0] - raw["low_a"][0] > 0.3
    values = standardized(dump, ["intonation"], Tokenizer("phn"), ("train", "dev"))["intonation"]
    for speaker in ("low", "high"):
        assert values["train"][f"{speaker}_a"][0] == pytest.approx(-values["train"][f"{speaker}_b"][0])
    assert values["dev"]["new_c"][0] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("line", ["2.5 3", "2.5 3 high", "nan 3 3"])
def test_a_line_that_is_not_three_numbers_is_named(dump, line):
    write_table(dump / "train/utt2vad", {"low_a": line})
    with pytest.raises(UserError, match=rf"utt2vad:1: utterance low_a: vad '{line}': expected 3 numbers"):
        read_continuous(dump / "train", ["vad"], Tokenizer("phn"))


def test_without_stage_3_the_error_says_so(tmp_path):
    with pytest.raises(UserError, match="run stage 3 first"):
        read_continuous(tmp_path, ["speaking_rate"], Tokenizer("phn"))


def test_phrases_are_those_of_the_cleaned_text(dump):
    write_table(dump / "train/text", dict.fromkeys(read_table(dump / "train/utt2spk"), "LG, a7"))
    tokenizer = Tokenizer("char", cleaner="korean_cleaner")  # 엘지, 에이칠
    assert _read_prosody(dump / "train", tokenizer)["low_a"].phrases == [slice(0, 2), slice(3, 7)]


@pytest.mark.parametrize(("token_type", "parts"), [("char", 2), ("bpe", 1)])
def test_phrases_of_other_tokens(dump, token_type, parts):
    texts = dict.fromkeys(read_table(dump / "train/utt2spk"), "abc,defg")
    write_table(dump / "train/text", texts)
    measured = _read_prosody(dump / "train", Tokenizer(token_type))["low_a"]
    assert len(measured.phrases) == (parts if token_type == "char" else 0)
    assert np.isfinite(intonation(measured)).all()
