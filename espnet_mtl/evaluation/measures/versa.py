"""Metrics that need downloaded weights (UTMOS, NISQA, emotion2vec, WavLM, Whisper, …) through VERSA, if installed.

VERSA (Shi et al. 2025, arXiv 2412.17667) runs as a process of its own and is told what to measure by its own YAML.
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
        root = Path(directory)
        paths = {name: root / name for name in ("pred.scp", "gt.scp", "text", "out.jsonl")}
        write_table(paths["pred.scp"], dict(zip(speech.utts, map(_absolute, speech.wavs), strict=True)))
        write_table(paths["gt.scp"], {utt: _absolute(natural[utt]) for utt in speech.utts if utt in natural})
        write_table(paths["text"], dict(zip(speech.utts, speech.texts, strict=True)))
        command = [sys.executable, "-m", "versa.bin.scorer", "--score_config", str(config), "--io", "soundfile"]
        command += ["--pred", str(paths["pred.scp"]), "--gt", str(paths["gt.scp"]), "--text", str(paths["text"])]
        done = subprocess.run(
            [*command, "--output_file", str(paths["out.jsonl"])], capture_output=True, text=True, check=False
        )
        if done.returncode or not paths["out.jsonl"].is_file():
            raise UserError(f"--versa {config}: VERSA failed: {' '.join(done.stderr.splitlines()[-1:])}")
        lines = paths["out.jsonl"].read_text(encoding="utf-8").splitlines()
    return _columns([json.loads(line) for line in lines if line.strip()], speech.utts)


def _absolute(path: str) -> str:
    return str(Path(path).absolute())


def _columns(rows: list[dict], utts: list[str]) -> dict[str, NDArray[np.float64]]:
    figures = {row["key"]: {k: v for k, v in row.items() if isinstance(v, (int, float))} for row in rows}
    names = sorted({name for row in figures.values() for name in row})
    return {PREFIX + name: np.array([figures.get(utt, {}).get(name, np.nan) for utt in utts], float) for name in names}
