"""A model that was exported says what it says with PyTorch, whatever it is asked."""

import base64
import copy
import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from face_media import portrait
from fastapi.testclient import TestClient
from PIL import Image
from speaking_model import speaking_model
from tiny_backbones import TINY

from espnet_mtl import Conversation
from espnet_mtl.errors import UserError
from espnet_mtl.onnx import Text2Speech
from espnet_mtl.onnx.export import export_model, why_not
from espnet_mtl.onnx.files import SIGNAL
from espnet_mtl.onnx.signal import read_signal
from espnet_mtl.server.app import create_app

TEXT = "Good morning, good morning."
SPEAK = '<speak>Good <mstts:express-as style="sad">morning</mstts:express-as> <break time="300ms"/> good</speak>'
TTS = {"tts": {"weight": 1.0}}
CALLS = {
    "plain": {},
    "voice": {"speaker": "m1", "emotion": "sad"},
    "mixtures": {"speaker": {"f1": 0.4, "m1": 0.6}, "emotion": {"sad": 0.3, "happy": 0.7}},
    "no_intensity": {"emotion": "sad", "intensity": 0.0},
    "much_intensity": {"emotion": "sad", "intensity": 1.7},
    "all_knobs": {"rate": 1.3, "pitch": -2.0, "pitch_range": 1.5, "energy": -6.0, "pause": 0.2},
    "alpha": {"decode_conf": {"alpha": 1.4}},
}


class Pair:
    """A model with PyTorch, and without."""

    def __init__(self, folder: Path, make_args, int8: bool, **overrides):
        self.folder, self.int8 = folder, int8
        self.torch = speaking_model(make_args, folder, ",", ".", options={"vocoder": "source_filter"}, **overrides)
        export_model(self.torch, folder / "onnx", int8)
        self.onnx = Text2Speech(folder / "config.yaml", threads=1)

    def agree(self, said, **controls) -> dict:
        """Makes sure that both say the same, and returns what is said without PyTorch."""
        expected, found = self.torch(said, **controls), self.onnx(said, **controls)
        assert found["duration"].tolist() == expected["duration"].tolist()
        for name in ("feat_gen_denorm", "pitch_denorm", "energy_denorm"):
            np.testing.assert_allclose(found[name].flatten(), expected[name].flatten(), rtol=1e-4, atol=1e-4)
        assert len(found["wav"]) == len(expected["wav"]) > 0
        if self.int8:
            mels = [self.onnx.vocoder.synthesis.logmel(np.asarray(one["wav"])) for one in (found, expected)]
            assert np.abs(mels[0] - mels[1]).mean() < 0.02  # 0.4 dB
        else:
            np.testing.assert_allclose(found["wav"], expected["wav"], atol=2e-3)
        assert found["prosody"].timed_words == expected["prosody"].timed_words
        return found


@pytest.fixture(scope="module")
def pair(make_args, tmp_path_factory):
    """A model as the shipped one: a conformer that reads recordings and restores ranges."""
    tts_conf = {**TINY["fastspeech2"], "encoder_type": "conformer", "decoder_type": "conformer"}
    tts_conf |= {"conformer_rel_pos_type": "latest", "conformer_pos_enc_layer_type": "rel_pos"}
    tts_conf |= {"conformer_self_attn_layer_type": "rel_selfattn"}
    ranges = {
        f"{name}_range": {"head": "regressor", "tap": "shared", "label": f"{name}_range"} for name in ("pitch", "mel")
    }
    style = {"channels": 8, "reference": True, "visual": {"channels": 4}, "restore_range": ["pitch", "mel"]}
    faces = {"visual_extract": "crops", "visual_extract_conf": {"size": 16}, "visual_shape": [16, 16]}
    conf = {"tts_conf": tts_conf, "style_conf": style, "tasks": {**TTS, **ranges}, **faces}
    return Pair(tmp_path_factory.mktemp("conformer"), make_args, False, **conf)


@pytest.fixture(scope="module")
def other(make_args, tmp_path_factory):
    """A model of other parts: a transformer with a postnet, speaker embeddings, an emotion that the text suggests."""
    tts_conf = {**TINY["fastspeech2"], "postnet_layers": 1, "postnet_chans": 8}
    tts_conf |= {"spk_embed_dim": 4, "spk_embed_integration_type": "add"}
    suggested = {"emotion_text": {"head": "classifier", "tap": "encoder", "label": "emotion"}}
    conf = {"tts_conf": tts_conf, "tasks": {**TTS, **suggested}, "languages": []}
    return Pair(tmp_path_factory.mktemp("transformer"), make_args, True, **conf)


