"""The commands of the README and of the pages of docs, on a tiny demo corpus."""

import csv
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from corpus_layouts import LAYOUTS
from PIL import Image
from recipe import CONF, MULTI, ROOT, SINGLE, TRAIN_ARGS, command

import espnet_mtl.onnx
from espnet_mtl.data.kaldi import read_optional, read_table
from espnet_mtl.visual.drawing import draw_faces

DRIVER = """
import re, shlex, sys
from pathlib import Path
import espnet_mtl.bin.synthesize
page = Path(sys.argv[1]).read_text(encoding="utf-8")
commands = re.findall(r"^python -m espnet_mtl.bin.synthesize (.*)", page, re.M)
blocks = re.findall(r"```python\\n(.*?)```", page, re.S)
assert commands
assert len(blocks) == int(sys.argv[2])
for command in commands:
    espnet_mtl.bin.synthesize.main(shlex.split(command))
for block in blocks:
    exec(block)
"""


@pytest.mark.parametrize(
    ("page", "count", "spoken"),
    [
        ("README.md", 2, ("happy", "mixed", "surprised")),
        ("docs/speaking.md", 4, ("morning", "book")),
        ("docs/onnx.md", 1, ("light",)),
        ("docs/controls.md", 4, ("controlled",)),
        ("docs/markup.md", 1, ("marked",)),
    ],
)
def test_what_the_pages_on_speaking_show_works(page, count, spoken, recipe):
    subprocess.run(
        [sys.executable, "-c", DRIVER, str(ROOT / page), str(count)],
        cwd=recipe,
        env={**os.environ, "XDG_CACHE_HOME": str(recipe / "cache"), "PYTHONPATH": str(ROOT)},
        check=True,
    )
    for name in spoken:
        wav, fs = soundfile.read(recipe / f"{name}.wav")
        assert fs == 16000
        assert abs(wav).max() > 0


