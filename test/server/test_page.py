"""The demo page without a browser: what its buttons bring, and that the code it shows says the same."""

import asyncio
import base64
import io
import json
import os
import shlex
import subprocess
import sys
from html import escape
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import gradio
import numpy as np
import pytest
import soundfile
import torch
from fastapi.testclient import TestClient
from speech_server import gated, running
from tiny_backbones import TINY

from espnet_mtl.config.numbers import INTENSITY_SLIDER, KNOBS
from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.controls import Controls
from espnet_mtl.inference.word_edits import WordEdit
from espnet_mtl.server.app import create_app
from espnet_mtl.server.jobs import QueueFull
from espnet_mtl.server.options import ServerOptions
from espnet_mtl.server.page.callbacks import Callbacks
from espnet_mtl.server.page.code import Source, curl_command, python_code
from espnet_mtl.server.page.drawing import BANDS, spectrogram
from espnet_mtl.server.page.form import FILES
from espnet_mtl.server.page.layout import build_page
from espnet_mtl.server.page.marks import examples, marked_mistake
from espnet_mtl.server.page.spoken import MOST_BYTES, Remembered, Spoken
from espnet_mtl.server.service import Service
from espnet_mtl.server.speech import Asked
from espnet_mtl.text.markup.reader import read_markup

ADDRESS = "http://127.0.0.1:8000"
REQUEST = SimpleNamespace(url=urlsplit(ADDRESS), headers={"host": "127.0.0.1:8000"})
TEXT = "Good morning. Good good morning!"
QUIET = -40
"""In dB: an untrained model is too loud for 16 bits."""
SET = {"text": TEXT, "speaker": "f1", "energy": QUIET}
"""What is set on the page."""


MIXTURE = {"happy": 0.7, "sad": 0.3}


class Page:
    """A page of a model, without a browser."""

    def __init__(self, tts, **options):
        self.service = Service(tts, ServerOptions(**options))
        self.values = {"markup": ""}
        self.remembered = Remembered()

    def speak(self, browser=None, **values):
        form = {**self.values, **SET, **values}
        return asyncio.run(self.buttons(form).speak(REQUEST, json.dumps(browser or {}), *form.values()))

    def again(self, answer, edits):
        state = {"edits": edits, "said": answer.result["said"]}
        return asyncio.run(self.buttons({}).speak_again(REQUEST, json.dumps(state)))

    def save(self, answer, kind):
        state = {"kind": kind, "said": answer.result["said"]}
        return asyncio.run(self.buttons({}).save(json.dumps(state)))

    def body(self, answer):
        return self.remembered.find(answer.result["said"]).body

    def buttons(self, form):
        return Callbacks(self.service, list(form), self.remembered)


@pytest.fixture
def page(tts):
    return Page(tts)


def heard(answer) -> np.ndarray:
    """Returns the samples (T_wav,) of an answer."""
    assert answer.message == "", answer.message
    return soundfile.read(io.BytesIO(base64.b64decode(answer.result["audio"])))[0]


def said(tts, text=TEXT, **controls) -> np.ndarray:
    parts = tts.stream(text, **{"speaker": "f1", "energy": QUIET, **controls})
    return np.concatenate([tts.samples(part["wav"]) for part in parts])


def assert_same(wave, other) -> None:
    np.testing.assert_allclose(wave, other, atol=2**-15)


