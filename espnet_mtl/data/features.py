"""Features for training (stage 3): log-mel, and F0, energy and duration per token."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from espnet_mtl.data.arks import ark_writers, moved_scp
from espnet_mtl.data.dump import DURATIONS, DURATIONS_NOTE, NUM_SAMPLES, PHONES, UNVOICED, UTT2SPK
from espnet_mtl.data.durations import boundary_error, frame_rate, from_aligner, from_teacher
from espnet_mtl.data.extraction.pitch import LogF0, SpeakerPitch, filled, unvoiced_note
from espnet_mtl.data.kaldi import parse_counts, read_optional, write_table
from espnet_mtl.data.utterances import (
    FROM_ALIGNER,
    FROM_TEACHER,
    TokenizedUtterance,
    durations_source,
    read_utterances,
)
from espnet_mtl.errors import UserError, one_of
from espnet_mtl.system.audio_files import read_mono
from espnet_mtl.system.espnet_imports import import_tts_task
from espnet_mtl.system.files import remove, whole_directory, write_text
from espnet_mtl.system.processes import parallel_map
from espnet_mtl.system.pyworld_import import import_pyworld
from espnet_mtl.text.tokens import Tokenizer

import_tts_task()

from espnet2.tts.feats_extract.energy import Energy  # noqa: E402
from espnet2.tts.feats_extract.log_mel_fbank import LogMelFbank  # noqa: E402

ARKS = ("feats", "energy", "pitch")
TABLES = (PHONES, DURATIONS, UNVOICED)
EXTRACTORS = {
    "feats_extract": {"fbank": LogMelFbank},
    "pitch_extract": {"dio": LogF0},
    "energy_extract": {"energy": Energy},
}
"""Config keys, and ESPnet's extractor for each name that they may take: log-mel, log-F0 and energy in its classes."""

Sets = dict[Path, list[TokenizedUtterance]]
"""Utterances of each set by its directory."""


@dataclass
class Features:
    """Features of one utterance with N tokens and T frames.

    Attributes:
        feats: Log-mel (T, n_mels), base 10.
        pitch: Log-F0 in Hz per token, unvoiced stretches interpolated (N + 1, 1); the last token is the end. 0
            throughout where the recording has no voiced frame.
        energy: L2 norm of the amplitude spectrum per token (N + 1, 1).
        durations: Frames per token, N + 1 numbers of at least 1 that sum to T.
    """

    feats: np.ndarray
    pitch: np.ndarray
    energy: np.ndarray
    durations: list[int]


