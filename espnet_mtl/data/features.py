"""Features for training (stage 3): log-mel, and F0, energy and duration per token."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from espnet_mtl.data.arks import ark_writers, moved_scp
from espnet_mtl.data.dump import DURATIONS, DURATIONS_NOTE, NUM_SAMPLES, PHONES, UNVOICED, UTT2SPK
from espnet_mtl.data.durations import boundary_error, frame_rate, from_aligner, from_teacher
from espnet_mtl.data.extraction.extractor import EXTRACTORS, Extractor, Features, extractor_class
from espnet_mtl.data.extraction.pitch import SpeakerPitch, unvoiced_note
from espnet_mtl.data.extraction.seen import media_files
from espnet_mtl.data.extraction.visual import check_visual, extract_visual
from espnet_mtl.data.kaldi import parse_counts, read_optional, write_table
from espnet_mtl.data.provenance.notes import begin, digests, joined_digest, write_note
from espnet_mtl.data.provenance.settings import FEATURES, features_note
from espnet_mtl.data.utterances import (
    FROM_ALIGNER,
    FROM_TEACHER,
    TokenizedUtterance,
    durations_source,
    read_utterances,
    tell_untimed,
)
from espnet_mtl.errors import UserError
from espnet_mtl.system.files import remove, whole_directory, write_text
from espnet_mtl.system.parallel.mapping import parallel_map
from espnet_mtl.text.tokens import Tokenizer

ARKS = ("feats", "energy", "pitch")
TABLES = (PHONES, DURATIONS, UNVOICED)
Sets = dict[Path, list[TokenizedUtterance]]
"""Utterances of each set by its directory."""


@cache
def _extractor(settings: str) -> Extractor:
    """Builds the extractor of a worker process once; `settings` is a config as JSON."""
    torch.set_num_threads(1)
    return Extractor(json.loads(settings))


def _extract(settings: str, utterance: TokenizedUtterance) -> Features:
    try:
        return _extractor(settings)(utterance.path, utterance.ends)
    except UserError as error:
        raise UserError(f"utterance {utterance.utt}: {error}") from error


def _log_mel(settings: str, utterance: TokenizedUtterance) -> np.ndarray:
    return _extractor(settings).log_mel(utterance.path)


def extract_features(
    dumps: Sequence[Path],
    config: Mapping[str, Any],
    nj: int,
    token_type: str = "phn",
    bpemodel: str | Path | None = None,
    teacher: Path | None = None,
) -> None:
    """Adds feats.scp, pitch.scp, energy.scp, durations and, for phones, phones to directories of stage 2.

    Where the config names a `visual_extract`, it adds visual.scp, too (`extract_visual`).

    Beside them, `durations.json` says where the durations are from: `durations`, `token_type`, `language`, the
    `cleaner` where there is one, of an aligner its loss and the shares of `check_shares`, and the error in ms against
    the corpus' own times where it has them.

    Args:
        dumps: Directories such as `dump/raw/train`; an aligner learns from the first one.
        config: A training config.
        nj: Parallel processes.
        token_type: "phn", "char" or "bpe".
        bpemodel: The sentencepiece model, for "bpe".
        teacher: A directory with `<set>/durations`, e.g. of `espnet_mtl.bin.teacher`, which go before all others.

    Raises:
        UserError: An input is missing, the config names an extractor that is not there, or an utterance does not fit
            its times.
    """
    dumps = [dump.resolve() for dump in dumps]
    root = dumps[0].parent
    settings = json.dumps(_extractor_settings(config))
    tokenizer = Tokenizer.from_config(config, token_type, bpemodel)
    source = durations_source(dumps, config, token_type)
    classes = {f"{key}_conf": extractor_class(config, key) for key in EXTRACTORS}
    made = features_note(dumps, config, teacher, classes)
    if config["visual_extract"] is not None:
        check_visual(dumps, config)
        made = replace(made, media=digests(media_files(dumps), root))
    sets = {dump: read_utterances(dump, tokenizer, source) for dump in dumps}
    figures: dict[str, float] = {}
    if teacher:
        source = FROM_TEACHER
        sets = _timed_by_teacher(sets, teacher, config)
        figures = boundary_error(sets)
    elif source == FROM_ALIGNER:
        if config["durations"] == "auto" and token_type == "phn":
            tell_untimed(dumps)
        sets, figures = from_aligner(sets, _log_mels(settings, nj), config, nj)
    every = list(chain.from_iterable(sets.values()))
    begin(root, FEATURES)
    remove(root / DURATIONS_NOTE)
    pitch = SpeakerPitch()
    content = extract_visual(dumps, config, nj)
    with closing(parallel_map(partial(_extract, settings), every, nj, "stage 3")) as features:
        for dump, utterances in sets.items():
            content += _write(dump, utterances, islice(features, len(utterances)), token_type, pitch)
    note: dict[str, Any] = {"durations": source, "token_type": token_type, "language": tokenizer.language}
    if tokenizer.cleaner:
        note["cleaner"] = tokenizer.cleaner
    for name, value in figures.items():
        note[name] = round(value, 5)
    write_text(root / DURATIONS_NOTE, json.dumps(note, indent=2) + "\n")
    write_note(root, replace(made, content=joined_digest(content)))


def _extractor_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Takes from a config what an `Extractor` reads, so that it can be sent to other processes."""
    settings = {}
    for key in EXTRACTORS:
        extractor_class(config, key)  # a mistake is reported here, before any work is done
        settings[key] = config.get(key)
        settings[f"{key}_conf"] = config[f"{key}_conf"]
    return settings