@pytest.mark.parametrize("controls", CALLS.values(), ids=CALLS)
def test_both_say_the_same(pair, controls):
    pair.agree(TEXT, **controls)


def test_a_control_may_be_a_row(pair):
    tokens = len(pair.onnx(TEXT)["prosody"].tokens)
    pair.agree(TEXT, rate=np.linspace(0.7, 1.5, tokens), pitch=np.linspace(-3, 3, tokens))


def test_texts_of_any_length(pair):
    for text in ("good", " ".join(["good morning"] * 30)):
        pair.agree(text)


def write_tone(path: Path) -> Path:
    """Writes a second of a voiced sound whose pitch moves."""
    time = np.arange(16000) / 16000
    tone = sum(np.sin(2 * np.pi * 140 * k * time * (1 + 0.05 * np.sin(6 * time))) / k for k in range(1, 9))
    soundfile.write(path, 0.1 * tone, 16000)
    return path


def test_a_recording_says_the_emotion(pair, tmp_path):
    pair.agree(TEXT, reference=write_tone(tmp_path / "a.wav"))


def test_a_face_says_the_emotion(pair, tmp_path):
    faces = np.random.default_rng(0).random((3, 16, 16), dtype=np.float32)
    pair.agree(TEXT, visual=faces[:1])
    pair.agree(TEXT, visual=faces, reference=write_tone(tmp_path / "a.wav"))


def test_a_server_reads_the_emotion_of_a_face(pair):
    pytest.importorskip("cv2")
    file = io.BytesIO()
    Image.fromarray(portrait("happy")).save(file, "PNG")
    face = base64.b64encode(file.getvalue()).decode()
    said = []
    for tts in (pair.torch, pair.onnx):
        with TestClient(create_app(tts), base_url="http://127.0.0.1") as client:
            assert client.get("/v1/models").json()["data"][0]["emotion_sources"] == ["reference", "visual"]
            answer = client.post("/", json={"text": TEXT, "visual": face})
            assert answer.status_code == 200, answer.text
            said.append(soundfile.read(io.BytesIO(answer.content))[0])
    np.testing.assert_allclose(said[1], said[0], atol=2e-3)


def test_the_text_says_the_emotion(other):
    embedding = np.array([0.1, -0.4, 0.3, 0.2])
    other.agree(TEXT, spembs=embedding)
    plain, opposite = (other.onnx(TEXT, spembs=sign * embedding)["pitch_denorm"] for sign in (1, -1))
    assert not np.allclose(plain, opposite)
    with pytest.raises(UserError, match="this model needs a speaker embedding"):
        other.onnx(TEXT)


def test_matrices_of_8_bits_are_smaller(pair, other):
    sizes = [(one.folder / "onnx/vocoder.onnx").stat().st_size for one in (other, pair)]
    assert sizes[0] < 0.6 * sizes[1]
    assert not list((other.folder / "onnx").glob("*float*"))


def test_long_texts_markup_and_turns(pair):
    for text in ("Good. Morning, good!", SPEAK):
        expected, found = list(pair.torch.stream(text, emotion="happy")), list(pair.onnx.stream(text, emotion="happy"))
        assert [part["start"] for part in found] == [part["start"] for part in expected]
        for one, another in zip(found, expected, strict=True):
            np.testing.assert_allclose(one["wav"], another["wav"], atol=2e-3)
    turns = Conversation(pair.onnx, speaker="m1")
    first, second = (list(turns.say("good", emotion=emotion)) for emotion in ("sad", "happy"))
    assert turns.mood == pytest.approx({"happy": 0.5, "neutral": 0.0, "sad": 0.5})
    assert len(first) == len(second) == 1


def test_prosody_is_edited_and_said(pair):
    prosodies = [tts(TEXT)["prosody"] for tts in (pair.torch, pair.onnx)]
    for prosody in prosodies:
        prosody.durations[2] += 7
        prosody.pitch[:4] *= 1.2
        prosody.gain[:] = -3
    expected, found = (tts.say(prosody) for tts, prosody in zip((pair.torch, pair.onnx), prosodies, strict=True))
    np.testing.assert_allclose(found["feat_gen_denorm"], expected["feat_gen_denorm"], atol=1e-4)
    np.testing.assert_allclose(found["wav"], expected["wav"], atol=2e-3)


