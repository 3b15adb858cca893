"""What is mutated: a tiny corpus of hummed tones that has gone through stages 1 to 8."""

from __future__ import annotations

import shutil
from itertools import cycle, product
from pathlib import Path

import numpy as np
import soundfile
import yaml

from espnet_mtl.bin.stages import collect_stats, decode, extract_features, pack, prepare_audio, prepare_data, train
from espnet_mtl.config.load import read_train_config
from espnet_mtl.corpora.alignment import format_alignment
from espnet_mtl.data.dump import ALIGNMENT, TEXT
from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.text.espeak import phonemize
from fuzzing import faces

ROOT = Path(__file__).parents[2]
CONF = ROOT / "egs2/mtl_tts/conf"
FS, SECONDS = 16000, 0.6
PITCH = {"ann": 210, "bob": 110}
RISE = {"happy": 60, "neutral": 0}
SENTENCES = ("Good morning.", "It is late.", "Where are you?", "Come in!", "Not today.")
SETS = ("train", "train", "train", "dev", "test")
STEPS = 30
TINY = {
    "adim": 16, "aheads": 2, "elayers": 1, "eunits": 16, "dlayers": 1, "dunits": 16, "duration_predictor_chans": 16,
    "pitch_predictor_chans": 16, "energy_predictor_chans": 16,
}  # fmt: skip


def build(work: Path) -> None:
    """Fills an empty directory: source/, conf/, data/, dump/, exp/, model.zip, unpacked/, judged/ and shown/."""
    _write_corpus(work / "source")
    _write_shown(work / "shown")
    _write_configs(work / "conf")
    for run in (stage_1, align, stage_2, stage_3, stage_4, stage_5, stage_6, stage_8):
        run(work)
    shutil.unpack_archive(work / "model.zip", work / "unpacked")
    # What a model of some steps says is no speech: natural speech is judged.
    for name in ("reference", "speech"):
        _write_judged(work / "dump/raw/test", work / "judged" / name)


def _write_judged(source: Path, target: Path) -> None:
    """Copies a directory of speech as somebody else would give it: with recordings and tables in one place."""
    target.mkdir(parents=True)
    wavs = {}
    for utt, place in read_table(source / "wav.scp").items():
        wavs[utt] = shutil.copy(place, target)
    write_table(target / "wav.scp", wavs)
    for table in ("text", "utt2spk", "utt2emo", "utt2lang"):
        shutil.copy(source / table, target)


def _write_corpus(source: Path) -> None:
    """Writes recordings, and a metadata.csv with every column."""
    source.mkdir(parents=True)
    lines = ["id,path,text,speaker,emotion,vad,language,gender,split,image,video"]
    kinds = cycle([*faces.KINDS, None])
    for (speaker, pitch), (emotion, rise), (number, text) in product(PITCH.items(), RISE.items(), enumerate(SENTENCES)):
        name = f"{speaker}_{emotion}_{number}"
        soundfile.write(source / f"{name}.wav", _hum(pitch, rise, number), FS)
        fields = [name, f"{name}.wav", text, speaker, emotion, "3 2 4", "en-us", "f" if speaker == "ann" else "m"]
        lines.append(",".join([*fields, SETS[number], *_write_seen(source / name, next(kinds))]))
    (source / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    options = {"root": str(source), "metadata": "metadata.csv"}
    (source / "csv.yaml").write_text(yaml.safe_dump(options), encoding="utf-8")


def _write_seen(name: Path, kind: str | None) -> tuple[str, str]:
    """Writes what is seen in an utterance; returns its columns `image` and `video`."""
    if kind is None:
        return "", ""
    path = name.with_suffix(f".{kind}")
    faces.write_face(path)
    return ("", path.name) if kind == "mp4" else (path.name, "")


def _write_shown(directory: Path) -> None:
    """Writes faces that a model is shown."""
    directory.mkdir()
    for kind in faces.KINDS:
        faces.write_face(directory / f"face.{kind}")


def _hum(pitch: float, rise: float, number: int) -> np.ndarray:
    """A rising tone with twenty harmonics (T,)."""
    time = np.arange(round(SECONDS * FS)) / FS
    phase = 2 * np.pi * np.cumsum(pitch + rise * time) / FS
    harmonics = [np.sin(k * phase + number) / k for k in range(1, 21)]
    noise = np.random.default_rng(number).normal(size=len(time))
    return 0.1 * np.sum(harmonics, axis=0) + 1e-3 * noise


def _write_configs(conf: Path) -> None:
    conf.mkdir()
    config = read_train_config(CONF / "train_fastspeech2.yaml")
    config["tts_conf"].update(TINY)
    # As many steps as it takes to predict more than one frame
    config["scheduler_conf"].update(first_cycle_steps=STEPS, warmup_steps=1, max_lr=0.02)
    config["visual_extract"] = "crops"
    config["visual_extract_conf"] = {"size": faces.SIDE}
    config["style_conf"]["visual"] = {"channels": 8}
    config["vocoder"] = {"steps": 1, "batch_size": 1, "segment": 16}
    config.update(max_epoch=1, num_iters_per_epoch=STEPS, batch_size=2, log_interval=10)
    (conf / "train.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    shutil.copy(CONF / "decode.yaml", conf / "decode.yaml")


def align(work: Path) -> None:
    """Gives every utterance times of its phones, so that no aligner need be trained."""
    for name in dict.fromkeys(SETS):
        lines = {}
        for utt, text in read_table(work / "data" / name / TEXT).items():
            phones = phonemize(text, "en-us")
            step = SECONDS / len(phones)
            lines[utt] = format_alignment((phone, step * number) for number, phone in enumerate(phones, 1))
        write_table(work / "data" / name / ALIGNMENT, lines)


def _options(**options: object) -> list[str]:
    words = []
    for name, value in options.items():
        words += [f"--{name}", str(value)]
    return words


def stage_1(work: Path) -> None:
    """Prepares the corpus."""
    options = _options(corpus="csv", local=work / "source", output=work / "data", train_config=work / "conf/train.yaml")
    prepare_data.main([*options, "--max_dropped", "1"])


def stage_2(work: Path) -> None:
    """Prepares the recordings."""
    options = _options(data=work / "data", output=work / "dump/raw", train_config=work / "conf/train.yaml")
    prepare_audio.main([*options, "--max_dropped", "1"])


def stage_3(work: Path) -> None:
    """Extracts features."""
    extract_features.main(_options(dump=work / "dump/raw", train_config=work / "conf/train.yaml", nj=1))


def _tables(work: Path) -> dict[str, Path]:
    return {"token_list": work / "dump/token_list", "tables": work / "dump/tables", "stats": work / "exp/stats"}


def stage_4(work: Path) -> None:
    """Makes token list, label tables and statistics."""
    options = _options(dump=work / "dump/raw", train_config=work / "conf/train.yaml", **_tables(work))
    collect_stats.main(options)


def stage_5(work: Path) -> None:
    """Trains for some steps."""
    options = _options(dump=work / "dump/raw", train_config=work / "conf/train.yaml", **_tables(work))
    train.main([*options, "--output", str(work / "exp/tiny")])


def stage_6(work: Path) -> None:
    """Decodes the test set."""
    options = _options(exp=work / "exp/tiny", dump=work / "dump/raw", inference_config=work / "conf/decode.yaml")
    decode.main([*options, "--", "--griffin_lim_iters", "1"])


def stage_8(work: Path) -> None:
    """Packs the model."""
    pack.main(_options(exp=work / "exp/tiny", inference_config=work / "conf/decode.yaml", output=work / "model.zip"))