def _timed_by_teacher(sets: Sets, teacher: Path, config: Mapping[str, Any]) -> Sets:
    timed = {}
    for dump, utterances in sets.items():
        durations = teacher / dump.name / DURATIONS
        timed[dump] = from_teacher(utterances, durations, frame_rate(config), _lengths(dump, config))
    return timed


def _log_mels(settings: str, nj: int) -> Callable[[Sequence[TokenizedUtterance]], Generator[np.ndarray, None, None]]:
    """Returns a function that yields the log-mel of each of some utterances, computed by `nj` processes."""
    log_mel = partial(_log_mel, settings)

    def compute(utterances: Sequence[TokenizedUtterance]) -> Generator[np.ndarray, None, None]:
        return parallel_map(log_mel, utterances, nj, "stage 3, log-mel")

    return compute


def _lengths(dump: Path, config: Mapping[str, Any]) -> dict[str, int]:
    """Frames of each utterance, where stage 2 counted its samples."""
    hop = config["feats_extract_conf"]["hop_length"]
    counts = read_optional(dump / NUM_SAMPLES)
    lengths = {}
    for utt in counts:
        samples, *_ = parse_counts(counts, utt)
        lengths[utt] = 1 + samples // hop
    return lengths


def _write(
    dump: Path,
    utterances: Sequence[TokenizedUtterance],
    features: Iterable[Features],
    token_type: str,
    speaker_pitch: SpeakerPitch,
) -> list[str]:
    """Writes archives and tables of one set, and returns digests of what is in the archives.

    While it does, those of an earlier run are gone.
    """
    remove(*(dump / f"{name}.scp" for name in ARKS), *(dump / name for name in TABLES))
    speakers = read_optional(dump / UTT2SPK)
    lines, durations, content = {}, {}, []
    with whole_directory(dump / "features") as directory:
        with ark_writers(directory, ARKS) as writers:
            for utterance, own in zip(utterances, features, strict=True):
                utt = utterance.utt
                writers["feats"](utt, own.feats)
                writers["energy"](utt, own.energy)
                if speaker_pitch.take(utt, speakers.get(utt, ""), own.pitch):
                    writers["pitch"](utt, own.pitch)
                content.append(own.digest())
                lines[utt] = utterance.line
                durations[utt] = " ".join(str(frames) for frames in own.durations)
            # What stands for missing F0 is known when that of all other utterances is.
            unvoiced = speaker_pitch.stand_ins()
            for utt, pitch in unvoiced.items():
                writers["pitch"](utt, pitch)
                content.append(hashlib.sha256(pitch.tobytes()).hexdigest())
        scps = {name: moved_scp(directory / f"{name}.scp", dump / "features") for name in ARKS}
    if token_type == "phn":
        write_table(dump / PHONES, lines)
    write_table(dump / DURATIONS, durations)
    if unvoiced:
        write_table(dump / UNVOICED, {utt: f"{pitch.flat[0]:.5f}" for utt, pitch in unvoiced.items()})
        print(unvoiced_note(dump / UNVOICED, list(unvoiced), len(utterances)), file=sys.stderr)
    for name, scp in scps.items():
        write_table(dump / f"{name}.scp", scp)
    return content