def test_what_the_page_on_written_forms_shows_works():
    page = (ROOT / "docs/normalization.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.S)
    done = subprocess.run(
        [sys.executable, "-c", block], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True
    )
    assert done.stdout.decode().splitlines() == [
        "On March fifth, twenty twenty four it rose three point five percent to one point two billion dollars.",
        "Am dritten März um zwölf Uhr dreißig waren es minus fünf Grad Celsius.",
        "trzeciego marca tysiąc dziewięćset dziewięćdziesiątego dziewiątego roku kosztowało to trzy złote pięćdziesiąt"
        " groszy.",
    ]


def page_commands(name: str) -> list[str]:
    """Lists the commands of a page of docs, apart from those that serve."""
    page = (ROOT / f"docs/{name}.md").read_text(encoding="utf-8")
    return re.findall(r"^(?:[A-Z]+=\S+ )*(?:python -m|\./run\.sh) (?!.* --listen).*", page, re.M)


def run_line(line: str, work: Path, *options: str) -> None:
    """Runs a command of a page in `work`; `options` go to ./run.sh."""
    words, environment = shlex.split(line), {**os.environ, "PYTHONPATH": str(ROOT)}
    while "=" in words[0]:
        key, _, place = words.pop(0).partition("=")
        environment[key] = str(work / place)
    if words[0] == "python":
        words[0] = sys.executable
    else:
        words = [str(work / word) if word.startswith(("exp/", "mine/")) else word for word in words[1:]]
        words = command(work, *words, *options)
    subprocess.run(words, cwd=work, env=environment, check=True)


def run_page(name: str, work: Path) -> list[str]:
    """Runs the commands of a page, and returns them."""
    commands = page_commands(name)
    for line in commands:
        run_line(line, work)
    return commands


@contextmanager
def served(line: str, work: Path) -> Iterator[str]:
    """Runs the command of a server on a free port; yields its address."""
    words = [sys.executable, *shlex.split(line)[1:], "--port", "0"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(work / "cache"), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, cwd=work, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield re.search(r"http://[\d.]+:\d+", process.stdout.readline())[0]
        finally:
            process.terminate()


def test_what_the_page_on_the_server_shows_works(recipe, monkeypatch):
    page = (ROOT / "docs/server.md").read_text(encoding="utf-8")
    (line,) = (line for line in page_commands("server") if line.endswith("exp/train_fastspeech2"))
    calls = re.findall(r"^curl .*", page, re.M)
    (block,) = re.findall(r"```python\n(.*?)```", page, re.S)
    assert len(calls) == 5
    monkeypatch.chdir(recipe)
    with served(line, recipe) as address:
        for call in calls:
            words = shlex.split(call.replace("http://127.0.0.1:8000", address))
            subprocess.run([*words, "--fail", "--silent"], check=True)
        exec(block.replace("http://127.0.0.1:8000", address))
        load = [sys.executable, str(ROOT / "tools/load_server.py"), address, "--clients", "2", "--seconds", "2"]
        printed = subprocess.run(load, check=True, capture_output=True, text=True).stdout
    assert re.match(r"\d+ requests, 0 failed\nfirst byte: p50 .*\nlast byte: p50 ", printed)
    for name in ("noon.wav", "nobody.mp3", "night.wav", "morning.mp3"):
        wav, fs = soundfile.read(recipe / name)
        assert fs == 16000
        assert abs(wav).max() > 0


def test_what_the_page_on_faces_shows_works(tmp_path, monkeypatch):
    commands = page_commands("visual")
    assert len(commands) == 3
    for line in commands:
        run_line(line, tmp_path, "--baseline_config", "none")
    note = json.loads((tmp_path / "dump/raw/visual.json").read_text())
    assert note == {"extractor": "crops", "shape": [48, 48], "rate": 3.0, "weights": None}
    for name in ("train", "dev", "test"):
        faces, utterances = (read_table(tmp_path / f"dump/raw/{name}/{table}") for table in ("visual.scp", "wav.scp"))
        assert 0.7 < len(faces) / len(utterances) < 1
    log = (tmp_path / "exp/train_fastspeech2_visual/train.log").read_text(encoding="utf-8")
    for figure in ("style_by_face=", "matching_recall=", "emotion_visual_acc=", "no_speaker_visual_acc="):
        assert figure in log
    decoded = tmp_path / "exp/train_fastspeech2_visual/decode_face/test"
    emotions = read_table(decoded / "utt2emo")
    sources = read_table(decoded / "style_sources")
    of_set = read_table(tmp_path / "dump/raw/test/utt2emo")
    assert {utt: of_set[source] for utt, source in sources.items()} == dict(emotions)
    figures = json.loads((decoded / "metrics.json").read_text())["systems"]["train_fastspeech2_visual"]["metrics"]
    assert 0 <= figures["visual_emotion_accuracy"]["value"] <= 1
    assert figures["face_to_voice_rank"]["value"] >= 1
    report = (decoded / "report/index.html").read_text(encoding="utf-8")
    assert report.count('class="face"') == len(set(emotions.values()))
    (face,) = draw_faces("happy", "f2", 1, np.random.default_rng(0), side=160)
    Image.fromarray(face).save(tmp_path / "face.png")
    page = (ROOT / "docs/visual.md").read_text(encoding="utf-8")
    call, request = re.findall(r"```python\n(.*?)```", page, re.S)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    said: dict[str, Any] = {}
    exec(call, said)
    assert said["wav"].abs().max() > 0
    without_torch = espnet_mtl.onnx.Text2Speech.from_pretrained(
        "exp/train_fastspeech2_visual/train_fastspeech2_visual.zip"
    )
    assert len(without_torch("Good morning.", speaker="f2", visual="face.png")["wav"]) == len(said["wav"])
    with served("python -m espnet_mtl.bin.serve --model exp/train_fastspeech2_visual", tmp_path) as address:
        exec(request.replace("http://127.0.0.1:8000", address))
    wav, _ = soundfile.read("morning.mp3")
    assert abs(wav).max() > 0


def test_the_commands_of_the_labels_page_work(recipe, tmp_path):
    for name in ("dump", "exp"):
        shutil.copytree(recipe / name, tmp_path / name, symlinks=True)
    table = tmp_path / "dump/raw/train/utt2emo"
    human = dict(line.split() for line in table.read_text().splitlines() if hash_of(line) % 3)
    table.write_text("".join(f"{utt} {emotion}\n" for utt, emotion in human.items()))
    assert len(run_page("labels", tmp_path)) == 2
    for name in ("train", "model"):
        made = dict(line.split() for line in (tmp_path / f"labels/{name}/utt2emo").read_text().splitlines())
        assert human.items() <= made.items()
        assert len(made) > len(human)


def hash_of(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest(), 16)


def test_the_commands_of_the_evaluation_page_work(recipe):
    (recipe / "conf").symlink_to(CONF)
    assert len(run_page("evaluation", recipe)) == 2
    for name, systems in {"evaluation": ["natural", "mine", "other"], "compare": [SINGLE, MULTI]}.items():
        content = json.loads((recipe / f"exp/{name}/metrics.json").read_text())
        assert set(systems) <= set(content["systems"])
        assert (recipe / f"exp/{name}/report/index.html").is_file()


def test_the_command_of_the_ablation_page_works(recipe, tmp_path):
    for name in ("dump", "exp/stats"):
        shutil.copytree(recipe / name, tmp_path / name, symlinks=True)
    (tmp_path / "conf").symlink_to(CONF)
    (line,) = page_commands("ablation")
    line = line.replace("--seeds 3", "--seeds 2").replace("conf/ablation/fixed.yaml ", "")
    run_line(f"{line} -- {TRAIN_ARGS}", tmp_path)
    table = (tmp_path / "exp/ablation_dev/table.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in table[1:]] == ["natural", "natural vocoded", "single", "uw"]
    runs = list(csv.DictReader((tmp_path / "exp/ablation_dev/runs.csv").read_text().splitlines()))
    assert len(runs) == 2 * 2
    assert all(float(run["step_s"]) > 0 for run in runs)
    assert "uw_weight" not in (tmp_path / "exp/single_seed2/train.log").read_text()
    assert (tmp_path / "exp/uw_seed2/decode/dev/wav.scp").is_file()


def test_the_sounds_of_the_docs_are_made_of_a_packed_model(recipe, tmp_path):
    test_set = recipe / "dump/raw/test"
    sentence = next(utt for utt in read_table(test_set / "text") if utt.startswith("f2_happy")).rpartition("_")[2]
    model = recipe / f"exp/{MULTI}/{MULTI}.zip"
    options = ["--model", model, "--data", test_set, "--sentence", sentence, "--output", tmp_path / "sounds"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, ROOT / "tools/sounds.py", *options], env=environment, check=True)
    for emotion in ("angry", "happy", "neutral", "sad", "surprised"):
        for kind in ("natural", "griffin_lim", "source_filter"):
            wav, fs = soundfile.read(tmp_path / f"sounds/{emotion}_{kind}.mp3")
            assert fs == 16000
            assert len(wav) > 0.2 * fs
            assert abs(wav).max() > 0
    assert {path.name for path in (ROOT / "docs/sounds").glob("*.mp3")} <= {
        path.name for path in (tmp_path / "sounds").glob("*.mp3")
    }


@pytest.mark.parametrize("config", ["train_fastspeech2", "vocoder_universal"])
def test_the_command_of_the_vocoder_page_works(recipe, tmp_path, config):
    (tmp_path / "dump").symlink_to(recipe / "dump")
    (tmp_path / "conf").symlink_to(CONF)
    (line,) = page_commands("vocoder")
    run_line(line.replace("--steps 20", "--steps 2").replace("train_fastspeech2", config), tmp_path)
    assert (tmp_path / "exp/vocoder/vocoder.pth").stat().st_size > 0


def test_the_commands_of_the_durations_page_work(recipe, tmp_path):
    for name in ("dump", "exp"):
        shutil.copytree(recipe / name, tmp_path / name, symlinks=True)
    assert len(run_page("durations", tmp_path)) == 3
    assert json.loads((tmp_path / "dump/raw/durations.json").read_text())["durations"] == "teacher"
    for table in ("durations", "phones"):
        assert (tmp_path / f"dump/raw/train/{table}").stat().st_size > 0
    assert (tmp_path / "exp/student/train.log").is_file()
    assert "focus_rate" in (tmp_path / "exp/train_tacotron2/train.log").read_text()


def test_the_command_for_jets_works(recipe, tmp_path):
    for name in ("dump", "exp/stats"):
        shutil.copytree(recipe / name, tmp_path / name, symlinks=True)
    jets, *_ = page_commands("training")
    short = "--max_epoch 1 --num_iters_per_epoch 1 --scheduler_conf first_cycle_steps=2 --scheduler_conf warmup_steps=1"
    run_line(jets.replace("conf/", f"{CONF}/"), tmp_path, "--train_args", short, "--stop_stage", "5")
    assert (tmp_path / "exp/train_jets/latest.pth").is_file()


def test_the_users_own_recordings(recipe, tmp_path):
    """Recordings that are the demo's, without phone times, half of them without emotion."""
    rows = ["path,text,speaker,emotion"]
    for name in ("train", "dev", "test"):
        wavs, texts, speakers = (read_table(recipe / "data" / name / table) for table in ("wav.scp", "text", "utt2spk"))
        rows += [
            f'{wav},"{texts[utt]}",{speakers[utt]},{"happy" if hash_of(utt) % 2 else ""}'
            for utt, wav in wavs.items()
            if speakers[utt] == "f2"
        ]
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings/metadata.csv").write_text("\n".join(rows))
    own, *_ = page_commands("data")
    *_, further = page_commands("training")
    assert own.endswith("--corpus csv")
    run_line(own, tmp_path, "--stop_stage", "6", "--corpus_conf", "dev=1 test=1", "--baseline_config", "none")
    durations = json.loads((tmp_path / "dump/raw/durations.json").read_text())
    assert durations["durations"] == "learned"
    assert any(line.endswith(" .") for line in read_table(tmp_path / "dump/raw/train/phones").values())
    assert (tmp_path / "dump/tables/emotions.txt").read_text() == "happy\n"
    assert list((tmp_path / f"exp/{MULTI}/decode/test/wav").glob("*.wav"))
    shutil.copy(recipe / f"exp/{MULTI}/{MULTI}.zip", tmp_path / f"exp/{MULTI}")
    table = tmp_path / "recordings/metadata.csv"
    table.write_text(table.read_text().replace(",f2,happy", ",eve,bored").replace(",f2,", ",eve,"))
    run_line(further, tmp_path, "--stop_stage", "6", "--corpus_conf", "dev=1 test=1", "--baseline_config", "none")
    grown = tmp_path / "mine/dump/tables"
    assert (grown / "speakers.txt").read_text().split() == ["f1", "f2", "m1", "m2", "eve"]
    assert (grown / "emotions.txt").read_text().split()[-1] == "bored"
    assert "mine/exp/mine/init.pth" in (tmp_path / "mine/exp/mine/config.yaml").read_text()
    spoken = read_table(tmp_path / "mine/exp/mine/decode/test/utt2emo")
    assert set(spoken.values()) == {"angry", "happy", "neutral", "sad", "surprised", "bored"}
    assert set(read_table(tmp_path / "mine/exp/mine/decode/test/utt2spk").values()) == {"eve"}


def test_two_corpora_at_once(tmp_path):
    for name, place in {"ljspeech": "kathleen", "nemo": "nemo"}.items():
        LAYOUTS[name](tmp_path / place)
    several = page_commands("data")[1]
    conf = "ljspeech.speaker=kathleen ljspeech.dev=1 ljspeech.test=1"
    run_line(several, tmp_path, "--stop_stage", "1", "--corpus_conf", conf)
    assert set(read_table(tmp_path / "data/train/utt2spk").values()) == {"ljspeech_kathleen", "nemo_EB0", "nemo_KD0"}
    assert set(read_table(tmp_path / "data/train/utt2lang").values()) == {"en-us", "pl"}
    assert all(utt.startswith("nemo_") for utt in read_table(tmp_path / "data/train/utt2emo"))


@pytest.mark.parametrize(("place", "name", "settings"), [(2, "ravdess", "dev=1 test=1"), (3, "meld", "")])
def test_corpora_with_faces(tmp_path, place, name, settings):
    LAYOUTS[name](tmp_path / name)
    line = page_commands("data")[place]
    assert f"--corpus {name}" in line
    run_line(line, tmp_path, "--stop_stage", "1", "--corpus_conf", settings, "--max_dropped", "0.1")
    seen = {}
    for part in ("train", "dev", "test"):
        seen |= read_optional(tmp_path / f"data/{part}/visual.scp")
    assert seen
    assert all(path.endswith(".mp4") for path in seen.values())
