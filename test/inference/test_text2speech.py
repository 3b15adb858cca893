import numpy as np
import pytest
import torch

from espnet_mtl.errors import UserError
from espnet_mtl.text.espeak import phonemize
from test.model.backbones.test_tacotron2 import TINY_TACOTRON


def test_speaks(tts):
    output = tts("good morning", speaker="m1", emotion="sad")
    frames = int(output["duration"].sum())
    assert output["feat_gen"].shape == (frames, 80)
    assert len(output["wav"]) == (frames - 1) * 256
    assert len(output["duration"]) == len(phonemize("good morning", "en-us")) + 1
    assert output["wav"].isfinite().all()
    assert (tts.fs, tts.speakers, tts.emotions) == (16000, ["f1", "m1"], ["happy", "neutral", "sad"])


@pytest.mark.parametrize("kind", [">i8", "int32", "backwards", "uint8"])
def test_token_ids_of_any_whole_numbers(tts, kind):
    ids = tts.reader.token_ids("good morning", "en-us")
    array = ids[::-1].copy()[::-1] if kind == "backwards" else ids.astype(kind)
    torch.testing.assert_close(tts(array, vocode=False)["feat_gen"], tts(ids, vocode=False)["feat_gen"])
    assert len(tts(array, sids=np.array([1], ">i4"), vocode=False)["feat_gen"])


def test_an_option_that_is_none_has_its_default(make_tts):
    names = ("speed_control_alpha", "vocoder_config", "vocoder_file", "device", "dtype", "use_teacher_forcing")
    output = make_tts(options=dict.fromkeys(names))("good morning")
    again = make_tts()("good morning", decode_conf={"alpha": None, "use_teacher_forcing": None})
    torch.testing.assert_close(output["wav"], again["wav"])
    griffin_lim = {"vocoder": "griffin_lim", "griffin_lim_iters": None}
    assert make_tts(options=griffin_lim).vocoder.n_iter == 32


def test_an_option_of_attention_that_is_none_has_its_default(make_tts):
    names = ("threshold", "minlenratio", "maxlenratio", "use_att_constraint", "backward_window", "forward_window")
    tts = make_tts(tts="tacotron2", tts_conf=dict(TINY_TACOTRON), options=dict.fromkeys(names))
    options = {**dict.fromkeys(names), "maxlenratio": 1.0}
    assert len(tts("good morning", vocode=False, decode_conf=options)["feat_gen"])


@pytest.mark.parametrize("intensity", [-10, 10])
def test_the_limits_of_intensity_are_spoken(tts, intensity):
    assert tts("good morning", emotion="sad", intensity=intensity)["wav"].isfinite().all()


def test_what_is_not_finite_is_no_speech(tts):
    torch.nn.init.constant_(tts.model.tts.feat_out.bias, float("nan"))
    with pytest.raises(UserError, match="the model's spectrogram holds NaN or infinity: its weights are damaged"):
        tts("good morning", vocode=False)


def test_a_model_that_predicts_no_frame_says_so(tts):
    torch.nn.init.constant_(tts.model.tts.duration_predictor.linear.bias, -9)
    with pytest.raises(UserError, match="the model predicts 0 frames for 9 tokens, which is no speech: its training"):
        tts("good morning", vocode=False)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate"), MemoryError()])
def test_where_memory_runs_out_it_says_what_takes_less(tts, monkeypatch, error):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(tts.model, "inference", fail)
    with pytest.raises(UserError, match=r"^out of memory.*: speak shorter texts, one"):
        tts("good morning")


def test_a_mistake_of_ours_is_no_lack_of_memory(tts, monkeypatch):
    def fail(*arguments, **options):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(tts.model, "inference", fail)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        tts("good morning")


def test_a_waveform_that_is_not_finite_is_no_speech(tts):
    tts.vocoder = lambda *inputs: torch.full((10,), float("inf"))
    with pytest.raises(UserError, match="the model's waveform holds NaN or infinity"):
        tts("good morning")