@pytest.mark.parametrize(
    ("values", "browser", "controls"),
    [
        ({}, {}, {}),
        ({"speaker": "m1"}, {}, {"speaker": "m1"}),
        ({"second": "m1", "share": 30}, {}, {"speaker": {"f1": 0.7, "m1": 0.3}}),
        ({"second": "", "share": 30}, {}, {}),
        ({}, {"weights": {"happy": 0, "neutral": 0, "sad": 1}}, {"emotion": "sad"}),
        ({"intensity": 0.5}, {"weights": MIXTURE}, {"emotion": MIXTURE, "intensity": 0.5}),
        ({"rate": 1.3}, {}, {"rate": 1.3}),
        ({"pitch": 2.5}, {}, {"pitch": 2.5}),
        ({"pitch_range": 0.4}, {}, {"pitch_range": 0.4}),
        ({"energy": -35}, {}, {"energy": -35}),
        ({"own_pause": True, "pause": 0.7}, {}, {"pause": 0.7}),
        ({"own_pause": False, "pause": 0.7}, {}, {}),
        ({"seed": 3}, {}, {"seed": 3}),
        ({"language": "en-us"}, {}, {"language": "en-us"}),
    ],
)  # fmt: skip
def test_each_control(page, tts, values, browser, controls):
    answer = page.speak(browser, **values)
    assert_same(heard(answer), said(tts, **controls))
    expected = {name: value for name, value in controls.items() if name != "speaker"}
    body = page.body(answer)
    assert expected.items() <= body.items()
    allowed = {"input", "response_format", "speaker", "energy", *controls}
    assert set(body) == allowed


def test_what_is_drawn(page, tts):
    result = page.speak().result
    parts = list(tts.stream(TEXT, speaker="f1", energy=QUIET))
    assert [sentence["text"] for sentence in result["sentences"]] == [part["text"] for part in parts]
    assert result["seconds"] == pytest.approx(len(heard(page.speak())) / tts.fs)
    for sentence, part in zip(result["sentences"], parts, strict=True):
        assert [word["text"] for word in sentence["words"]] == [word.text for word in part["prosody"].timed_words]
        assert sentence["words"][-1]["end"] <= sentence["seconds"]
        assert len(base64.b64decode(sentence["mel"])) == sentence["frames"] * BANDS
        times = [time for curve in sentence["f0"] for time, _ in curve]
        assert times == sorted(times)
    assert result["ranges"]["pitch"] == KNOBS["pitch"].slider
    json.dumps(result, allow_nan=False)


def test_words_are_drawn_behind_the_silence_before_them(page):
    markup = "<speak><break time='2s'/>Good morning.</speak>"
    (sentence,) = page.speak({"tab": "markup"}, markup=markup).result["sentences"]
    assert sentence["words"][0]["start"] == 2
    assert sentence["f0"][0][0][0] > 2
    mel = np.frombuffer(base64.b64decode(sentence["mel"]), dtype=np.uint8).reshape(-1, BANDS)
    silent = mel[: round(1.9 / sentence["seconds"] * len(mel))]
    assert silent.max() == 0


@pytest.mark.parametrize("fs", [16000, 24000])
def test_a_tone_stands_where_its_pitch_is(fs):
    time = np.arange(fs) / fs
    low, high = (spectrogram(np.sin(2 * np.pi * hz * time), fs).mean(axis=0).argmax() for hz in (200, 3000))
    assert 0 < low < 12 < 35 < high < BANDS
    assert spectrogram(np.zeros(fs), fs).max() == spectrogram(np.zeros(fs), fs).min()


@pytest.mark.parametrize("element", ['<brek time="1>s"/>', "<brek a='\">'>", "<brek>"])
def test_the_whole_element_is_marked(element):
    text = f"\ufeff<speak>a{element}b > c</speak>"
    with pytest.raises(UserError) as error:
        read_markup(text)
    assert f"<mark>{escape(element)}</mark>" in marked_mistake(text, str(error.value))


def test_markup_and_its_mistakes(page, tts):
    markup = '<speak>\n  Good <emphasis>morning</emphasis>.\n  <brek time="1s"/>\n</speak>'
    browser = {"tab": "markup"}
    wrong = page.speak(browser, markup=markup)
    assert wrong.message == ""
    assert '<mark>&lt;brek time=&quot;1s&quot;/&gt;</mark>' in wrong.mistake  # fmt: skip
    assert 'data-line="3" data-column="3"' in wrong.mistake
    assert "unknown element &#x27;&lt;brek&gt;&#x27;" in wrong.mistake
    right = markup.replace("brek", "break")
    answer = page.speak(browser, markup=right)
    assert answer.mistake == ""
    assert_same(heard(answer), said(tts, right))


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", ""),
        ("<speak>Good.</speak>", ""),
        ("Good.", "first element"),
        ("<speak>Good.", "<mark>"),
        ("<speak>\n\nGood & bad.</speak>", 'data-line="3"'),
        ("<speak><p><img src='x' onerror='alert(1)'/></p></speak>", "<mark>&lt;img"),
    ],
)
def test_markup_is_read_while_it_is_written(page, text, mistake):
    found = page.buttons({}).check(text)
    assert mistake in found
    assert bool(found) == bool(mistake)
    assert "<img" not in found


