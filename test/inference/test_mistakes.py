"""Every mistake in an argument of `Text2Speech` is a UserError that says what would be right."""

import re

import numpy as np
import pytest
import torch

from espnet_mtl.errors import UserError
from espnet_mtl.inference import Text2Speech
from test.model.backbones.test_tacotron2 import TINY_TACOTRON

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"speaker": "f9"}, "unknown speaker 'f9': Valid: f1, m1"),
        ({"speaker": 1}, "unknown speaker 1: did you mean m1 or f1? Valid: f1, m1"),
        ({"speaker": "f1", "sids": 1}, "speaker 'f1' and sids 1: both name the speaker: give one of them"),
        ({"sids": 7}, "sids: expected 0 to 1, got 7"),
        ({"sids": -1}, "sids: expected 0 to 1, got -1"),
        ({"sids": 0.5}, "sids: expected one whole number, got 0.5"),
        ({"sids": [0, 1]}, "sids: expected one whole number, got [0, 1]"),
        ({"sids": "f1"}, "sids: expected the number of a speaker, got 'f1'"),
        ({"spembs": np.ones(3)}, "spembs: this model takes no speaker embedding"),
        ({"language": "pl"}, "unknown language 'pl': Valid: de, en-us"),
        ({"emotion": "glad"}, "unknown emotion 'glad': Valid: happy, neutral, sad"),
        ({"emotion": "sad:0.3,glad:0.7"}, "unknown emotion 'glad'"),
        ({"emotion": "sad:0.3,neutral"}, "'neutral' has no weight, but others have"),
        ({"emotion": "sad:0.3,sad:0.7"}, "'sad' comes twice"),
        ({"emotion": "sad:a"}, "'a' is not a number"),
        ({"emotion": "sad:nan"}, "the weight of 'sad' is nan"),
        ({"emotion": ""}, "expected 'name', or 'name:weight,name:weight'"),
        ({"emotion": {}}, "that are not all 0"),
        ({"emotion": {"sad": 0}}, "that are not all 0"),
        ({"emotion": {"sad": -1.0}}, "the weight of 'sad' is -1.0: expected"),
        ({"emotion": {"sad": NAN}}, "emotion 'sad': expected a finite number, got nan"),
        ({"emotion": {"sad": INF}}, "emotion 'sad': expected a finite number, got inf"),
        ({"emotion": {"sad": "0.3"}}, "emotion 'sad': expected a finite number, got '0.3'"),
        ({"emotion": ["sad"]}, "emotion: expected a name, or a mixture such as 'sad:0.3,neutral:0.7'"),
        ({"emotion": "sad", "intensity": NAN}, "intensity: expected a finite number, got nan"),
        ({"emotion": "sad", "intensity": "much"}, "intensity: expected a finite number, got 'much'"),
        ({"emotion": {1: 0.5}}, "unknown emotion 1: "),
        ({"text": "  "}, "text: there is nothing to say"),
        ({"text": "\u200b\ufeff"}, "text: there is nothing to say"),
        ({"text": "M\ufffdller"}, "text 'M\ufffdller': '\ufffd' stands for a character that was lost"),
        ({"text": "?!"}, "text: nothing to speak in the text '?!'"),
        ({"text": None}, "text: expected a string, or token ids (T_text,), got None"),
        ({"text": np.array([1.0])}, "text: token ids must be whole numbers, got float64"),
        ({"text": np.array([[1, 2]])}, "text: expected token ids of shape (T_text,), got (1, 2)"),
        ({"text": np.array([], dtype=int)}, "text: expected token ids of shape (T_text,), got (0,)"),
        ({"text": torch.tensor([1, 99])}, "text: expected token ids from 0 to 10, got 99"),
        ({"text": torch.tensor([-1, 1])}, "text: expected token ids from 0 to 10, got -1"),
        ({"decode_conf": {"alfa": 1.0}}, "unknown decoding option of fastspeech2 'alfa': did you mean alpha?"),
        ({"decode_conf": {"threshold": 0.5}}, "unknown decoding option of fastspeech2 'threshold'"),
        ({"decode_conf": {"alpha": 0}}, "decode_conf: alpha: expected a number from 0.1 to 10, got 0"),
        ({"decode_conf": {"alpha": -1.0}}, "decode_conf: alpha: expected a number from 0.1 to 10, got -1.0"),
        ({"decode_conf": {"alpha": NAN}}, "decode_conf: alpha: expected a finite number, got nan"),
        ({"decode_conf": {"alpha": 10.5}}, "decode_conf: alpha: expected a number from 0.1 to 10, got 10.5"),
        ({"decode_conf": 1.2}, "decode_conf: expected options by name, such as {'alpha': 1.2}, got 1.2"),
        ({"decode_conf": []}, "decode_conf: expected options by name, such as {'alpha': 1.2}, got []"),
        ({"decode_conf": {"use_teacher_forcing": "no"}}, "use_teacher_forcing: expected True or False, got 'no'"),
        ({"decode_conf": {"use_teacher_forcing": True}}, "speech is missing: this call reads natural"),
        ({"emotion": {"sad": 10**400}}, "emotion 'sad': expected a finite number, got one that is too large"),
        ({"emotion": {"sad": 1e308, "happy": 1e308}}, "the sum of the weights is too large"),
        ({"emotion": {"sad": 1j}}, "emotion 'sad': expected a finite number, got 1j"),
        ({"emotion": "sad", "intensity": np.complex64(1)}, "intensity: expected a finite number"),
        ({"emotion": "sad", "intensity": 1e39}, "intensity: expected a number from -10 to 10, got 1e+39"),
        ({"emotion": "sad", "intensity": -11}, "intensity: expected a number from -10 to 10, got -11"),
        ({"text": "good \udcff"}, r"text 'good \udcff': '\udcff' is no character: write it in UTF-8"),
        ({"text": [2**70]}, "text: expected a string, or token ids (T_text,), got ["),
        ({"language": ""}, "language: expected espeak's name of a language, such as 'en-us', got ''"),
        ({"speaker": np.array(["f1", "m1"])}, "unknown speaker array("),
    ],
    ids=str,
)
def test_of_a_call(make_tts, arguments, message):
    tts = make_tts(languages=["de", "en-us"])
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        tts(**{"text": "good morning", "vocode": False, **arguments})
    assert isinstance(caught.value, ValueError), "Python programs may take it for a wrong argument"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"speed_control_alpha": 0}, "Text2Speech.speed_control_alpha: a number from 0.1 to 10, or null, got 0"),
        ({"speed_control_alpha": NAN}, "Text2Speech.speed_control_alpha: a number from 0.1 to 10, or null, got nan"),
        ({"griffin_lim_iters": -1}, "Text2Speech.griffin_lim_iters: a whole number from 1 to 10000"),
        ({"dtype": "bfloat16"}, "unknown Text2Speech.dtype 'bfloat16': did you mean float16"),
        ({"dtype": "int8"}, "unknown Text2Speech.dtype 'int8'"),
        ({"device": "gpu"}, "device: expected cpu, cuda or cuda:<number>, got 'gpu'"),
        ({"speed_control_alpha": 10**400}, "Text2Speech.speed_control_alpha: a number from 0.1 to 10, or null, got"),
        ({"device": "mps"}, "device: expected cpu, cuda or cuda:<number>, got 'mps'"),
        ({"device": "xpu:0"}, "device: expected cpu, cuda or cuda:<number>, got 'xpu:0'"),
        ({"device": []}, "device: expected cpu, cuda or cuda:<number>, got []"),
        ({"vocoder_file": 3}, "vocoder_file: expected the path of a file, got 3"),
        ({"vocoder_config": ["a"]}, "vocoder_config: expected the path of a file, got ['a']"),
        ({"vocoder_file": "a" * 5000}, "vocoder_file aaa"),
        ({"use_teacher_forcing": "yes"}, "use_teacher_forcing: expected True or False, got 'yes'"),
        ({"threshold": 0.5}, "unknown decoding option of fastspeech2 'threshold'"),
        ({"speed": 2}, "unknown decoding option of fastspeech2 'speed'"),
    ],
    ids=str,
)
def test_of_the_constructor(make_tts, options, message):
    with pytest.raises(UserError, match=re.escape(message)):
        make_tts(options=options)


