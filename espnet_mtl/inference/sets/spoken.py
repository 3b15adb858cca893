"""What decoded speech (stage 6) was made from, noted beside it, and whether it is still so (stages 7 and 8)."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from espnet_mtl.config.decode import DECODE_OPTIONS
from espnet_mtl.config.load import read_yaml
from espnet_mtl.config.schema import complete
from espnet_mtl.data.dump import TEXT, UTT2EMO, UTT2LANG, UTT2SPK, text_file
from espnet_mtl.data.provenance.check import check_trained_on
from espnet_mtl.data.provenance.notes import Note, changed_files, digests, file_digest, note_file, read_note
from espnet_mtl.errors import UserError
from espnet_mtl.inference.sets.style_sources import StyleSources
from espnet_mtl.model.checkpoint import best_model
from espnet_mtl.training.experiment import cut_off, experiment_notices
from espnet_mtl.vocoder.choice import vocoder_arguments
from espnet_mtl.vocoder.options import WEIGHTS

DECODING = 6
"""The number of the stage."""


def check_dump(exp: Path, config: Mapping[str, Any], dump: Path, part: str | None = None) -> None:
    """Makes sure that a model and a dump go together, and tells what a user should know of the model.

    Args:
        exp: The experiment.
        config: Its config.yaml.
        dump: `dump/raw`.
        part: The set that is read; None: all of them, with their features alone.

    Raises:
        UserError: The dump has other features than the model was trained on, was cut off, or has changed since stage 3.
    """
    full = {**complete({}), **{key: value for key, value in config.items() if value is not None}}
    check_trained_on(dump, full, config.get("token_type") or "phn", exp, part)
    for notice in experiment_notices(exp, config):
        print(notice, file=sys.stderr)


def speech_note(
    exp: Path,
    config: Mapping[str, Any],
    model_file: Path,
    dump: Path,
    directory: Path,
    vocoder: Path | None = None,
    sources: StyleSources | None = None,
) -> Note:
    """Notes what speech is made from.

    Args:
        exp: The experiment.
        config: Its config.yaml.
        model_file: The model that speaks.
        dump: The set that is spoken, such as `dump/raw/test`.
        directory: Where the speech will be.
        vocoder: File of the vocoder that speaks; None: it is in this package, or needs none.
        sources: What gives the emotions, where labels do not.
    """
    tables = dict.fromkeys((TEXT, text_file(config["token_type"]), UTT2SPK, UTT2EMO, UTT2LANG))
    settings = {"model_file": model_file.name, "model": file_digest(model_file), "training": cut_off(exp, config)}
    settings["vocoder"] = vocoder.name if vocoder else None
    files = [dump / table for table in tables]
    if vocoder:
        files.append(vocoder)
    if sources:
        files += sources.read
    read = digests([file.absolute() for file in files], directory.absolute())
    return Note(DECODING, settings, inputs=read)


def check_spoken(exp: Path, directory: Path, again: Sequence[int] = (6,)) -> str | None:
    """Makes sure that decoded speech is that of the model, its vocoder and the test set as they are now.

    Args:
        exp: The experiment.
        directory: Its decoded speech, e.g. `exp/<tag>/decode/test`.
        again: The stages to run again where it is not.

    Returns:
        How far the training of the model that spoke had come, where it was not at its end.

    Raises:
        UserError: The speech is that of another model, vocoder or test set.
    """
    note = read_note(directory, DECODING)
    if note is None:
        if (directory / "wav.scp").is_file():
            print(f"{note_file(directory, DECODING)} is not there: which model spoke cannot be seen", file=sys.stderr)
        return None
    stages = f"stage {again[0]}" if len(again) == 1 else f"stages {again[0]} and {again[1]}"
    if any(path.name != WEIGHTS for path in exp.glob("*.pth")):  # models may have been deleted, which are large
        model_file = best_model(exp, read_yaml(exp / "config.yaml"))
        if file_digest(model_file) != note.settings.get("model"):
            raise UserError(
                f"{directory}: stage {DECODING} spoke with {note.settings.get('model_file')} as it was then, and the "
                f"model is now {model_file}: run {stages} again"
            )
    if changed := changed_files(directory, note.inputs):
        raise UserError(f"{changed[0]} has changed since stage {DECODING} spoke it in {directory}: run {stages} again")
    if note.settings.get("vocoder", WEIGHTS) is None and (exp / WEIGHTS).is_file():
        given = vocoder_arguments(read_yaml(directory / DECODE_OPTIONS), WEIGHTS)["vocoder_file"]
        if given == WEIGHTS:
            raise UserError(
                f"{exp / WEIGHTS} was trained after stage {DECODING} spoke in {directory}: run {stages} again"
            )
    return note.settings.get("training")
