"""What a user's values of the signal must be together: a trained model's are as they are, and are not asked."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import ceil, exp, log
from typing import Any

from espnet_mtl.config.espnet.values import check_features
from espnet_mtl.config.fields import build
from espnet_mtl.errors import UserError
from espnet_mtl.registry import BACKBONES, SECTIONS

SHORTEST_HOP_S = 0.001
LOWEST_F0 = 20
"""Hz; WORLD would look for periods longer than its recordings."""
NEEDED: Mapping[str, Mapping[str, object]] = {
    "feats_extract_conf": {"onesided": True},
    "energy_extract_conf": {"onesided": True, "use_token_averaged_energy": True, "reduction_factor": 1},
    "pitch_extract_conf": {
        "use_token_averaged_f0": True,
        "use_continuous_f0": True,
        "use_log_f0": True,
        "reduction_factor": 1,
    },
}
"""Options of ESPnet's extractors of which stage 3 knows but one value: F0 is a logarithm per token, and never 0."""
KIND_OF_MEL = {"htk": False, "log_base": 10.0, "center": True, "normalized": False, "onesided": True}
"""Options of `feats_extract_conf`: the vocoders of this package read log-mels of this kind only."""
MEL_CHANNELS = {"n_mels": 80, "fmin": 80, "fmax": 7600}
"""What ESPnet's `LogMelFbank` takes where a `feats_extract_conf` does not say."""
VOCODER_WINDOWS_MS = (16, 32, 64, 128)
"""Windows of the spectrograms that a vocoder is trained by."""
LINEAR_HZ = 200 / 3
"""Hertz of a mel below 1000 Hz, as Slaney's Auditory Toolbox has it, and librosa after it; above, 27 mels are a factor
of 6.4."""
BREAK_HZ, BREAK_MEL = 1000, 15
STEP = log(6.4) / 27


def check_signal(config: Mapping[str, Any]) -> None:
    """Checks the signal of a completed configuration.

    Raises:
        UserError: An option that stage 3 does not know, frames that leave samples out, mel channels without a
            frequency, or a search for F0 where there is none.
    """
    for section, options in NEEDED.items():
        for key, value in options.items():
            if key in config[section] and config[section][key] != value:
                given = config[section][key]
                raise UserError(f"{section}.{key}: only {value} is supported: features are per token, got {given!r}")
    check_features(config)
    mel, pitch = config["feats_extract_conf"], config["pitch_extract_conf"]
    fs, n_fft, hop = mel["fs"], mel["n_fft"], mel["hop_length"]
    window = mel.get("win_length") or n_fft
    shortest = max(1, round(SHORTEST_HOP_S * fs))
    if not shortest <= hop <= window:
        raise UserError(
            f"feats_extract_conf.hop_length: from {shortest} (1 ms) to the window ({window}), or samples between the "
            f"windows are never seen; got {hop}"
        )
    mel = {**MEL_CHANNELS, **mel}
    _check_mels(mel)
    lowest, highest = pitch.get("f0min", 80), pitch.get("f0max", 400)
    if not (lowest >= LOWEST_F0 and highest <= fs / 2):
        limits = f"f0min must be at least {LOWEST_F0}, and f0max at most fs / 2 ({fs / 2:g})"
        raise UserError(f"pitch_extract_conf: {limits}, got {lowest} and {highest}")
    _check_vocoder(config)


def _check_vocoder(config: Mapping[str, Any]) -> None:
    options = build(SECTIONS.load("vocoder"), config["vocoder"], "vocoder")
    if options.trains and not BACKBONES.spec(config["tts"]).end_to_end:
        check_trainable(config["feats_extract_conf"], options.segment)


def _check_mels(mel: Mapping[str, Any]) -> None:
    fs, n_fft, n_mels = mel["fs"], mel["n_fft"], mel["n_mels"]
    lowest = mel["fmin"] or 0
    highest = fs / 2 if mel["fmax"] is None else mel["fmax"]
    empty = empty_mels(fs, n_fft, n_mels, lowest, highest, mel.get("htk", False))
    if empty:
        raise UserError(
            f"feats_extract_conf: {empty} of {n_mels} mel channels from {lowest:g} to {highest:g} Hz hold none of the "
            f"frequencies of the FFT, which are {fs / n_fft:.3g} Hz apart (fs / n_fft): lower n_mels, or raise n_fft"
        )


def check_trainable(mel: Mapping[str, Any], segment: int) -> None:
    """Checks that a vocoder can be trained for a signal.

    Args:
        mel: `feats_extract_conf`, completed.
        segment: Frames of a segment (`vocoder.segment`).

    Raises:
        UserError: A log-mel of another kind than vocoders read, or segments that are shorter than half of a window.
    """
    for key, value in KIND_OF_MEL.items():
        if mel.get(key, value) != value:
            raise UserError(
                f"feats_extract_conf.{key}: a vocoder can be trained for {value} only, got {mel[key]!r}: set that, or "
                "train none (vocoder.steps: 0)"
            )
    longest = max(ceil(max(VOCODER_WINDOWS_MS) * mel["fs"] / 1000), mel["n_fft"])
    fewest = ceil(longest / 2) // mel["hop_length"] + 2
    if segment < fewest:
        raise UserError(
            f"vocoder.segment: expected {fewest} frames or more, half of a window of {longest} samples; got {segment}"
        )


def empty_mels(fs: float, n_fft: int, n_mels: int, fmin: float, fmax: float, htk: bool = False) -> int:
    """Counts mel channels that hold no frequency of the FFT, and so never change.

    A channel is a triangle between the edges of its neighbours' centers; see `librosa.filters.mel`.
    """
    to_mel, to_hz = (_htk_mel, _htk_hz) if htk else (_slaney_mel, _slaney_hz)
    low, high = to_mel(fmin), to_mel(fmax)
    edges = [to_hz(low + (high - low) * place / (n_mels + 1)) for place in range(n_mels + 2)]
    apart = fs / n_fft
    empty = 0
    for (left, _), (_, right) in pairwise(pairwise(edges)):
        next_frequency = (left // apart + 1) * apart
        empty += next_frequency >= min(right, fs / 2 + apart)
    return empty


def _slaney_mel(hertz: float) -> float:
    return hertz / LINEAR_HZ if hertz < BREAK_HZ else BREAK_MEL + log(hertz / BREAK_HZ) / STEP


def _slaney_hz(mel: float) -> float:
    return mel * LINEAR_HZ if mel < BREAK_MEL else BREAK_HZ * exp(STEP * (mel - BREAK_MEL))


def _htk_mel(hertz: float) -> float:
    return 1127 * log(1 + hertz / 700)


def _htk_hz(mel: float) -> float:
    return 700 * (exp(mel / 1127) - 1)
