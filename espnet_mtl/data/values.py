"""Labels that are numbers: read or measured per utterance, in standard deviations of the training set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import kaldiio
import numpy as np
from numpy.typing import NDArray

from espnet_mtl.data.kaldi import read_optional, read_table, require
from espnet_mtl.data.stats import text_file, tokens_of
from espnet_mtl.errors import UserError
from espnet_mtl.espeak import PUNCTUATION
from espnet_mtl.heads import VALUES
from espnet_mtl.labels import parse_numbers

MARKS = frozenset(PUNCTUATION.values())
FEWEST = 3
"""Tokens of a phrase that a slope is taken of."""
MOST = 4.0
"""Standard deviations beyond which values are cut off."""
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Prosody:
    """What stage 3 found of an utterance of N tokens, the end left out.

    Attributes:
        durations: Frames per token (N,).
        pitch: Log-F0 per token (N,).
        energy: Energy per token (N,).
        phrases: The tokens between marks such as commas, as slices.
    """

    durations: Numbers
    pitch: Numbers
    energy: Numbers
    phrases: list[slice]


def read_values(dump: Path, labels: Collection[str], token_type: str) -> dict[str, dict[str, Numbers]]:
    """Reads or measures labels of `VALUES`, in their own units.

    Args:
        dump: A directory of stage 3, such as `dump/raw/train`.
        labels: `vad`: valence, arousal and dominance of utt2vad. `speaking_rate`: log of tokens per frame.
            `intonation`: of log-F0, its mean over the tokens, spread, slope and curvature over the utterance; mean
            slope and spread of its phrases, spread of their means, and slope of the last. `energy_dynamics`: of the
            log of energy, its spread and slope, and the mean step from token to token.
        token_type: "phn", "char" or "bpe"; with the last, an utterance counts as one phrase.

    Returns:
        By label and utterance, (D,); utterances without the label are left out.

    Raises:
        UserError: A line of utt2vad that is not three numbers.
    """
    measured = [label for label in labels if label in MEASURES]
    prosody = _read_prosody(dump, token_type) if measured else {}
    values = {label: {utt: MEASURES[label](one) for utt, one in prosody.items()} for label in measured}
    if "vad" in labels:
        values["vad"] = _read_vad(dump / "utt2vad")
    return values


def _read_vad(path: Path) -> dict[str, Numbers]:
    values = {}
    for utt, line in read_optional(path).items():
        numbers = parse_numbers(line, VALUES["vad"])
        if numbers is None:
            raise UserError(f"{path}: {utt}: three numbers (valence, arousal, dominance) or no line, got {line!r}")
        values[utt] = np.array(numbers)
    return values


def standardized(
    dump: Path, labels: Collection[str], token_type: str, sets: Sequence[str]
) -> dict[str, dict[str, dict[str, Numbers]]]:
    """Reads labels of several sets, in standard deviations from the mean of the first.

    Mean log-F0 is relative to the speaker's: how high a voice is, is no intonation.

    Args:
        dump: `dump/raw`.
        labels: Labels of `VALUES`.
        token_type: "phn", "char" or "bpe".
        sets: Names of the sets, such as train and dev.

    Returns:
        By label, set and utterance, (D,), all of them finite; utterances without the label are left out.
    """
    read = {name: read_values(dump / name, labels, token_type) for name in sets}
    values = {label: {name: read[name][label] for name in sets} for label in labels}
    if "intonation" in labels:
        _relative_to_speakers(values["intonation"], {name: read_table(dump / name / "utt2spk") for name in sets})
    return {label: _in_deviations(values[label], sets[0]) for label in labels}


def _in_deviations(values: Mapping[str, Mapping[str, Numbers]], first: str) -> dict[str, dict[str, Numbers]]:
    """Standardizes values by set and utterance by those of the first set; without any there, none are left."""
    learned = np.array([*values[first].values()])
    if not len(learned):
        return {name: {} for name in values}
    mean, deviation = learned.mean(0), np.maximum(learned.std(0), 1e-6)
    return {
        name: {utt: np.clip((value - mean) / deviation, -MOST, MOST) for utt, value in table.items()}
        for name, table in values.items()
    }


def _relative_to_speakers(
    values: Mapping[str, Mapping[str, Numbers]], speakers: Mapping[str, Mapping[str, str]]
) -> None:
    """Takes the mean of a speaker's levels from each, that of the first set where the speaker is in it."""
    means: dict[str, float] = {}
    for name, table in values.items():
        levels = defaultdict(list)
        for utt, value in table.items():
            levels[speakers[name][utt]].append(value[0])
        means = {**{speaker: float(np.mean(some)) for speaker, some in levels.items()}, **means}
        for utt, value in table.items():
            value[0] -= means[speakers[name][utt]]