def test_of_gpus_that_are_not_there(make_tts, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="device 'cuda:0': PyTorch finds no GPU here; take cpu"):
        make_tts(options={"device": "cuda:0"})


def test_of_gpus_beyond_those_there_are(make_tts, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UserError, match=r"device 'cuda:1': PyTorch finds 1 GPU\(s\) here, counted from 0"):
        make_tts(options={"device": "cuda:1"})


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ((3, None), "train_config: expected the path of a file, got 3"),
        (("config.yaml", []), "model_file: expected the path of a file, got []"),
        (("", None), "train_config: expected the path of a file, got ''"),
        ((None, None), "give a config file or a model file"),
    ],
    ids=str,
)
def test_of_files(files, message):
    with pytest.raises(UserError, match=re.escape(message)):
        Text2Speech(*files)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"emotion": "sad"}, "unknown emotion 'sad': this model has no emotions"),
        ({"intensity": 0.5}, "intensity 0.5: this model has no emotions"),
        ({"sids": 1}, "sids: expected 0 to 0, got 1"),
        ({"speaker": "m1"}, "unknown speaker 'm1': Valid: f1"),
        ({"language": 3}, "language: expected espeak's name of a language, such as 'en-us', got 3"),
        ({"language": "de"}, "unknown language 'de': Valid: en-us"),  # espeak knows it, the model does not
        ({"language": "xx"}, "unknown language 'xx': Valid: en-us"),
    ],
    ids=str,
)
def test_of_what_the_model_does_not_have(make_tts, arguments, message):
    tts = make_tts(emotions=[], speakers=["f1"])
    assert len(tts("good morning", sids=0, vocode=False)["feat_gen"])
    with pytest.raises(UserError, match=re.escape(message)):
        tts("good morning", **arguments)