class Extractor:
    """ESPnet's feature extractors, those that a training config names, set up as it says.

    Raises:
        UserError: The config names another extractor than `EXTRACTORS`.
    """

    def __init__(self, config: Mapping[str, Any]):
        import_pyworld()  # quietly, before ESPnet's pitch extractor imports it
        self.fs: int = config["feats_extract_conf"]["fs"]
        self.frame_rate = frame_rate(config)
        self.mel = _extractor_class(config, "feats_extract")(**config["feats_extract_conf"])
        # F0 and energy are those of the tokens, whatever a backbone makes of several frames at a time.
        one_frame = {"reduction_factor": 1}
        self.pitch = _extractor_class(config, "pitch_extract")(**{**one_frame, **config["pitch_extract_conf"]})
        self.energy = _extractor_class(config, "energy_extract")(**{**one_frame, **config["energy_extract_conf"]})

    @torch.no_grad()
    def __call__(self, path: str, ends: Sequence[float]) -> Features:
        """Extracts the features of one recording.

        Args:
            path: An audio file at the config's sampling rate.
            ends: Ends of its N tokens in seconds.
        """
        samples, lengths = self._read(path)
        feats, frames = self.mel(samples, lengths)
        durations = durations_of(ends, int(frames[0]), self.frame_rate)
        tokens = {
            "feats_lengths": frames,
            "durations": torch.tensor([durations]),
            "durations_lengths": torch.tensor([len(durations)]),
        }
        pitch, _ = self.pitch(samples, lengths, **tokens)
        energy, _ = self.energy(samples, lengths, **tokens)
        return Features(feats[0].numpy(), filled(pitch[0].numpy()), energy[0].numpy(), durations)

    @torch.no_grad()
    def log_mel(self, path: str) -> np.ndarray:
        """Extracts the log-mel (T, n_mels) alone."""
        feats, _ = self.mel(*self._read(path))
        return feats[0].numpy()

    def _read(self, path: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Reads samples (1, T_wav) and their number (1,)."""
        wav, fs = read_mono(path, keep_offset=True)  # stage 2 took out that of the whole recording
        if fs != self.fs:
            raise UserError(f"{path}: {fs} Hz, but feats_extract_conf.fs is {self.fs}: run stage 2 again")
        return torch.from_numpy(wav).float()[None], torch.tensor([len(wav)])


def _extractor_class(config: Mapping[str, Any], key: str) -> Any:
    name = config[key]
    if name not in EXTRACTORS[key]:
        raise one_of(key, name, EXTRACTORS[key])
    return EXTRACTORS[key][name]


def durations_of(ends: Sequence[float], frames: int, frame_rate: float) -> list[int]:
    """Turns the ends of N phones into N + 1 durations: what follows the last phone belongs to the end token.

    Args:
        ends: Ends in seconds, rising.
        frames: Frames T of the utterance.
        frame_rate: Frames per second.

    Returns:
        Durations in frames, each at least 1 (the average over an empty token would be 0, no possible F0), sum T.

    Raises:
        UserError: There are more tokens than frames.
    """
    tokens = len(ends) + 1
    if tokens > frames:
        raise UserError(f"{len(ends)} tokens in {frames} frames: too short for its text")
    borders = [0]
    for index, end in enumerate(ends):
        earliest = borders[-1] + 1
        latest = frames - (tokens - 1 - index)  # leaves a frame to each of the tokens that follow
        nearest = round(end * frame_rate)
        borders.append(min(max(nearest, earliest), latest))
    return np.diff([*borders, frames]).tolist()


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
    settings = json.dumps(_extractor_settings(config))
    tokenizer = Tokenizer.from_config(config, token_type, bpemodel)
    source = durations_source(dumps, config, token_type)
    sets = {dump: read_utterances(dump, tokenizer, source) for dump in dumps}
    figures: dict[str, float] = {}
    if teacher:
        source = FROM_TEACHER
        sets = _timed_by_teacher(sets, teacher, config)
        figures = boundary_error(sets)
    elif source == FROM_ALIGNER:
        sets, figures = from_aligner(sets, _log_mels(settings, nj), config, nj)
    every = list(chain.from_iterable(sets.values()))
    features = parallel_map(partial(_extract, settings), every, nj, "stage 3")
    note_path = dumps[0].parent / DURATIONS_NOTE
    remove(note_path)
    pitch = SpeakerPitch()
    for dump, utterances in sets.items():
        _write(dump, utterances, islice(features, len(utterances)), token_type, pitch)
    note: dict[str, Any] = {"durations": source, "token_type": token_type, "language": tokenizer.language}
    if tokenizer.cleaner:
        note["cleaner"] = tokenizer.cleaner
    for name, value in figures.items():
        note[name] = round(value, 5)
    write_text(note_path, json.dumps(note, indent=2) + "\n")


def _extractor_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Takes from a config what an `Extractor` reads, so that it can be sent to other processes."""
    settings = {}
    for key in EXTRACTORS:
        _extractor_class(config, key)  # a mistake is reported here, before any work is done
        settings[key] = config.get(key)
        settings[f"{key}_conf"] = config[f"{key}_conf"]
    return settings


def _timed_by_teacher(sets: Sets, teacher: Path, config: Mapping[str, Any]) -> Sets:
    timed = {}
    for dump, utterances in sets.items():
        durations = teacher / dump.name / DURATIONS
        timed[dump] = from_teacher(utterances, durations, frame_rate(config), _lengths(dump, config))
    return timed


def _log_mels(settings: str, nj: int):
    """Returns a function that yields the log-mel of each of some utterances, computed by `nj` processes."""
    log_mel = partial(_log_mel, settings)

    def compute(utterances: Sequence[TokenizedUtterance]) -> Iterator[np.ndarray]:
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
) -> None:
    """Writes archives and tables of one set; while it does, those of an earlier run are gone."""
    remove(*(dump / f"{name}.scp" for name in ARKS), *(dump / name for name in TABLES))
    speakers = read_optional(dump / UTT2SPK)
    lines, durations = {}, {}
    with whole_directory(dump / "features") as directory:
        with ark_writers(directory, ARKS) as writers:
            for utterance, own in zip(utterances, features, strict=True):
                utt = utterance.utt
                writers["feats"](utt, own.feats)
                writers["energy"](utt, own.energy)
                if speaker_pitch.take(utt, speakers.get(utt, ""), own.pitch):
                    writers["pitch"](utt, own.pitch)
                lines[utt] = utterance.line
                durations[utt] = " ".join(str(frames) for frames in own.durations)
            # What stands for missing F0 is known when that of all other utterances is.
            unvoiced = speaker_pitch.stand_ins()
            for utt, pitch in unvoiced.items():
                writers["pitch"](utt, pitch)
        scps = {name: moved_scp(directory / f"{name}.scp", dump / "features") for name in ARKS}
    if token_type == "phn":
        write_table(dump / PHONES, lines)
    write_table(dump / DURATIONS, durations)
    if unvoiced:
        write_table(dump / UNVOICED, {utt: f"{pitch.flat[0]:.5f}" for utt, pitch in unvoiced.items()})
        print(unvoiced_note(dump / UNVOICED, list(unvoiced), len(utterances)), file=sys.stderr)
    for name, scp in scps.items():
        write_table(dump / f"{name}.scp", scp)
