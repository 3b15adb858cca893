"""Stages 1 to 8 with names, texts and directories of any characters."""

import csv
import os
import subprocess
import sys
import unicodedata
from itertools import product
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
import soundfile
import yaml
from recipe import CONF, ROOT

from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.data.utterances import FROM_ALIGNER, read_utterances
from espnet_mtl.labels import format_mixture
from espnet_mtl.system.unicode import normal_name
from espnet_mtl.text.espeak import synthesize
from espnet_mtl.text.tokens import Tokenizer

SPEAKERS = {"-Zoë, Ann:1 <b>&'\"$x_2": "en-us+f2", "../" + "名" * 25: "en-us+m3"}
EMOTIONS = {"sad/blue $\\frac": 35, "<script>happy\u200b😀": 70}
TEXTS = [
    "“Good” morning — Ann.",
    "Good\u00a0evening.\ufeff Ben!",
    "A nai\u0308ve mind.",
    "We know.",
    "May I?",
    "Go on.",
]
SETS = ("train", "train", "train", "train", "dev", "test")
TINY = {
    "base": str(CONF / "train_fastspeech2.yaml"),
    "tts_conf": {"adim": 16, "aheads": 2, "elayers": 1, "eunits": 16, "dlayers": 1, "dunits": 16},
    "style_conf": {"channels": 8},
}
TRAINING = "--max_epoch 2 --num_iters_per_epoch 20 --batch_size 4"
TRAINING += " --scheduler_conf first_cycle_steps=40 --scheduler_conf warmup_steps=2"
TRAINING += " --vocoder steps=2 --vocoder batch_size=2"


def write_corpus(root: Path) -> None:
    """Speech of espeak; every second name is written in another form of Unicode."""
    rows = []
    for number, (speaker, emotion, place) in enumerate(product(SPEAKERS, EMOTIONS, range(len(TEXTS)))):
        speech = synthesize(TEXTS[place], SPEAKERS[speaker], pitch=EMOTIONS[emotion])
        name = f"-rec {number}=ü,'<x>&.wav"
        soundfile.write(
            root / name,
            speech.samples + 1e-3 * np.random.default_rng(number).normal(size=len(speech.samples)),
            speech.sample_rate,
        )
        form = ("NFC", "NFD")[number % 2]
        names = [unicodedata.normalize(form, text) for text in (name, TEXTS[place], speaker, emotion)]
        rows.append([*names, SETS[place]])
    rows += [["-rec 0=ü,'<x>&.wav", text, "one", "", "train"] for text in ("①", "中文")]
    with (root / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "text", "speaker", "emotion", "split"), *rows])


def write_durations(work: Path, dump: str) -> None:
    """Durations as a teacher would give them, all alike: an aligner would take longer than all stages together."""
    for part in ("train", "dev", "test"):
        samples = read_table(work / dump / part / "utt2num_samples")
        durations = {}
        for one in read_utterances(work / dump / part, Tokenizer("phn"), FROM_ALIGNER):
            frames, tokens = 1 + int(samples[one.utt]) // 256, len(one.tokens) + 1
            each, rest = divmod(frames, tokens)
            durations[one.utt] = " ".join(map(str, [each + rest, *[each] * (tokens - 1)]))
        write_table(work / "teacher" / part / "durations", durations)


def stage(work: Path, name: str, *options: object) -> None:
    command = [sys.executable, "-m", f"espnet_mtl.bin.{name}", *map(str, options)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{name}: {done.stdout[-2000:]}{done.stderr[-4000:]}"


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """A directory in which all stages have run."""
    work = tmp_path_factory.mktemp("any") / "wörk ü=b 'x' & <y>"
    (work / "corpus").mkdir(parents=True)
    write_corpus(work / "corpus")
    (work / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    (work / "decode.yaml").write_text("griffin_lim_iters: 2\n")
    raw, config = "dümp d=1/raw", ["--train_config", "tiny.yaml"]
    places = ["--token_list", "dümp d=1/token_list", "--tables", "dümp d=1/tables", "--stats", "éxp e/stats"]
    exp, inference = ["--exp", "éxp e/m"], ["--inference_config", "decode.yaml"]
    stage(
        work,
        "stages.prepare_data",
        "--corpus",
        "csv",
        "--corpus_conf",
        "root=corpus",
        "--output",
        "data",
        "--max_dropped",
        0.2,
        *config,
    )
    stage(work, "stages.prepare_audio", "--data", "data", "--output", raw, *config)
    write_durations(work, raw)
    stage(work, "stages.extract_features", "--dump", raw, "--nj", 1, "--teacher_dumpdir", "teacher", *config)
    stage(work, "stages.collect_stats", "--dump", raw, *places, *config)
    stage(work, "stages.train", "--dump", raw, *places, "--output", "éxp e/m", *config, "--", *TRAINING.split())
    stage(work, "stages.decode", "--dump", raw, *exp, *inference)
    stage(work, "stages.evaluate", "--dump", raw, *exp, *inference, "--audio_beside")
    stage(work, "stages.pack", *exp, *inference, "--onnx", "false")
    return work


def test_names_in_two_forms_are_one_class(work):
    tables = work / "dümp d=1/tables"
    assert (tables / "speakers.txt").read_text(encoding="utf-8").splitlines() == sorted(map(normal_name, SPEAKERS))
    lines = (tables / "emotions.txt").read_text(encoding="utf-8").splitlines()
    assert lines == sorted(normal_name(emotion).lower() for emotion in EMOTIONS)
    assert format_mixture(dict.fromkeys(lines, 0.5))
    report = (work / "data/report.txt").read_text(encoding="utf-8")
    assert "(1 duplicate id, 1 unreadable text)" in report


def test_every_recording_of_every_stage_is_where_its_table_says(work):
    for directory in (work / "dümp d=1/raw/test", work / "éxp e/m/decode/test"):
        places = read_table(directory / "wav.scp")
        assert len(places) == len(set(places.values())) == 4
        for place in places.values():
            assert soundfile.info(place).frames > 0


def test_the_page_shows_names_as_text(work):
    report = work / "éxp e/m/decode/test/report"
    page = (report / "index.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;happy" in page
    assert "<script>happy" not in page
    files = [file.name for file in (report / "audio").iterdir()]
    assert files
    assert all(f"audio/{quote(file)}" in page for file in files)


def test_the_packed_model_speaks_by_any_form_of_a_name(work):
    speaker, emotion = next(iter(SPEAKERS)), list(EMOTIONS)[1]
    for form in ("NFC", "NFD"):
        text, name = (unicodedata.normalize(form, one) for one in (TEXTS[2], speaker))
        words = [f"--speaker={name}", f"--emotion={emotion.lower()}", "--output", f"{form}.wav"]
        stage(work, "synthesize", "--model", "éxp e/m/m.zip", "--text", text, *words)
    one, other = (soundfile.read(work / f"{form}.wav")[0] for form in ("NFC", "NFD"))
    assert np.array_equal(one, other)