def test_threads_may_share_one(pair):
    expected = pair.onnx(TEXT, speaker="m1")["wav"]
    found = {}

    def speak(number):
        found[number] = [pair.onnx(TEXT, speaker="m1")["wav"] for _ in range(5)]

    threads = [threading.Thread(target=speak, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(wave, expected) for waves in found.values() for wave in waves)


FORBIDDEN = ("torch", "torchaudio", "espnet", "espnet2", "espnet_model_zoo", "scipy", "librosa", "sklearn")
ALONE = f"""
import importlib.abc, json, sys, time

class Refuses(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if any(name == one or name.startswith(one + ".") for one in {FORBIDDEN}):
            raise ImportError(name)

sys.meta_path.insert(0, Refuses())
from espnet_mtl.onnx import Text2Speech

tts = Text2Speech.from_pretrained(sys.argv[1], threads=1)
parts = list(tts.stream(sys.argv[2], emotion="sad", rate=1.1))
parts.append(tts("Good morning.", reference=sys.argv[3], visual=sys.argv[4]))
print(json.dumps([float(abs(part["wav"]).max()) for part in parts]))
"""


def test_it_imports_neither_pytorch_nor_espnet(pair):
    """They are forbidden, and it speaks text and markup, in the emotion of a recording and a face, too."""
    shutil.copy(pair.folder / "model.pth", pair.folder / "latest.pth")  # a folder of a model has weights
    recording, face = write_tone(pair.folder / "tone.wav"), pair.folder / "face.npy"
    np.save(face, np.full((1, 16, 16), 0.5))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    for text in ("Good. Morning.", SPEAK):
        done = subprocess.run(
            [sys.executable, "-c", ALONE, str(pair.folder), text, str(recording), str(face)],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        assert done.returncode == 0, done.stderr
        assert all(peak > 0.001 for peak in json.loads(done.stdout))


PAGE = f"""
{ALONE.partition("from espnet_mtl.onnx")[0]}
import asyncio, base64, io
from types import SimpleNamespace
from urllib.parse import urlsplit

import soundfile
from espnet_mtl.onnx import Text2Speech
from espnet_mtl.server.app import create_app
from espnet_mtl.server.options import ServerOptions
from espnet_mtl.server.page.callbacks import Callbacks
from espnet_mtl.server.page.spoken import Remembered

app = create_app(Text2Speech.from_pretrained(sys.argv[1]), ServerOptions(page=True, model=sys.argv[1]))
request = SimpleNamespace(url=urlsplit("http://127.0.0.1"), headers={{"host": "127.0.0.1"}})
buttons = Callbacks(app.state.service, ["text", "markup", "energy"], Remembered())
answer = asyncio.run(buttons.speak(request, "", "Good morning.", "", -20))
said, fs = soundfile.read(io.BytesIO(base64.b64decode(answer.result["audio"])))
exec(answer.python)
again, fs = soundfile.read("speech.wav")
print(json.dumps([len(said), float(abs(said).max()), float(abs(said - again).max())]))
"""


def test_the_demo_page_imports_neither(pair, tmp_path):
    """And the code that it shows says the same, without them, too."""
    shutil.copy(pair.folder / "model.pth", pair.folder / "latest.pth")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    line = [sys.executable, "-c", PAGE, str(pair.folder)]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    length, peak, difference = json.loads(done.stdout)
    assert length > 1000
    assert peak > 0.001
    assert difference == 0


MISTAKES = {
    "emotion": ({"emotion": "glad"}, "unknown emotion 'glad'"),
    "rate": ({"rate": 11}, "rate: expected a number from 0.1 to 10"),
    "option": ({"decode_conf": {"threshold": 1}}, "unknown decoding option of ONNX 'threshold'"),
    "alpha": ({"decode_conf": {"alpha": 99}}, "decode_conf: alpha: expected a number from 0.1 to 10"),
    "reference": ({"reference": "none.wav"}, "none.wav"),
    "visual": ({"visual": "none.npy"}, "visual none.npy: missing"),
}


@pytest.mark.parametrize(("controls", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_told(pair, controls, message):
    with pytest.raises(UserError, match=message):
        pair.onnx(TEXT, **controls)


def test_too_many_frames(pair):
    text = " ".join(["good morning"] * 90)
    with pytest.raises(UserError, match=r"\d+ frames, but 5000 are the most: speak it sentence by sentence"):
        pair.onnx(text, rate=0.75)


def test_damaged_files(pair, tmp_path):
    config = shutil.copy(pair.folder / "config.yaml", tmp_path)
    with pytest.raises(UserError, match="onnx is missing: the model was packed without ONNX"):
        Text2Speech(config)
    shutil.copytree(pair.folder / "onnx", tmp_path / "onnx")
    (tmp_path / "onnx/decoder.onnx").write_bytes(b"no graph")
    with pytest.raises(UserError, match=r"decoder\.onnx: no graph that onnxruntime can run"):
        Text2Speech(config)
    (tmp_path / "onnx/decoder.onnx").unlink()
    with pytest.raises(UserError, match=r"decoder\.onnx is missing: pack the model again"):
        Text2Speech(config)
    shutil.copy(pair.folder / "onnx/encoder.onnx", tmp_path / "onnx/decoder.onnx")
    with pytest.raises(UserError, match=r"decoder\.onnx: another graph, which says no mel: pack the model again"):
        Text2Speech(config)
    shutil.copy(pair.folder / "onnx/decoder.onnx", tmp_path / "onnx/decoder.onnx")
    np.savez(tmp_path / "onnx" / SIGNAL, format=99)
    with pytest.raises(UserError, match=r"signal\.npz: layout 99, and this version reads 1: pack the model again"):
        Text2Speech(config)


DAMAGES = {
    "hop": 0,
    "fs": -1,
    "basis": np.zeros((3, 80), np.float32),
    "slope": np.full((80, 257), np.nan, np.float32),
    "window": np.zeros(0, np.float32),
    "mel_window": np.zeros(0, np.float32),
    "feature_basis": np.array(["a"]),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_arrays_are_named(pair, tmp_path, name):
    path = tmp_path / "signal.npz"
    with np.load(pair.folder / "onnx" / SIGNAL) as arrays:
        np.savez(path, **{**arrays, name: DAMAGES[name]})
    with pytest.raises(UserError, match=r"signal\.npz: it is damaged \(.*: pack the model again"):
        read_signal(path)


@pytest.mark.parametrize("threads", [0, 1.5, "two", 10**6])
def test_threads_are_counted(pair, threads):
    with pytest.raises(UserError, match="threads: a whole number from 1 to 1024, or null, got"):
        Text2Speech(pair.folder / "config.yaml", threads=threads)


def test_a_copy_says_the_same(pair):
    expected = pair.onnx(TEXT)["wav"]
    for copied in (copy.deepcopy(pair.onnx), pickle.loads(pickle.dumps(pair.onnx))):
        np.testing.assert_array_equal(copied(TEXT)["wav"], expected)


def test_a_long_text_leaves_no_memory_taken(pair):
    """Its attention takes 100 MB and more."""
    graph = pair.onnx.decoder
    frames, dim = 3500, graph.sizes["hidden"][2]
    inputs = {"hidden": np.zeros((1, 2, dim), np.float32), "pitch": np.full((1, 2), 5, np.float32)}
    inputs |= {"energy": np.zeros((1, 2), np.float32), "token": np.zeros((1, frames), np.int64)}
    inputs |= {"mel_range": np.zeros((1, 24), np.float32)}
    before = resident_bytes()
    graph(**inputs)
    assert resident_bytes() - before < 50 * 2**20


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_what_cannot_be_exported_says_why(make_tts, tmp_path):
    tts = make_tts()
    assert (
        why_not(tts) == "ONNX needs the source-filter vocoder: train one for this model (vocoder: of the training YAML)"
    )
    with pytest.raises(UserError, match="ONNX needs the source-filter vocoder"):
        export_model(tts, tmp_path / "onnx")
    assert not (tmp_path / "onnx").exists()
    tacotron = make_tts(tts="tacotron2", tts_conf=TINY["tacotron2"], tasks=TTS)
    assert why_not(tacotron) == "ONNX needs tts: fastspeech2, and this model is of tacotron2"


def test_the_model_still_speaks_with_pytorch_behind_an_export(pair):
    assert pair.torch(TEXT)["wav"].isfinite().all()
    assert torch.is_grad_enabled()
