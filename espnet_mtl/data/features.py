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
from espnet2.tts.feats_extract.dio import Dio
from espnet2.tts.feats_extract.energy import Energy
from espnet2.tts.feats_extract.log_mel_fbank import LogMelFbank

from espnet_mtl.data.alignment import parse_alignment
from espnet_mtl.data.arks import ark_writers, moved_scp
from espnet_mtl.data.kaldi import read_table, remove, require, whole_directory, write_table
from espnet_mtl.data.parallel import parallel_map
from espnet_mtl.errors import UserError

ARKS = ("feats", "energy", "pitch")
TABLES = ("phones", "durations")
SETTINGS = ("feats_extract_conf", "pitch_extract_conf", "energy_extract_conf")


@dataclass
class Features:
    """Features of one utterance with N phones and T frames.

    Attributes:
        feats: Log-mel (T, n_mels), base 10.
        pitch: Log-F0 in Hz per token, unvoiced stretches interpolated (N + 1, 1); the last token is the end.
        energy: L2 norm of the amplitude spectrum per token (N + 1, 1).
        phones: The phones, N of them.
        durations: Frames per token, N + 1 numbers of at least 1 that sum to T.
    """

    feats: np.ndarray
    pitch: np.ndarray
    energy: np.ndarray
    phones: list[str]
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
    def __call__(self, path: str, alignment: str) -> Features:
        """Extracts the features of one recording.

        Args:
            path: An audio file at the config's sampling rate.
            alignment: `<phone>:<end in seconds> …`.
        """
        wav, fs = soundfile.read(path, dtype="float32")
        if fs != self.fs:
            raise UserError(f"{path}: {fs} Hz, but feats_extract_conf.fs is {self.fs}: run stage 2 again")
        samples, lengths = torch.from_numpy(wav)[None], torch.tensor([len(wav)])
        feats, frames = self.mel(samples, lengths)
        phones, ends = zip(*parse_alignment(alignment), strict=True)
        durations = durations_of(ends, int(frames[0]), self.fs / self.hop)
        tokens = {
            "feats_lengths": frames,
            "durations": torch.tensor([durations]),
            "durations_lengths": torch.tensor([len(durations)]),
        }
        pitch, _ = self.pitch(samples, lengths, **tokens)
        energy, _ = self.energy(samples, lengths, **tokens)
        return Features(feats[0].numpy(), pitch[0].numpy(), energy[0].numpy(), list(phones), durations)


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
        raise UserError(f"{len(ends)} phones in {frames} frames: too short for its text")
    borders = [0]
    for index, end in enumerate(ends):
        latest = frames - (tokens - 1 - index)
        borders.append(min(max(round(end * frame_rate), borders[-1] + 1), latest))
    return np.diff([*borders, frames]).tolist()


@dataclass(frozen=True)
class Job:
    """One recording to extract features from: utterance, audio file and alignment."""

    utt: str
    path: str
    alignment: str


@cache
def _extractor(settings: str) -> Extractor:
    torch.set_num_threads(1)
    return Extractor(json.loads(settings))


def _extract(settings: str, job: Job) -> Features:
    try:
        return _extractor(settings)(job.path, job.alignment)
    except UserError as error:
        raise UserError(f"utterance {job.utt}: {error}") from error


def extract_features(dumps: Sequence[Path], config: Mapping[str, Any], nj: int) -> None:
    """Adds feats.scp, pitch.scp, energy.scp, phones and durations to directories of stage 2.

    Args:
        dumps: Directories such as `dump/raw/train`.
        config: A training config.
        nj: Parallel processes.

    Raises:
        UserError: An input is missing, or an utterance does not fit its alignment.
    """
    jobs = {dump.resolve(): _jobs(dump) for dump in dumps}
    settings = json.dumps({key: config[key] for key in SETTINGS})
    every = [job for own in jobs.values() for job in own]
    results = parallel_map(partial(_extract, settings), every, nj, "stage 3")
    for dump, own in jobs.items():
        _write(dump, zip(own, results, strict=False))


def _jobs(dump: Path) -> list[Job]:
    require([dump / "wav.scp"], "stage 2")
    if not (dump / "alignment").is_file():
        raise UserError(f"{dump / 'alignment'} is missing: the corpus must give the phones' times")
    wavs, alignments = read_table(dump / "wav.scp"), read_table(dump / "alignment")
    if lacking := sorted(set(wavs) - set(alignments)):
        raise UserError(f"{dump / 'alignment'}: no line for {lacking[0]} ({len(lacking)} utterances lack one)")
    return [Job(utt, wavs[utt], alignments[utt]) for utt in sorted(wavs)]


def _write(dump: Path, results: Iterable[tuple[Job, Features]]) -> None:
    remove(*(dump / f"{name}.scp" for name in ARKS), *(dump / name for name in TABLES))
    tables: dict[str, dict[str, str]] = {name: {} for name in TABLES}
    with whole_directory(dump / "features") as directory:
        with ark_writers(directory, ARKS) as writers:
            for job, features in results:
                for name in ARKS:
                    writers[name](job.utt, getattr(features, name))
                tables["phones"][job.utt] = " ".join(features.phones)
                tables["durations"][job.utt] = " ".join(map(str, features.durations))
        scps = {name: moved_scp(directory / f"{name}.scp", dump / "features") for name in ARKS}
    for name, table in {**tables, **{f"{name}.scp": scp for name, scp in scps.items()}}.items():
        write_table(dump / name, table)
