"""Features for training (stage 3): log-mel, and F0, energy and duration per token."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from espnet_mtl.config import DURATIONS_NOTE
from espnet_mtl.data.arks import ark_writers, moved_scp
from espnet_mtl.data.durations import Job, boundary_error, jobs_of, learned, source, taught
from espnet_mtl.data.kaldi import read_optional, remove, whole_directory, write_table, write_text
from espnet_mtl.data.parallel import parallel_map
from espnet_mtl.errors import UserError
from espnet_mtl.espnet_imports import import_tts_task

import_tts_task()

from espnet2.tts.feats_extract.dio import Dio  # noqa: E402
from espnet2.tts.feats_extract.energy import Energy  # noqa: E402
from espnet2.tts.feats_extract.log_mel_fbank import LogMelFbank  # noqa: E402

ARKS = ("feats", "energy", "pitch")
TABLES = ("phones", "durations")
SETTINGS = ("feats_extract_conf", "pitch_extract_conf", "energy_extract_conf")


@dataclass
class Features:
    """Features of one utterance with N tokens and T frames.

    Attributes:
        feats: Log-mel (T, n_mels), base 10.
        pitch: Log-F0 in Hz per token, unvoiced stretches interpolated (N + 1, 1); the last token is the end.
        energy: L2 norm of the amplitude spectrum per token (N + 1, 1).
        durations: Frames per token, N + 1 numbers of at least 1 that sum to T.
    """

    feats: np.ndarray
    pitch: np.ndarray
    energy: np.ndarray
    durations: list[int]


class Extractor:
    """ESPnet's feature extractors, set up by a training config."""

    def __init__(self, config: Mapping[str, Any]):
        self.fs: int = config["feats_extract_conf"]["fs"]
        self.hop: int = config["feats_extract_conf"]["hop_length"]
        self.mel = LogMelFbank(**config["feats_extract_conf"])
        self.pitch = Dio(**{"reduction_factor": 1, **config["pitch_extract_conf"]})
        self.energy = Energy(**{"reduction_factor": 1, **config["energy_extract_conf"]})

    @torch.no_grad()
    def __call__(self, path: str, ends: Sequence[float]) -> Features:
        """Extracts the features of one recording.

        Args:
            path: An audio file at the config's sampling rate.
            ends: Ends of its N tokens in seconds.
        """
        samples, lengths = self._read(path)
        feats, frames = self.mel(samples, lengths)
        durations = durations_of(ends, int(frames[0]), self.fs / self.hop)
        tokens = {
            "feats_lengths": frames,
            "durations": torch.tensor([durations]),
            "durations_lengths": torch.tensor([len(durations)]),
        }
        pitch, _ = self.pitch(samples, lengths, **tokens)
        energy, _ = self.energy(samples, lengths, **tokens)
        return Features(feats[0].numpy(), pitch[0].numpy(), energy[0].numpy(), durations)

    @torch.no_grad()
    def log_mel(self, path: str) -> np.ndarray:
        """Extracts the log-mel (T, n_mels) alone."""
        return self.mel(*self._read(path))[0][0].numpy()

    def _read(self, path: str) -> tuple[torch.Tensor, torch.Tensor]:
        wav, fs = soundfile.read(path, dtype="float32")
        if fs != self.fs:
            raise UserError(f"{path}: {fs} Hz, but feats_extract_conf.fs is {self.fs}: run stage 2 again")
        return torch.from_numpy(wav)[None], torch.tensor([len(wav)])


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
        latest = frames - (tokens - 1 - index)
        borders.append(min(max(round(end * frame_rate), borders[-1] + 1), latest))
    return np.diff([*borders, frames]).tolist()


@cache
def _extractor(settings: str) -> Extractor:
    torch.set_num_threads(1)
    return Extractor(json.loads(settings))


