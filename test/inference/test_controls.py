"""Controls of rate, pitch, range, energy and pauses, and prosody that is said again."""

import pickle
import threading
from fractions import Fraction

import numpy as np
import pytest
import torch

from espnet_mtl.config.numbers import KNOBS
from espnet_mtl.errors import UserError
from espnet_mtl.inference.contours import stretched_pitch, whole_frames
from espnet_mtl.inference.request.controls import Controls
from espnet_mtl.text.espeak import phonemize
from test.model.backbones.test_tacotron2 import TINY_TACOTRON

TEXT = "good morning"
TOKENS = len(phonemize(TEXT, "en-us"))
pytestmark = pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated:FutureWarning")


@pytest.fixture(params=["fastspeech2", "jets"])
def speech(request, make_tts):
    """A tiny model of each backbone that predicts durations and pitch."""
    from tiny_backbones import with_backbone

    if request.param == "fastspeech2":
        return make_tts()
    tts = make_tts(**with_backbone("jets"), options={"griffin_lim_iters": None})
    torch.nn.init.constant_(tts.model.tts.generator.duration_predictor.linear.bias, 1.5)
    return tts


def prosody(tts, **controls):
    return tts(TEXT, vocode=False, **controls)["prosody"]


def log_f0(tts, **controls):
    return np.log(prosody(tts, **controls).pitch)


def test_neutral_controls_change_nothing(speech):
    plain = speech(TEXT)
    neutral = {name: knob.neutral for name, knob in KNOBS.items()}
    for controls in (neutral, {**neutral, "pause": None}, {"rate": [1.0] * TOKENS, "energy": np.zeros(TOKENS)}):
        assert torch.equal(speech(TEXT, **controls)["wav"], plain["wav"])
    assert torch.equal(speech(TEXT, controls=Controls())["wav"], plain["wav"])


@pytest.mark.parametrize("rate", [0.5, 0.8, 1.3, 2.0])
def test_rate(speech, rate):
    plain, changed = prosody(speech), prosody(speech, rate=rate)
    np.testing.assert_allclose(changed.ends, np.rint(np.cumsum(plain.durations) / rate) * plain.frame)
    output = speech(TEXT, rate=rate)
    assert len(output["wav"]) == pytest.approx(changed.ends[-1] * speech.fs, abs=1.01 * speech.frame * speech.fs)


def test_pitch_and_its_range(speech):
    plain = log_f0(speech)
    np.testing.assert_allclose(log_f0(speech, pitch=12), plain + np.log(2), atol=1e-4)
    np.testing.assert_allclose(log_f0(speech, pitch=-5) - plain, -5 / 12 * np.log(2), atol=1e-4)
    wider = log_f0(speech, pitch_range=1.5)
    np.testing.assert_allclose(wider[:-1].std(), 1.5 * plain[:-1].std(), rtol=1e-3)
    np.testing.assert_allclose(wider[:-1].mean(), plain[:-1].mean(), atol=1e-4)
    assert log_f0(speech, pitch_range=0, pitch=1).std() < 1e-4


def test_pitch_changes_the_speech(speech):
    plain, higher = speech(TEXT), speech(TEXT, pitch=12)
    assert not torch.allclose(plain["wav"], higher["wav"], atol=1e-3)
    assert torch.equal(speech(TEXT)["wav"], plain["wav"])


def test_numbers_of_any_kind(tts):
    plain = log_f0(tts)
    for two in (np.float32(2), np.array(2), Fraction(2), [2] * TOKENS, (2.0,) * TOKENS, np.full(TOKENS, 2, "i1")):
        np.testing.assert_allclose(log_f0(tts, pitch=two) - plain, np.log(2) / 6, atol=1e-4)
    nothing = np.full(TOKENS, np.nan, np.float32)
    assert prosody(tts, pause=nothing).durations.tolist() == prosody(tts).durations.tolist()