def test_words_are_edited_again_and_again(page, tts):
    first = page.speak()
    edits = [{"sentence": 1, "word": 0, "pitch": 5, "stretch": 1.6}]
    second = page.again(first, edits)
    assert_same(heard(second), said(tts, edits=[WordEdit(**edits[0])]))
    assert second.result["edits"] == edits
    other = [*edits, {"sentence": 0, "word": 1, "gain": 6}]
    third = page.again(second, other)
    assert_same(heard(third), said(tts, edits=[WordEdit(**edit) for edit in other]))
    assert_same(heard(page.again(third, [])), heard(first))


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ([{"word": 9}], "there is no word 9"),
        ([{"word": 0, "pitch": 99}], "edits: pitch"),
        ([{"word": 0, "wrong": 1}], "edits: 0: wrong"),
        ("all", "edits"),
    ],
)
def test_edits_that_cannot_be(page, edits, message):
    answer = page.again(page.speak(), edits)
    assert message in answer.message
    assert answer.result == gradio.skip()


def test_nothing_to_edit_or_to_save(page):
    for key in (None, ["key"], "other"):
        nothing = SimpleNamespace(result={"said": key})
        assert "press Speak again" in page.again(nothing, []).message
        assert "press Speak again" in page.save(nothing, "mp3")[0]
    message, file = page.save(page.speak(), "exe")
    assert "unknown kind of file" in message
    assert file is None


def test_the_oldest_is_forgotten_first():
    remembered = Remembered()
    long = Spoken({"input": "x", "reference": "A" * (MOST_BYTES // 3)}, {"reference": "a.wav"})
    first, second, third = (remembered.keep(long) for _ in range(3))
    assert remembered.find(second) is long
    with pytest.raises(UserError, match="press Speak again"):
        remembered.find(first)
    remembered.keep(long)
    assert remembered.find(second) is long  # it was asked for of late
    with pytest.raises(UserError, match="press Speak again"):
        remembered.find(third)


@pytest.mark.parametrize("kind", ["flac", "mp3"])
def test_a_file_of_what_was_said(page, kind):
    answer = page.again(page.speak(), [{"word": 0, "pitch": 3}])
    message, file = page.save(answer, kind)
    assert (message, file["kind"]) == ("", kind)
    wave, fs = soundfile.read(io.BytesIO(base64.b64decode(file["content"])))
    assert len(wave) / fs == pytest.approx(answer.result["seconds"], abs=0.15)
    if kind == "flac":
        assert_same(wave, heard(answer))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"text": ""}, "there is nothing to say"),
        ({"text": "x" * 5000}, "5000 characters, at most 4096"),
        ({"speaker": "nobody<b>"}, "nobody&lt;b&gt;"),
        ({"rate": 99}, "rate: expected a number from 0.1 to 10"),
    ],
)
def test_what_cannot_be_said_is_told_and_the_rest_stays(page, values, message):
    answer = page.speak(**values)
    assert message in answer.message
    assert "warning" in answer.message
    assert all(kept == gradio.skip() for kept in (answer.result, answer.python, answer.curl))


@pytest.mark.parametrize("browser", ["no JSON", "[1]"])
def test_what_a_browser_sends_is_checked(page, browser):
    form = {"text": TEXT, "markup": ""}
    answer = asyncio.run(page.buttons(form).speak(REQUEST, browser, *form.values()))
    assert "load it again" in answer.message