def _extract(settings: str, job: Job) -> Features:
    try:
        return _extractor(settings)(job.path, job.ends)
    except UserError as error:
        raise UserError(f"utterance {job.utt}: {error}") from error


def _log_mel(settings: str, job: Job) -> np.ndarray:
    return _extractor(settings).log_mel(job.path)


def extract_features(
    dumps: Sequence[Path],
    config: Mapping[str, Any],
    nj: int,
    token_type: str = "phn",
    bpemodel: Path | None = None,
    teacher: Path | None = None,
) -> None:
    """Adds feats.scp, pitch.scp, energy.scp, durations and, for phones, phones to directories of stage 2.

    Beside them, `durations.json` says where the durations are from: `durations`, `token_type`, of an aligner its loss
    and the shares of `check_shares`, and the error in ms against the corpus' own times where it has them.

    Args:
        dumps: Directories such as `dump/raw/train`; an aligner learns from the first one.
        config: A training config.
        nj: Parallel processes.
        token_type: "phn", "char" or "bpe".
        bpemodel: The sentencepiece model, for "bpe".
        teacher: A directory with `<set>/durations`, e.g. of `espnet_mtl.bin.teacher`, which go before all others.

    Raises:
        UserError: An input is missing, or an utterance does not fit its times.
    """
    dumps = [dump.resolve() for dump in dumps]
    settings = json.dumps({key: config[key] for key in SETTINGS})
    durations = source(dumps, config, token_type)
    sets = [jobs_of(dump, config, token_type, bpemodel, durations) for dump in dumps]
    figures: dict[str, float] = {}
    if teacher:
        rate = config["feats_extract_conf"]["fs"] / config["feats_extract_conf"]["hop_length"]
        sets = [
            taught(jobs, teacher / dump.name / "durations", rate, _lengths(dump, config))
            for dump, jobs in zip(dumps, sets, strict=True)
        ]
        figures = boundary_error(dumps, sets)
    elif durations == "learned":
        log_mel = partial(_log_mel, settings)
        pairs = list(zip(dumps, sets, strict=True))
        sets, figures = learned(pairs, lambda jobs: parallel_map(log_mel, jobs, nj, "stage 3, log-mel"), config, nj)
    note = {"durations": "teacher" if teacher else durations, "token_type": token_type}
    every = [job for own in sets for job in own]
    results = parallel_map(partial(_extract, settings), every, nj, "stage 3")
    path = dumps[0].parent / DURATIONS_NOTE
    remove(path)
    for dump, own in zip(dumps, sets, strict=True):
        _write(dump, zip(own, results, strict=False), token_type)
    rounded = {name: round(value, 5) for name, value in figures.items()}
    write_text(path, json.dumps({**note, **rounded}, indent=2) + "\n")


def _lengths(dump: Path, config: Mapping[str, Any]) -> dict[str, int]:
    """Frames of each utterance, where stage 2 counted its samples."""
    hop = config["feats_extract_conf"]["hop_length"]
    return {utt: 1 + int(n) // hop for utt, n in read_optional(dump / "utt2num_samples").items()}


def _write(dump: Path, results: Iterable[tuple[Job, Features]], token_type: str) -> None:
    remove(*(dump / f"{name}.scp" for name in ARKS), *(dump / name for name in TABLES))
    tables: dict[str, dict[str, str]] = {name: {} for name in TABLES}
    with whole_directory(dump / "features") as directory:
        with ark_writers(directory, ARKS) as writers:
            for job, features in results:
                for name in ARKS:
                    writers[name](job.utt, getattr(features, name))
                tables["phones"][job.utt] = job.line
                tables["durations"][job.utt] = " ".join(map(str, features.durations))
        scps = {name: moved_scp(directory / f"{name}.scp", dump / "features") for name in ARKS}
    if token_type != "phn":
        del tables["phones"]
    for name, table in {**tables, **{f"{name}.scp": scp for name, scp in scps.items()}}.items():
        write_table(dump / name, table)