def test_a_row_is_the_callers_own(tts):
    rate = np.ones(TOKENS)
    controls = Controls(rate=rate)
    rate[:] = 0
    assert tts(TEXT, controls=controls, vocode=False)["prosody"].durations.sum() > 0


def test_prosody_of_another_model(tts, make_tts):
    said = prosody(tts, speaker="m1")
    for other in (make_tts(speakers=["m1", "f1"]), make_tts(emotions=["neutral", "sad"])):
        with pytest.raises(UserError, match="or it is of another model"):
            other.say(said)
    copied = pickle.loads(pickle.dumps(said))
    assert torch.equal(make_tts().say(copied)["wav"], tts.say(said)["wav"])


def test_silence_has_an_end(make_tts):
    tts = make_tts("pau")
    with pytest.raises(UserError, match="pause: 80 s of silence within one utterance, at most 60 s"):
        tts("good, " * 8 + "good", pause=10, vocode=False)


def test_each_token_may_have_its_own(speech):
    plain, shift = log_f0(speech), np.linspace(-3, 3, TOKENS)
    expected = np.append(shift, 3) * np.log(2) / 12
    np.testing.assert_allclose(log_f0(speech, pitch=shift) - plain, expected, atol=1e-4)
    before, rate = prosody(speech).durations, [1.0] * (TOKENS - 1) + [0.5]
    after = prosody(speech, rate=rate).durations
    assert after.tolist() == [*before[:-2], *(2 * before[-2:])]


def test_energy_is_a_gain(speech):
    plain, louder = speech(TEXT)["wav"], speech(TEXT, energy=6)["wav"]
    torch.testing.assert_close(louder, plain * 10 ** (6 / 20))
    gain = np.zeros(TOKENS)
    gain[0] = -20
    output = speech(TEXT, energy=gain)
    first, last = (output["prosody"].durations[[0, -1]] * speech.frame * speech.fs / 3).astype(int)
    torch.testing.assert_close(output["wav"][:first], plain[:first] / 10)
    torch.testing.assert_close(output["wav"][-last:], plain[-last:])


def test_pauses(make_tts):
    tts = make_tts("pau")
    plain = tts("good, morning", vocode=False)["prosody"]
    place = plain.tokens.index("pau")
    longer = tts("good, morning", vocode=False, pause=0.8)["prosody"]
    assert longer.durations[place] * longer.frame == pytest.approx(0.8, abs=plain.frame / 2)
    assert np.delete(longer.durations, place).tolist() == np.delete(plain.durations, place).tolist()
    each = np.full(len(plain.tokens), np.nan)
    assert tts("good, morning", vocode=False, pause=each)["prosody"].durations.tolist() == plain.durations.tolist()
    each[place] = 0
    assert tts("good, morning", vocode=False, pause=each)["prosody"].durations[place] == 0


def test_words_and_their_times(tts):
    output = tts(TEXT)
    words = output["prosody"].timed_words
    assert [word.text for word in words] == ["good", "morning"]
    assert words[0].start == 0
    assert words[0].end == words[1].start
    seconds = len(output["wav"]) / tts.fs
    assert words[1].end == pytest.approx(seconds - output["prosody"].durations[-1] * tts.frame, abs=tts.frame)
    assert tts(output["prosody"].utterance.ids)["prosody"].words == []


