"""Durations of natural speech from a teacher's attention, as ESPnet's `--teacher_dumpdir` holds them."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from espnet_mtl.config.load import read_yaml
from espnet_mtl.config.numbers import MAX_TOKENS
from espnet_mtl.data.arks import Matrices
from espnet_mtl.data.dump import DURATIONS, text_file
from espnet_mtl.data.kaldi import read_optional, read_table, write_table
from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.length import check_lines
from espnet_mtl.inference.sets.spoken import check_dump
from espnet_mtl.labels import CLASS_LABELS, UNLABELLED
from espnet_mtl.model.checkpoint import best_model
from espnet_mtl.system.devices import check_gpus
from espnet_mtl.system.files import require, whole_directory
from espnet_mtl.system.progress import progress
from espnet_mtl.system.unicode import normal_name
from espnet_mtl.text.tokens import Tokenizer

if TYPE_CHECKING:
    from espnet_mtl.inference.sets.attention import Teacher

FOCUS_RATES = "focus_rates"
"""How sharp the attention of each utterance is."""


def teacher_durations(exp: Path, dump: Path, output: Path, ngpu: int, max_tokens: int = MAX_TOKENS) -> dict[str, float]:
    """Runs a trained Tacotron2 over natural speech with teacher forcing, and writes what its attention says.

    Each set of `output` gets `durations` (frames per token, the last one the end) and `focus_rates`, as ESPnet's
    `tts_inference` with teacher forcing writes them: stage 3 reads them where `--teacher_dumpdir` says so.

    Args:
        exp: The teacher, e.g. `exp/train_tacotron2`.
        dump: `dump/raw`; its directories that hold feats.scp are read.
        output: Where to write, e.g. `exp/train_tacotron2/teacher`.
        ngpu: 0: CPU.
        max_tokens: The most tokens of one utterance.

    Returns:
        The mean focus rate of each set.

    Raises:
        UserError: An input is missing, the model has no attention, an utterance is too long, or a set's directory holds
            something else, which would be lost.
    """
    require([exp / "config.yaml"], "stage 5")
    config = read_yaml(exp / "config.yaml")
    sets = sorted(path.parent.name for path in dump.glob("[!.]*/feats.scp"))
    require([dump / name / "feats.scp" for name in sets or ["train"]], "stage 3")
    if config["tts"] != "tacotron2":
        raise UserError(f"{exp}: a teacher needs attention, which tts: tacotron2 has and {config['tts']} has not")
    model_file = best_model(exp, config)
    check_dump(exp, config, dump)
    check_gpus(ngpu)
    tokenizer = Tokenizer.from_config(config, config["token_type"], config.get("bpemodel"))
    for name in sets:
        check_lines(read_table(dump / name / text_file(config["token_type"]), "stage 3"), tokenizer, max_tokens)
    for name in sets:
        _check_own(output / name)
    # These import PyTorch and ESPnet, which takes seconds: mistakes above are told before
    from espnet_mtl.inference.sets.attention import Teacher

    teacher = Teacher.load(exp / "config.yaml", model_file, "cuda" if ngpu else "cpu")
    with ExitStack() as stack:  # all sets take their names together
        directories = {name: stack.enter_context(whole_directory(output / name)) for name in sets}
        return {name: _write(teacher, dump / name, directory) for name, directory in directories.items()}


def _check_own(directory: Path) -> None:
    if not directory.is_dir():
        return
    others = sorted({path.name for path in directory.iterdir()} - {DURATIONS, FOCUS_RATES})
    if others:
        raise UserError(f"{directory} holds {others[0]}, and would be replaced: choose another --output")


def _utterances(dump: Path, args: Namespace) -> Iterator[tuple[str, dict[str, object]]]:
    """Reads a set, with labels that the teacher knows.

    A student may have others than its teacher: an unknown speaker or language is taken for the first one, an unknown
    emotion for none.
    """
    texts = read_table(dump / text_file(args.token_type), "stage 3")
    speakers = read_table(dump / "utt2spk", "stage 2")
    emotions = read_optional(dump / "utt2emo")
    languages = read_optional(dump / "utt2lang")
    feats = Matrices(dump / "feats.scp", "stage 3")
    for table in (texts, speakers):
        table.check_has(feats.places, feats.places.path)
    for utt in sorted(feats.places):
        data: dict[str, object] = {"text": texts[utt], "speech": feats[utt]}
        data["sids"] = _or_first(speakers[utt], args.speakers)
        if utt in emotions:
            classes = CLASS_LABELS["emotion"].classes_in(emotions[utt])
            known = all(_among(name, args.emotions) for name in classes)
            data["emotion"] = emotions[utt] if known else UNLABELLED
        if utt in languages:
            data["lids"] = _or_first(languages[utt], args.languages)
        yield utt, data


def _or_first(name: str, known: Sequence[str]) -> str:
    return name if _among(name, known) else known[0]


def _among(name: str, known: Sequence[str]) -> bool:
    return normal_name(name) in map(normal_name, known)


def _write(teacher: Teacher, dump: Path, directory: Path) -> float:
    """Writes durations and focus rates of a set, and returns the mean focus rate."""
    total = len(read_table(dump / "feats.scp"))
    utterances = progress(_utterances(dump, teacher.args), f"durations of {dump.name}", total)
    attended = [teacher.read(utt, data) for utt, data in utterances]
    durations = {one.utt: " ".join(map(str, one.durations)) for one in attended}
    focus_rates = {one.utt: f"{one.focus_rate:.5f}" for one in attended}
    write_table(directory / DURATIONS, durations)
    write_table(directory / FOCUS_RATES, focus_rates)
    return float(np.mean([one.focus_rate for one in attended]))