def test_speaker_and_emotion_are_heard(tts):
    def pitch(**options):
        return tts("good morning", vocode=False, **options)["pitch"]

    base = pitch(speaker="f1", emotion="happy")
    torch.testing.assert_close(base, pitch(sids=0, emotion={"happy": 2.0}))
    assert not torch.allclose(base, pitch(speaker="m1", emotion="happy"))
    assert not torch.allclose(base, pitch(speaker="f1", emotion="sad"))
    torch.testing.assert_close(pitch(emotion=None), pitch(speaker="f1", emotion="neutral"))


def test_without_an_emotion_the_text_suggests_one(make_tts):
    head = {"head": "classifier", "tap": "encoder", "label": "emotion", "weight": 0.1}
    tts = make_tts(tasks={"tts": {}, "text": head})
    text = tts.reader.token_ids("good morning", "en-us")
    suggested = dict(zip(tts.emotions, tts.reader.network.emotion_of_text(text).tolist(), strict=True))
    assert len(set(suggested.values())) == 3

    def pitch(**options):
        return tts("good morning", vocode=False, **options)["pitch"]

    torch.testing.assert_close(pitch(), pitch(emotion=suggested))
    assert not torch.allclose(pitch(), pitch(emotion="neutral"))
    torch.testing.assert_close(pitch(intensity=0.5), pitch(emotion=suggested, intensity=0.5))
    torch.testing.assert_close(pitch(intensity=0.0), pitch(emotion="neutral"))


def test_alpha_stretches(tts):
    short, long = (
        int(tts("good morning", vocode=False, decode_conf={"alpha": alpha})["feat_gen"].shape[0]) for alpha in (1, 2)
    )
    assert long == pytest.approx(2 * short, rel=0.1)


@pytest.mark.parametrize(
    ("emotion", "intensity", "weights"),
    [
        ("sad", 1.0, [0, 0, 1]),
        ({"sad": 3, "neutral": 7}, 1.0, [0, 0.7, 0.3]),
        ("sad:3, neutral:7", 1.0, [0, 0.7, 0.3]),
        ("sad,neutral", 1.0, [0, 0.5, 0.5]),
        ("happy", 0.25, [0.25, 0.75, 0]),
        ("happy", 0.0, [0, 1, 0]),
        ("happy", 2.0, [2, -1, 0]),
        (None, 1.0, [0, 1, 0]),
    ],
)
def test_emotion_weights(tts, emotion, intensity, weights):
    np.testing.assert_allclose(tts.emotion_weights(emotion, intensity), weights, rtol=1e-6)


def test_a_model_of_several_languages(make_tts):
    tts = make_tts(languages=["de", "en-us"])

    def pitch(language):
        return tts("good morning", language=language, vocode=False)["pitch"]

    assert tts.languages == ["de", "en-us"]
    torch.testing.assert_close(pitch(None), pitch("en-us"))
    assert pitch("de").shape != pitch("en-us").shape or not torch.allclose(pitch("de"), pitch("en-us"))
    with pytest.raises(UserError, match="unknown language 'pl': Valid: de, en-us"):
        pitch("pl")


def test_the_only_language_is_spoken(make_tts):
    tts = make_tts(languages=["de"])
    assert len(tts("good morning", vocode=False)["duration"]) == len(phonemize("good morning", "de")) + 1


def test_punctuation_is_spoken_where_the_model_knows_it(make_tts):
    tts = make_tts(",", ".")
    phones = phonemize("good, morning.", "en-us", punctuation=True)
    assert "," in phones
    assert len(tts("good, morning.", vocode=False)["duration"]) == len(phones) + 1


def test_texts_and_names_in_any_form(make_tts):
    tts = make_tts(",", ".", speakers=["Zoë Ann", "fâche\u0301"], emotions=["neutral", "very happy", "sad/blue"])
    wav = tts("Good morning.", speaker="Zoë Ann", emotion="very happy:0.3,sad/blue:0.7")["wav"]
    other = tts(
        "\ufeffGood\u00a0morning.\u200b",
        speaker="Zoe\u0308_Ann",
        emotion={"very_happy": 0.1, "very\u200b happy": 0.2, "sad_blue": 0.7},
    )["wav"]
    assert torch.equal(wav, other)
    assert tts("good morning", speaker="fa\u0302ché")["wav"].numel()
    spelled = make_tts("o", token_type="char")
    assert (
        spelled.reader.token_ids("go\u00adod", "en-us").tolist() == spelled.reader.token_ids("good", "en-us").tolist()
    )