def test_the_pages_and_the_apis_requests_share_the_line(tts):
    gate = gated(tts)
    page = Page(tts, workers=1, queue=0)

    async def ask_twice():
        form = {"text": "Good.", "markup": ""}
        speak = page.buttons(form).speak
        first = asyncio.create_task(speak(REQUEST, "{}", *form.values()))
        await asyncio.sleep(0)
        second = await speak(REQUEST, "{}", *form.values())
        with pytest.raises(QueueFull):  # as the routes of the API would
            page.service.respond(Asked("Good.", "input", Controls()))
        gate.open()
        return await first, second

    first, second = asyncio.run(ask_twice())
    assert first.message == ""
    assert "all places are taken: try again in" in second.message
    assert b'rejected_total{reason="queue full"} 2.0' in page.service.metrics.text()
    assert b"synthesis_seconds_total 0.0\n" not in page.service.metrics.text()


def test_no_sound_in_time(tts):
    gate = gated(tts)
    page = Page(tts, seconds=0.2)
    assert "no sound was made in time" in page.speak().message
    gate.open(2)


def run_python(code: str, folder: Path) -> np.ndarray:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    # As loud as they are, and with Griffin-Lim as the page has it
    code = code.replace("from_pretrained(", "from_pretrained(griffin_lim_iters=2, model=", 1)
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, check=True)
    return soundfile.read(folder / "speech.wav")[0]


SHOWN = {"text": "\"Good\" 'morning'.\n\nIt's good.", "rate": 1.2, "second": "m1", "share": 40}
WEIGHTS = {"weights": {"happy": 0.25, "neutral": 0.75, "sad": 0}}
EDIT = [{"sentence": 0, "word": 1, "pitch": 4.5, "stretch": 1.4, "gain": -2}]


def test_the_python_code_says_the_same(tts, tmp_path):
    (tmp_path / "model.pth").rename(tmp_path / "latest.pth")
    page = Page(tts, model=str(tmp_path))
    first = page.speak(WEIGHTS, **SHOWN)
    second = page.again(first, EDIT)
    for answer in (first, second):
        assert_same(run_python(answer.python, tmp_path), heard(answer))
    assert "WordEdit(sentence=0, word=1, pitch=4.5, stretch=1.4, gain=-2.0)" in second.python.replace("-2)", "-2.0)")
    assert "edits" not in first.python


def test_the_call_of_the_server_says_the_same(tts, tmp_path):
    page = Page(tts)
    answer = page.again(page.speak(WEIGHTS, **SHOWN), EDIT)
    with running(tts) as address:
        call = answer.curl.replace(ADDRESS, address)
        subprocess.run(["bash", "-c", f"{call.strip()} --fail --silent"], cwd=tmp_path, check=True)
    assert_same(soundfile.read(tmp_path / "speech.wav")[0], heard(answer))


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "it's loud.wav"
    soundfile.write(path, 0.3 * np.sin(np.arange(16000) * 0.05 * (1 + np.arange(16000) / 16000)), 16000)
    return path


def chosen(path) -> dict[str, str]:
    """What the page's script knows of a file that somebody has chosen."""
    return {"name": path.name, "content": base64.b64encode(path.read_bytes()).decode()}


def test_a_reference(tts, recording, tmp_path):
    page = Page(tts)
    answer = page.speak({**WEIGHTS, "recording": chosen(recording)})
    assert "The emotion of the recording: " in answer.message
    wave = soundfile.read(io.BytesIO(base64.b64decode(answer.result["audio"])))[0]
    assert_same(wave, said(tts, reference=recording))
    assert 'reference="it\'s loud.wav"' in answer.python
    with running(tts) as address:
        call = answer.curl.replace(ADDRESS, address)
        subprocess.run(["bash", "-c", f"{call.strip()} --fail --silent"], cwd=tmp_path, check=True)
    assert_same(soundfile.read(tmp_path / "speech.wav")[0], wave)
    again = page.again(answer, EDIT)
    assert page.body(again)["reference"] == page.body(answer)["reference"]


