"""Natural speech in the place of what a model predicts: what a call takes, and what it refuses."""

import re

import numpy as np
import pytest
import torch

from espnet_mtl.errors import UserError
from espnet_mtl.inference.pytorch.vocoding import contour_of
from test.model.backbones.test_tacotron2 import TINY_TACOTRON


@pytest.fixture
def natural(tts):
    """A model, and speech with durations for its text."""
    durations = tts("good morning", vocode=False)["duration"].long() + 1
    speech = 0.1 * torch.randn((int(durations.sum()) - 1) * 256)
    return tts, {"use_teacher_forcing": True, "speech": speech, "durations": durations}


@pytest.mark.parametrize("kind", ["tensor", "array", "list", "reversed", "float durations"])
def test_speech_and_durations_take_the_place_of_what_is_predicted(natural, kind):
    tts, options = natural
    speech, durations = options["speech"], options["durations"]
    options |= {
        "tensor": {},
        "array": {"speech": speech.numpy().astype(">f8"), "durations": durations.numpy().astype(np.int32)},
        "list": {"speech": speech.tolist(), "durations": durations.tolist()},
        "reversed": {"speech": speech.numpy()[::-1]},
        "float durations": {"durations": durations.float()},
    }[kind]
    output = tts("good morning", vocode=False, decode_conf=options)
    assert len(output["feat_gen"]) == durations.sum()
    assert output["duration"].tolist() == durations.tolist()


def test_a_vocoder_speaks_at_the_natural_pitch_that_the_spectrogram_has(natural):
    tts, options = natural
    time = torch.arange(len(options["speech"])) / 16000
    options["speech"] = sum(torch.sin(2 * torch.pi * 150 * k * time) / k for k in range(1, 15)) * 0.1
    contour = contour_of(tts("good morning", vocode=False, decode_conf=options))
    assert float(contour.median().exp()) == pytest.approx(150, rel=0.02)


def test_the_network_may_compute_in_double_precision(make_tts):
    tts = make_tts(options={"dtype": "float64"})
    durations = tts("good morning", vocode=False)["duration"].long() + 1
    speech = 0.1 * torch.randn((int(durations.sum()) - 1) * 256)
    options = {"use_teacher_forcing": True, "speech": speech, "durations": durations}
    assert tts("good morning", vocode=False, decode_conf=options)["feat_gen"].dtype == torch.float64


def test_it_is_not_read_without_teacher_forcing(natural):
    tts, options = natural
    options["use_teacher_forcing"] = False
    free = tts("good morning", vocode=False)["feat_gen"]
    torch.testing.assert_close(tts("good morning", vocode=False, decode_conf=options)["feat_gen"], free)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"speech": "a.wav"}, "decode_conf: speech: expected a waveform (T_wav,), got 'a.wav'"),
        (
            {"speech": np.zeros(5000, np.int16)},
            "speech: expected a waveform (T_wav,) of floats from -1 to 1, got torch",
        ),
        ({"speech": np.zeros((1, 5000))}, "got the shape (1, 5000)"),
        ({"speech": np.zeros(3)}, "speech: expected 1024 samples or more, got 3"),
        ({"speech": np.full(5000, np.nan)}, "speech: it must not hold NaN or infinity"),
        ({"durations": [1, 2]}, "whole numbers of frames (one a token, and the end), got the shape (2,)"),
        ({"durations": None}, "decode_conf: durations is missing"),
        ({"durations": 3}, "got the shape ()"),
        ({"durations": "long"}, "durations: expected"),
        ({"pitch": [1.0]}, "pitch: expected numbers of shape"),
        ({"energy": "loud"}, "energy: expected numbers of shape"),
    ],
    ids=str,
)
def test_mistakes(natural, change, message):
    tts, options = natural
    with pytest.raises(UserError, match=re.escape(message)):
        tts("good morning", decode_conf={**options, **change})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (lambda durations: durations + 0.5, "whole numbers of frames (one a token, and the end), got ["),
        (lambda durations: durations * float("nan"), "whole numbers of frames"),
        (lambda durations: durations * -1, "not negative, got [-"),
        (lambda durations: durations * 0, "durations: they sum to 0 frames, but the speech has"),
        (lambda durations: durations * 2, "frames, but the speech has"),
    ],
)
def test_durations_are_those_of_the_speech(natural, changed, message):
    tts, options = natural
    with pytest.raises(UserError, match=re.escape(message)):
        tts("good morning", decode_conf={**options, "durations": changed(options["durations"])})


def test_attention_needs_speech_alone(make_tts):
    tts = make_tts(tts="tacotron2", tts_conf=dict(TINY_TACOTRON))
    options = {"use_teacher_forcing": True, "speech": 0.1 * np.random.default_rng(0).normal(size=20 * 256)}
    output = tts("good morning", vocode=False, decode_conf=options)
    assert output["duration"].sum() == 21
    with pytest.raises(UserError, match="unknown decoding option of tacotron2 'durations'"):
        tts("good morning", decode_conf={**options, "durations": [1, 2]})