def test_prosody_is_said_again(speech):
    output = speech(TEXT, speaker="m1", emotion="sad", rate=0.9, pitch=2, energy=-3)
    again = speech.say(output["prosody"])
    torch.testing.assert_close(again["wav"], output["wav"], rtol=1e-3, atol=1e-4)
    changed = speech(TEXT, speaker="m1", emotion="sad")["prosody"]
    changed.durations[2] = 30
    changed.pitch[1:4] *= 1.5
    said = speech.say(changed)["prosody"]
    assert said.durations.tolist() == changed.durations.tolist()
    np.testing.assert_allclose(said.pitch, changed.pitch, rtol=1e-4)
    np.testing.assert_allclose(said.energy, changed.energy, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"durations": [3, 4]}, r"prosody\.durations: expected 9 finite numbers, one for each token .* shape \(2,\)"),
        ({"durations": np.full(9, 2.5)}, r"prosody\.durations: expected whole numbers of frames"),
        ({"durations": np.full(9, -1)}, r"prosody\.durations: expected whole numbers of frames, 0 or more"),
        ({"durations": np.full(9, 10**7)}, r"prosody\.durations: expected 1 to 3600 frames in all, got 9e\+07"),
        ({"durations": np.full(9, 1e300)}, r"prosody\.durations: expected 1 to 3600 frames in all"),
        ({"durations": np.zeros(9)}, r"prosody\.durations: expected 1 to 3600 frames in all, got 0"),
        ({"gain": np.full(9, 700.0)}, r"prosody\.gain: expected -60 to 20 dB"),
        ({"gain": np.full(9, 1j)}, r"prosody\.gain: expected 9 finite numbers"),
        ({"tokens": None}, "its tokens are not those of its utterance"),
        ({"utterance": "x"}, "expected what a call returned"),
        ({"pitch": np.zeros(9)}, r"prosody\.pitch: expected frequencies in Hz above 0"),
        ({"pitch": np.full(9, np.nan)}, r"prosody\.pitch: expected 9 finite numbers"),
        ({"gain": "loud"}, r"prosody\.gain: expected 9 finite numbers, .* got 'loud'"),
        ({"tokens": ["ɡ"]}, "its tokens are not those of its utterance"),
        ({"utterance": None}, "expected what a call returned"),
    ],
)
def test_prosody_that_cannot_be_said(tts, change, message):
    wrong = prosody(tts)
    for name, value in change.items():
        setattr(wrong, name, value)
    with pytest.raises(UserError, match=message):
        tts.say(wrong)
    with pytest.raises(UserError, match="expected what a call returned as `prosody`, got dict"):
        tts.say({})


@pytest.mark.parametrize(
    ("controls", "message"),
    [
        ({"rate": 0}, "rate: expected a number from 0.1 to 10, got 0"),
        ({"pitch": 25}, "pitch: expected a number from -24 to 24, got 25"),
        ({"pitch_range": -1}, "pitch_range: expected a number from 0 to 5"),
        ({"energy": float("nan")}, "energy: expected a finite number, got nan"),
        ({"pause": 11}, "pause: expected a number from 0 to 10, got 11"),
        ({"rate": None}, "rate: expected a finite number, got None"),
        ({"rate": "fast"}, "rate: expected a finite number, got 'fast'"),
        ({"rate": True}, "rate: expected a finite number, got True"),
        ({"rate": [1.0, 2.0]}, "rate: expected one number, or 8: one a token, got 2"),
        ({"rate": [1.0] * 7 + [0.0]}, r"rate\[7\]: expected a number from 0.1 to 10, got 0.0"),
        ({"pitch": [[1.0]]}, r"pitch\[0\]: expected a finite number, got \[1.0\]"),
        ({"pitch": []}, "pitch: expected one number, or one for each token, got none"),
        ({"rate": []}, "rate: expected one number, or one for each token, got none"),
        ({"rate": [[1.0, 2.0], [3.0]]}, r"rate\[0\]: expected a finite number"),
        ({"pause": np.array([None] * 8)}, r"pause\[0\]: expected a finite number, got None"),
        ({"pause": object()}, "pause: expected a finite number, got <object"),
        ({"pitch": ["a"]}, r"pitch\[0\]: expected a finite number, got 'a'"),
        ({"pitch": np.ones((8, 1))}, r"pitch\[0\]: expected a finite number"),
        ({"pitsch": 1}, "unknown control 'pitsch'"),
        ({"controls": {"pitch": 1}}, "controls: expected Controls, got"),
        ({"controls": Controls(), "pitch": 1}, "controls and pitch: both say how to speak"),
    ],
)
def test_wrong_controls(tts, controls, message):
    with pytest.raises(ValueError, match=message):
        tts(TEXT, **controls)


