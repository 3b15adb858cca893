import numpy as np
import pytest
import torch

from espnet_mtl.errors import UserError
from espnet_mtl.text.espeak import phonemize


def test_speaks(tts):
    output = tts("good morning", speaker="m1", emotion="sad")
    frames = int(output["duration"].sum())
    assert output["feat_gen"].shape == (frames, 80)
    assert len(output["wav"]) == (frames - 1) * 256
    assert len(output["duration"]) == len(phonemize("good morning", "en-us")) + 1
    assert output["wav"].isfinite().all()
    assert (tts.fs, tts.speakers, tts.emotions) == (16000, ["f1", "m1"], ["happy", "neutral", "sad"])


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
    text = tts._tokens("good morning", "en-us")
    suggested = dict(zip(tts.emotions, tts.model.predict_style(text).tolist(), strict=True))
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