@pytest.mark.parametrize("languages", [["en-us"], []], ids=["named by the data", "named by the configuration"])
def test_of_a_language_that_a_model_of_one_does_not_speak(make_tts, languages):
    tts = make_tts(languages=languages)
    assert len(tts("good morning", language="en-us", vocode=False)["feat_gen"])
    with pytest.raises(UserError, match="unknown language 'de': Valid: en-us"):
        tts("good morning", language="de", vocode=False)


def test_of_intensity_without_a_neutral_emotion(make_tts):
    tts = make_tts(emotions=["happy", "sad"])
    with pytest.raises(UserError, match="intensity needs an emotion called 'neutral'; this model has happy, sad"):
        tts("good morning", emotion="sad", intensity=0.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"durations": [1, 2]}, "unknown decoding option of tacotron2 'durations'"),
        ({"alpha": 2.0}, "alpha: Tacotron2 has no such control"),
        ({"threshold": -1}, "decode_conf.threshold: a number from 0 to 1, or null, got -1"),
        ({"durationz": None}, "unknown decoding option of tacotron2 'durationz'"),
        ({"use_teacher_forcing": True}, "decode_conf: speech is missing: this call reads natural speech (speech)"),
    ],
    ids=str,
)
def test_of_decoding_with_attention(make_tts, options, message):
    tts = make_tts(tts="tacotron2", tts_conf=dict(TINY_TACOTRON), options={"maxlenratio": 1.0})
    assert len(tts("good morning", vocode=False, decode_conf={"threshold": 0.9})["feat_gen"])
    with pytest.raises(UserError, match=re.escape(message)):
        tts("good morning", decode_conf=options)


@pytest.mark.parametrize(
    ("embedding", "message"),
    [
        (None, "spembs: this model needs a speaker embedding of shape (4,)"),
        (np.ones(3), "spembs: expected a speaker embedding of shape (4,), got (3,)"),
        ([1.0, 2.0, NAN, 4.0], "spembs: a speaker embedding must not hold NaN or infinity"),
        ("f1", "spembs: expected a speaker embedding of shape (4,), got 'f1'"),
    ],
    ids=str,
)
def test_of_speaker_embeddings(make_tts, tiny, embedding, message):
    tts = make_tts(tts_conf={**tiny, "spk_embed_dim": 4, "spk_embed_integration_type": "add"})
    assert len(tts("good morning", spembs=np.ones(4), vocode=False)["feat_gen"])
    with pytest.raises(UserError, match=re.escape(message)):
        tts("good morning", spembs=embedding)
