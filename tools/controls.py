"""Measures in the sound what the controls of rate, pitch, its range and energy do (the tables of docs/controls.md)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

VALUES = {
    "rate": (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0),
    "pitch": (-6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0),
    "pitch_range": (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0),
    "energy": (-12.0, -6.0, -3.0, 0.0, 3.0, 6.0, 12.0),
}


class Sound:
    """A waveform (T_wav,), and its F0 in Hz every 5 ms, 0 where unvoiced."""

    def __init__(self, wave: np.ndarray, fs: int):
        from espnet_mtl.evaluation.measures.features import analyze

        self.wave = wave.astype(np.float64)
        self.f0 = analyze(self.wave, fs, full=False).f0


def rate(plain: Sound, changed: Sound) -> float:
    """Returns how much faster speech became."""
    return len(plain.wave) / len(changed.wave)


def pitch(plain: Sound, changed: Sound) -> float:
    """Returns the median shift of F0, in semitones, of frames with a voice in both."""
    frames = min(len(plain.f0), len(changed.f0))
    before, after = plain.f0[:frames], changed.f0[:frames]
    voiced = (before > 0) & (after > 0)
    return float(np.median(12 * np.log2(after[voiced] / before[voiced])))


def pitch_range(plain: Sound, changed: Sound) -> float:
    """Returns by how much the standard deviation of log F0 grew."""
    from espnet_mtl.evaluation.measures.prosody import log_f0_deviation

    return log_f0_deviation(changed.f0) / log_f0_deviation(plain.f0)


def energy(plain: Sound, changed: Sound) -> float:
    """Returns by how many dB the level rose."""
    return float(10 * np.log10(np.mean(changed.wave**2) / np.mean(plain.wave**2)))


MEASURES: dict[str, Callable[[Sound, Sound], float]] = {
    "rate": rate,
    "pitch": pitch,
    "pitch_range": pitch_range,
    "energy": energy,
}


def measure(model: str, texts: Sequence[str], speakers: Sequence[str], emotions: Sequence[str]) -> None:
    """Prints a table for each control: the value, and the median and the middle 80 % of what is measured."""
    from scipy.stats import spearmanr

    from espnet_mtl.inference.text2speech import Text2Speech

    tts = Text2Speech.from_pretrained(model)
    for control, values in VALUES.items():
        rows, correlations = [], []
        for speaker in speakers or tts.speakers:
            for emotion in emotions or tts.emotions:
                for text in texts:
                    sounds = {}
                    for value in values:
                        said = tts(text, speaker=speaker, emotion=emotion, **{control: value})
                        sounds[value] = Sound(said["wav"].cpu().numpy(), tts.fs)
                    neutral = sounds[0.0] if 0.0 in sounds else sounds[1.0]
                    measured = [MEASURES[control](neutral, sound) for sound in sounds.values()]
                    rows.append(measured)
                    correlations.append(spearmanr(values, measured).statistic)
        low, median, high = np.nanpercentile(rows, [10, 50, 90], axis=0)
        print(f"\n| `{control}` | measured: median | 10th to 90th percentile |\n|---|---|---|")
        for column, value in enumerate(values):
            print(f"| {value:g} | {median[column]:.2f} | {low[column]:.2f} to {high[column]:.2f} |")
        print(f"\n{len(rows)} utterances; rank correlation: mean {np.nanmean(correlations):.3f}")


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="zip, URL or model directory")
    parser.add_argument("--texts", type=Path, required=True, help="table of texts, such as dump/raw/test/text")
    parser.add_argument("--sentences", type=int, default=3, help="how many of its texts are said [%(default)s]")
    parser.add_argument("--speakers", nargs="*", default=[], help="default: all")
    parser.add_argument("--emotions", nargs="*", default=[], help="default: all")
    args = parser.parse_args()
    from espnet_mtl.data.kaldi import read_table

    texts = sorted(set(read_table(args.texts).values()))[: args.sentences]
    measure(args.model, texts, args.speakers, args.emotions)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