def test_a_face_and_a_recording(make_seeing, recording, tmp_path):
    """What is read of them is marked as it was read, whatever the intensity makes of it."""
    tts = make_seeing()
    (tmp_path / "model.pth").rename(tmp_path / "latest.pth")
    torch.save(tts.model.state_dict(), tmp_path / "latest.pth")
    face = tmp_path / 'a "happy" face.npy'
    np.save(face, np.random.default_rng(0).standard_normal((3, 6)))
    page = Page(tts, model=str(tmp_path))
    for files in ({"face": face}, {"face": face, "recording": recording}):
        browser = {what: chosen(path) for what, path in files.items()}
        given = {field: files[what] for field, what in FILES.items() if what in files}
        answer = page.speak({**WEIGHTS, **browser}, intensity=0.5)
        read = tts.reader.emotion_of_sources(Controls(**given))
        assert answer.result["read"] == pytest.approx(read)
        assert answer.result["from"] == {1: "face", 2: "recording and face"}[len(files)]
        assert f"The emotion of the {answer.result['from']}: " in answer.message
        wave = soundfile.read(io.BytesIO(base64.b64decode(answer.result["audio"])))[0]
        assert_same(wave, said(tts, intensity=0.5, **given))
        assert_same(run_python(answer.python, tmp_path), wave)
        with running(tts) as address:
            call = answer.curl.replace(ADDRESS, address)
            subprocess.run(["bash", "-c", f"{call.strip()} --fail --silent"], cwd=tmp_path, check=True)
        assert_same(soundfile.read(tmp_path / "speech.wav")[0], wave)
    again = page.again(answer, EDIT)
    assert again.result["read"] == answer.result["read"]
    assert page.speak(WEIGHTS).result["read"] is None


def test_a_reference_that_is_no_recording(tts, tmp_path):
    (tmp_path / "no.wav").write_text("no sound")
    answer = Page(tts).speak({"recording": chosen(tmp_path / "no.wav")})
    assert "reference cannot be read" in answer.message
    assert str(tmp_path) not in answer.message


def blocks_of(tts) -> list:
    """Returns all components of a page."""

    async def build():  # in a loop, since Gradio would make one and leave it open
        return build_page(Service(tts, ServerOptions()))

    return list(asyncio.run(build()).blocks.values())


def parts_of_page(tts) -> dict:
    """Returns the components of a page that have a name."""
    return {block.elem_id: block for block in blocks_of(tts) if getattr(block, "elem_id", None)}


def test_sliders_have_the_ranges_of_the_knobs(tts):
    found = parts_of_page(tts)
    ranges = {name: knob.slider for name, knob in KNOBS.items()} | {"intensity": INTENSITY_SLIDER}
    for name, (low, high, step) in ranges.items():
        slider = found[name]
        assert (slider.minimum, slider.maximum, slider.step) == (low, high, step)
        least, most = KNOBS[name].limits if name in KNOBS else (-10, 10)
        assert least <= low < high <= most


SMALL = {"speakers": ["f1"], "emotions": [], "tasks": {"tts": {}}}


def test_a_page_has_what_the_model_has(make_tts, make_seeing):
    assert "face" not in parts_of_page(make_tts())
    assert "face" in parts_of_page(make_seeing())
    has = {"voice", "second", "emotion", "intensity", "rate", "pitch", "pitch_range", "pause"}
    assert has <= set(parts_of_page(make_tts()))
    assert "recording" in parts_of_page(make_tts())
    assert "recording" not in parts_of_page(make_tts(style_conf={"channels": 8, "reference": False}, tasks={"tts": {}}))
    assert "language" in parts_of_page(make_tts(languages=["de", "en-us"]))
    small = set(parts_of_page(make_tts(**SMALL)))
    assert has & small == {"voice", "rate", "pitch", "pitch_range", "pause"}
    none_neutral = parts_of_page(make_tts(emotions=["happy", "sad"]))
    assert "intensity" not in none_neutral
    assert none_neutral["emotion"].value == {"emotions": ["happy", "sad"], "neutral": None}


