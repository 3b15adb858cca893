"""The recordings of stage 2, where a network learns from them and not from the spectrograms of stage 3."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from espnet_mtl.data.dump import DURATIONS, TRAIN_AND_DEV, WAV_SCP
from espnet_mtl.data.kaldi import parse_counts, read_scp, read_table
from espnet_mtl.errors import UserError
from espnet_mtl.system.audio_files import measure


def check_recordings(dump: Path, signal: Mapping[str, Any]) -> None:
    """Checks that all recordings of train and dev are there, and are those that stage 3 made features of.

    Args:
        dump: `dump/raw`.
        signal: `feats_extract_conf` of a completed configuration.

    Raises:
        UserError: One is not; the message names file and line.
    """
    for name in TRAIN_AND_DEV:
        recordings = read_scp(dump / name / WAV_SCP, "stage 2")
        durations = read_table(dump / name / DURATIONS, "stage 3")
        for utt, path in recordings.items():
            samples, channels, fs = measure(path)
            frames = 1 + samples // signal["hop_length"]
            if channels > 1 or fs != signal["fs"] or frames != sum(parse_counts(durations, utt)):
                found = f"{path} has {samples} samples of {channels} channel(s) at {fs} Hz"
                raise UserError(
                    f"{recordings.where(utt)}: {found}, which are not those of its features: run stages 2 to 4 again"
                )
