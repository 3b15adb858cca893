"""Metrics that need downloaded weights (UTMOS, NISQA, emotion2vec, WavLM, Whisper, …) through VERSA, if installed.

VERSA (Shi et al. 2025, arXiv 2412.17667) runs as a process of its own; its own YAML says what it measures.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.data.kaldi import write_table
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.speech_set import SpeechSet

PREFIX = "versa_"


def check_versa(config: Path) -> None:
    """Makes sure that VERSA can be called.

    Raises:
        UserError: It is not installed, or there is no such configuration.
    """
    if find_spec("versa") is None:
        raise UserError("--versa: VERSA is not installed: pip install git+https://github.com/wavlab-speech/versa.git")
    if not config.is_file():
        raise UserError(f"--versa {config}: no such score_config")


def score_by_versa(config: Path, speech: SpeechSet, natural: Mapping[str, str]) -> dict[str, NDArray[np.float64]]:
    """Measures recordings by VERSA.

    Args:
        config: VERSA's score_config.
        speech: The recordings.
        natural: Path of the natural recording by utterance, for what needs a reference.

    Returns:
        Every figure that VERSA gives, per utterance (N,); NaN where it gives none.

    Raises:
        UserError: VERSA failed.
    """
    with TemporaryDirectory() as directory:
        lines = _run_versa(config, speech, natural, Path(directory))
    rows = [json.loads(line) for line in lines if line.strip()]
    return _columns(rows, speech.utts)


def _run_versa(config: Path, speech: SpeechSet, natural: Mapping[str, str], directory: Path) -> list[str]:
    """Calls VERSA with files in a directory; returns the lines that it writes, each the JSON of an utterance."""
    pred, gt, text, output = (directory / name for name in ("pred.scp", "gt.scp", "text", "out.jsonl"))
    write_table(pred, dict(zip(speech.utts, map(_absolute, speech.wavs), strict=True)))
    write_table(gt, {utt: _absolute(natural[utt]) for utt in speech.utts if utt in natural})
    write_table(text, dict(zip(speech.utts, speech.texts, strict=True)))
    command = [sys.executable, "-m", "versa.bin.scorer", "--score_config", config, "--io", "soundfile"]
    command += ["--pred", pred, "--gt", gt, "--text", text, "--output_file", output]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode or not output.is_file():
        raise UserError(f"--versa {config}: VERSA failed: {' '.join(done.stderr.splitlines()[-1:])}")
    return output.read_text(encoding="utf-8").splitlines()


def _absolute(path: str) -> str:
    return str(Path(path).absolute())


def _columns(rows: list[dict], utts: list[str]) -> dict[str, NDArray[np.float64]]:
    """Turns rows by utterance into a column by metric; what is no number, such as a transcript, is left out."""
    places = {utt: place for place, utt in enumerate(utts)}
    columns: dict[str, NDArray[np.float64]] = {}
    for row in rows:
        if row["key"] not in places:
            continue
        for name, value in row.items():
            if isinstance(value, (int, float)):
                column = columns.setdefault(PREFIX + name, np.full(len(utts), np.nan))
                column[places[row["key"]]] = value
    return dict(sorted(columns.items()))
