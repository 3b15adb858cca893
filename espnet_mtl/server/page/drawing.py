"""What the page draws of speech: its spectrogram, F0, and when each word is said."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from espnet_mtl.inference.base import BaseText2Speech
from espnet_mtl.inference.prosody import Prosody
from espnet_mtl.inference.request.network import Floats
from espnet_mtl.system.sound import encoded
from espnet_mtl.text.words import Word

BANDS = 64
WINDOW_S, HOP_S = 0.032, 0.01
MOST_FRAMES = 1000
"""Of a picture: in that of a longer sentence, frames are further apart."""
LOWEST_HZ, HIGHEST_HZ = 50.0, 8000.0
DEPTH_DB = 70.0
"""What is this far below the loudest is drawn as silence."""


def drawn_speech(tts: BaseText2Speech, parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns what the page shows of a text that was said.

    Args:
        tts: The model.
        parts: What `Text2Speech.stream` yielded.

    Returns:
        `audio`, a WAV file in base64, its length in `seconds`, and `sentences` (`drawn_sentence`).
    """
    waves = [tts.samples(part["wav"]) for part in parts]
    whole = np.concatenate(waves)
    return {
        "audio": base64.b64encode(encoded(whole, tts.fs, "wav")).decode(),
        "seconds": len(whole) / tts.fs,
        "sentences": [drawn_sentence(part, wave, tts.fs) for part, wave in zip(parts, waves, strict=True)],
    }


def drawn_sentence(part: Mapping[str, Any], wave: Floats, fs: int) -> dict[str, Any]:
    """Returns what the page shows of a sentence.

    Args:
        part: What was said.
        wave: Its samples (T_wav,), with the silence before and behind it.
        fs: Sampling rate in Hz.

    Returns:
        Its `text`, when it begins in the whole (`start`) and its length (`seconds`); `words`, each with its text, when
        it starts and ends within the sentence and its mean F0 in Hz (None: it has none); `f0`, points of time and Hz,
        a row a word; `mel`, bytes of `frames` times `bands` in base64, 255 being the loudest.
    """
    prosody: Prosody = part["prosody"]
    picture = spectrogram(wave, fs)
    curves = [_curve(prosody, word, part["before"]) for word in prosody.words]
    words = []
    for timed, curve in zip(prosody.timed_words, curves, strict=True):
        f0 = float(np.exp(np.mean([np.log(hz) for _, hz in curve]))) if curve else None
        begin, end = timed.start + part["before"], timed.end + part["before"]
        words.append({"text": timed.text, "start": begin, "end": end, "f0": f0})
    return {
        "text": part["text"],
        "start": part["start"],
        "seconds": len(wave) / fs,
        "words": words,
        "f0": curves,
        "mel": base64.b64encode(picture.tobytes()).decode(),
        "frames": len(picture),
        "bands": BANDS,
    }


def _curve(prosody: Prosody, word: Word, before: float) -> list[tuple[float, float]]:
    """Returns points of time in seconds and F0 in Hz, one for each token of a word that is heard."""
    if prosody.pitch is None:
        return []
    middles = (prosody.starts + prosody.ends) / 2 + before
    tokens = [token for token in range(word.first, word.end) if prosody.durations[token]]
    return [(round(float(middles[token]), 4), round(float(prosody.pitch[token]), 2)) for token in tokens]


def spectrogram(wave: Floats, fs: int) -> NDArray[np.uint8]:
    """Returns a mel spectrogram (frames, `BANDS`) of a waveform (T_wav,), 255 being the loudest, 0 silence."""
    window = round(WINDOW_S * fs)
    hop = max(round(HOP_S * fs), -(-len(wave) // MOST_FRAMES))
    padded = np.pad(wave, window // 2)
    frames = sliding_window_view(padded, window)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(window), axis=-1)) ** 2
    mel = power @ mel_filters(fs, window).T
    decibels = 10 * np.log10(np.maximum(mel, 1e-10))
    above = (decibels - decibels.max() + DEPTH_DB) / DEPTH_DB
    return np.rint(255 * np.clip(above, 0, 1)).astype(np.uint8)


def mel_filters(fs: int, window: int) -> Floats:
    """Returns triangles (`BANDS`, window // 2 + 1) that sum the power of FFT bins, as wide as the ear has it."""
    low, high = (_mel(hz) for hz in (LOWEST_HZ, min(HIGHEST_HZ, fs / 2)))
    corners = _hertz(np.linspace(low, high, BANDS + 2))[:, None]
    bins = np.fft.rfftfreq(window, 1 / fs)[None]
    rising = (bins - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - bins) / (corners[2:] - corners[1:-1])
    # Low bands are narrower than a bin: each takes in the nearest one
    nearest = np.abs(bins - corners[1:-1]).argmin(axis=1)
    filters = np.maximum(0, np.minimum(rising, falling))
    filters[np.arange(BANDS), nearest] = np.maximum(filters[np.arange(BANDS), nearest], 0.5)
    return filters.astype(np.float32)


def _mel(hz: float) -> float:
    return float(2595 * np.log10(1 + hz / 700))


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return 700 * (10 ** (mel / 2595) - 1)