def _read_prosody(dump: Path, token_type: str) -> dict[str, Prosody]:
    text = dump / text_file(token_type)
    require([text, *(dump / name for name in ("durations", "pitch.scp", "energy.scp"))], "stage 3")
    texts, durations = read_table(text), read_table(dump / "durations")
    pitch, energy = (kaldiio.load_scp(str(dump / f"{name}.scp")) for name in ("pitch", "energy"))
    return {
        utt: Prosody(
            np.array(durations[utt].split(), float)[:-1],
            pitch[utt].reshape(-1)[:-1].astype(float),
            energy[utt].reshape(-1)[:-1].astype(float),
            phrases([] if token_type == "bpe" else tokens_of(texts[utt], token_type)),
        )
        for utt in durations
    }


def phrases(tokens: list[str]) -> list[slice]:
    """Returns the runs of tokens between marks."""
    borders = [-1, *(i for i, token in enumerate(tokens) if token in MARKS), len(tokens)]
    runs = [slice(first + 1, last) for first, last in pairwise(borders)]
    return [run for run in runs if run.stop > run.start]


def speaking_rate(prosody: Prosody) -> Numbers:
    """Log of tokens per frame: (1,)."""
    return np.array([np.log(len(prosody.durations) / prosody.durations.sum())])


def intonation(prosody: Prosody) -> Numbers:
    """Level, spread, slope and curvature of log-F0, and what its phrases do: (8,); see `read_values`."""
    pitch, times = prosody.pitch, _times(prosody)
    parts = [run for run in prosody.phrases if run.stop - run.start >= FEWEST] or [slice(0, len(pitch))]
    slopes = [slope(times[run], pitch[run]) for run in parts]
    levels = [pitch[run].mean() for run in parts]
    spreads = [pitch[run].std() for run in parts]
    bend = np.polyfit(times, pitch, 2)[0] if len(pitch) > FEWEST else 0.0
    whole = [pitch.mean(), pitch.std(), slope(times, pitch), bend]
    return np.array([*whole, np.mean(slopes), np.mean(spreads), np.std(levels), slopes[-1]])


def energy_dynamics(prosody: Prosody) -> Numbers:
    """Spread and slope of the log of energy, and its mean step: (3,)."""
    energy = np.log(np.maximum(prosody.energy, 1e-5))
    step = np.abs(np.diff(energy)).sum() / max(len(energy) - 1, 1)
    return np.array([energy.std(), slope(_times(prosody), energy), step])


MEASURES: Mapping[str, Callable[[Prosody], Numbers]] = {
    "speaking_rate": speaking_rate,
    "intonation": intonation,
    "energy_dynamics": energy_dynamics,
}


def slope(times: Numbers, values: Numbers) -> float:
    """Slope of the straight line through points, by least squares; 0 for fewer than two."""
    offsets = times - times.mean()
    return float(offsets @ values / max(float(offsets @ offsets), 1e-12))


def _times(prosody: Prosody) -> Numbers:
    """Middles of the tokens, in units of 100 frames."""
    return (np.cumsum(prosody.durations) - prosody.durations / 2) / 100