def test_a_slower_rate_counts_as_more(make_tts):
    tts = make_tts(options={"max_tokens": TOKENS})
    with pytest.raises(UserError, match="durations 2 times as long"):
        tts(TEXT, rate=0.5)


def test_tacotron2_says_what_it_cannot(make_tts):
    tts = make_tts(tts="tacotron2", tts_conf=dict(TINY_TACOTRON))
    options = {"decode_conf": {"maxlenratio": 1.0}}
    for control in ({"rate": 2}, {"pitch": [1.0] * TOKENS}, {"pitch_range": 2}, {"pause": 0.3}):
        with pytest.raises(
            UserError, match=f"{next(iter(control))}: tacotron2 predicts neither .* fastspeech2 and jets"
        ):
            tts(TEXT, **control, **options)
    plain, louder = tts(TEXT, **options), tts(TEXT, energy=6, **options)
    torch.testing.assert_close(louder["wav"], plain["wav"] * 10 ** (6 / 20))
    assert plain["prosody"].pitch is None
    assert [word.text for word in plain["prosody"].timed_words] == ["good", "morning"]
    with pytest.raises(UserError, match="prosody: tacotron2 predicts neither"):
        tts.say(plain["prosody"])


@pytest.mark.parametrize("backbone", ["fastspeech2", "tacotron2", "jets"])
def test_a_mixture_of_voices(make_tts, backbone):
    from tiny_backbones import with_backbone

    tts = make_tts(**with_backbone(backbone), options={"griffin_lim_iters": None})
    table = tts.model.tts.sid_emb.weight.detach().clone()
    ids = torch.tensor([2, 3, 4])
    options = {"decode_conf": {"maxlenratio": 1.0}} if backbone == "tacotron2" else {}
    mixed = tts(ids, speaker={"m1": 0.75, "f1": 0.25}, **options)["wav"]
    assert torch.equal(tts(ids, speaker="f1:1,m1:3", **options)["wav"], mixed)
    with torch.no_grad():
        tts.model.tts.sid_emb.weight[0] = 0.25 * table[0] + 0.75 * table[1]
    torch.testing.assert_close(tts(ids, speaker="f1", **options)["wav"], mixed)


def test_a_mixture_of_one_is_that_voice(tts):
    assert torch.equal(tts(TEXT, speaker={"m1": 2})["wav"], tts(TEXT, speaker="m1")["wav"])
    for wrong, message in (
        ({"m9": 1}, "unknown speaker 'm9'"),
        ("m1:0", "not all 0"),
        ({"m1": "a"}, "speaker 'm1': expected a finite number"),
        ("f1:x,m1:1", "f1:x"),
        (3, "unknown speaker"),
    ):
        with pytest.raises(UserError, match=message):
            tts(TEXT, speaker=wrong)


def test_rounding_errors_do_not_add_up():
    exact = np.full(101, 2.5)
    assert whole_frames(exact).sum() == 252
    assert set(whole_frames(exact)) == {2.0, 3.0}


def test_pauses_do_not_count_in_the_mean_of_pitch():
    silent = np.array([False, True, False, False])
    stretched = stretched_pitch(np.array([5.0, 1.0, 6.0, 2.0]), np.full(4, 2.0), silent)
    np.testing.assert_allclose(stretched, [4.5, -3.5, 6.5, -1.5])


def test_threads_have_controls_of_their_own(speech):
    rates = [0.5, 1.0, 2.0]
    alone = [speech(TEXT, rate=rate, pitch=rate)["wav"] for rate in rates]
    barrier = threading.Barrier(len(rates), timeout=60)
    found = [None] * len(rates)

    def run(index):
        barrier.wait()
        found[index] = speech(TEXT, rate=rates[index], pitch=rates[index])["wav"]

    threads = [threading.Thread(target=run, args=[index]) for index in range(len(rates))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for wave, expected in zip(found, alone, strict=True):
        torch.testing.assert_close(wave, expected)