def test_tacotron2_has_no_knobs_of_prosody_and_says_why(make_tts):
    tts = make_tts(tts="tacotron2", tts_conf=TINY["tacotron2"], options={"maxlenratio": 3.0, "threshold": 1.0})
    assert {"rate", "pitch", "pitch_range", "pause"}.isdisjoint(parts_of_page(tts))
    notes = [str(block.get_config()) for block in blocks_of(tts) if isinstance(block, gradio.HTML)]
    assert any("No rate, pitch, pitch_range, pause: tacotron2 predicts" in note for note in notes)
    page = Page(tts)
    answer = page.speak(text="Good.")
    assert_same(heard(answer), said(tts, "Good."))
    assert answer.result["ranges"] is None
    assert all(word["f0"] is None for word in answer.result["sentences"][0]["words"])
    assert "predicts neither" in page.again(answer, EDIT).message


@pytest.mark.parametrize("kind", ["small", "jets", "embeddings"])
def test_models_of_other_kinds(make_tts, kind):
    if kind == "jets":
        answer = Page(make_tts(tts="jets", tts_conf=TINY["jets"])).speak()
        assert len(heard(answer)) > 0
        assert answer.result["ranges"]
    elif kind == "small":
        tts = make_tts(**SMALL)
        answer = Page(tts).speak()
        assert_same(heard(answer), said(tts))
    else:
        tts = make_tts(tts_conf={**TINY["fastspeech2"], "spk_embed_dim": 4})
        assert "this model needs a speaker embedding" in Page(tts).speak().message


def test_examples_of_markup_can_be_said(make_tts):
    for options in ({}, SMALL, {"tts": "tacotron2", "tts_conf": TINY["tacotron2"]}):
        tts = make_tts(**options)
        shown = examples(tts)
        assert len(shown) == {0: 4, 3: 2, 2: 3}[len(options)]
        for markup in shown.values():
            assert next(tts.stream(markup))["wav"] is not None


def test_long_texts_are_written_a_line_a_line():
    code = python_code({"input": "One.\n'Two'\n"}, Source("espnet_mtl", "m", 500), {})
    assert "text = (\n    'One.\\n'\n    \"'Two'\\n\"\n)" in code
    assert "from_pretrained('m', max_tokens=500)" in code
    compile(code, "shown", "exec")
    call = curl_command({"input": 'it\'s "100%" \n'}, ADDRESS, {"reference": "a b.wav"})
    assert shlex.split(call.replace("\n", " "))


@pytest.fixture
def client(tts):
    with TestClient(create_app(tts, ServerOptions(page=True)), base_url="http://127.0.0.1") as client:
        yield client


def test_the_page_is_where_a_browser_is_led(client):
    assert client.get("/", follow_redirects=False).headers["location"] == "page/"
    page = client.get("/")
    assert page.status_code == 200
    assert "espnetMtl" in page.text
    assert client.get("/favicon.ico").headers["content-type"] == "image/svg+xml"
    assert client.get("/docs").status_code == 200
    assert "/page" not in str(client.get("/openapi.json").json()["paths"])


def test_pages_of_other_sites_cannot_use_it(client):
    assert client.get("/page/", headers={"Host": "evil.example"}).status_code == 400
    asked = client.post("/page/gradio_api/run/speak", json={"data": []}, headers={"Origin": "https://evil.example"})
    assert asked.status_code == 403
    assert client.post("/page/gradio_api/upload", content=b"0" * (9 * 2**20)).status_code == 413


def test_without_the_page_gradio_is_not_imported(tts):
    code = "import sys; sys.modules['gradio'] = None; import espnet_mtl.server.run, espnet_mtl.bin.serve"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    with TestClient(create_app(tts), base_url="http://127.0.0.1") as client:
        assert client.get("/", follow_redirects=False).headers["location"] == "docs"
        assert client.get("/page/").status_code == 404
        assert client.get("/favicon.ico").status_code == 404
