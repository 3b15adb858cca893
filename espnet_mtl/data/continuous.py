"""Labels that are numbers: read or measured per utterance, in standard deviations of the training set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.data.arks import Matrices
from espnet_mtl.data.dump import DURATIONS, ENERGY_SCP, PITCH_SCP, UNVOICED, UTT2SPK, UTT2VAD, text_file
from espnet_mtl.data.kaldi import parse_counts, read_labels, read_optional, read_table
from espnet_mtl.errors import UserError
from espnet_mtl.labels import CONTINUOUS_LABELS, UNLABELLED
from espnet_mtl.text.espeak import PUNCTUATION
from espnet_mtl.text.tokens import Tokenizer

MARKS = frozenset(PUNCTUATION.values())
FEWEST_OF_PHRASE = 3
"""Tokens of a phrase that a slope is taken of."""
MOST_DEVIATIONS = 4.0
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


def read_continuous(dump: Path, labels: Collection[str], tokenizer: Tokenizer) -> dict[str, dict[str, Numbers]]:
    """Reads or measures labels of `CONTINUOUS_LABELS`, in their own units.

    Args:
        dump: A directory of stage 3, such as `dump/raw/train`.
        labels: `vad`: valence, arousal and dominance of utt2vad. `speaking_rate`: log of tokens per frame.
            `intonation`: of log-F0, its mean over the tokens, spread, slope and curvature over the utterance; mean
            slope and spread of its phrases, spread of their means, and slope of the last. `energy_dynamics`: of the
            log of energy, its spread and slope, and the mean step from token to token.
        tokenizer: How texts became tokens; with pieces ("bpe"), an utterance counts as one phrase.

    Returns:
        By label and utterance, (D,); utterances without the label are left out, as are those without a voiced frame
        from `intonation`.

    Raises:
        UserError: A line of utt2vad that is not three numbers.
    """
    values: dict[str, dict[str, Numbers]] = {}
    measured = [label for label in labels if label in MEASURES]
    prosody = _read_prosody(dump, tokenizer) if measured else {}
    for label in measured:
        measure = MEASURES[label]
        values[label] = {utt: measure(one) for utt, one in prosody.items()}
    for utt in read_optional(dump / UNVOICED):
        values.get("intonation", {}).pop(utt, None)  # its log-F0 is its speaker's mean: it has no intonation
    if "vad" in labels:
        values["vad"] = _read_vad(dump / UTT2VAD)
    return values


def _read_vad(path: Path) -> dict[str, Numbers]:
    label = CONTINUOUS_LABELS["vad"]
    values = {}
    for utt, line in read_labels(path, label).items():
        if line != UNLABELLED:
            values[utt] = label.read(line).astype(float)
    return values


def standardized(
    dump: Path, labels: Collection[str], tokenizer: Tokenizer, sets: Sequence[str]
) -> dict[str, dict[str, dict[str, Numbers]]]:
    """Reads labels of several sets, in standard deviations from the mean of the first.

    Mean log-F0 is relative to the speaker's: how high a voice is, is no intonation.

    Args:
        dump: `dump/raw`.
        labels: Labels of `CONTINUOUS_LABELS`.
        tokenizer: How texts became tokens.
        sets: Names of the sets, such as train and dev.

    Returns:
        By label, set and utterance, (D,), all of them finite; utterances without the label are left out.
    """
    read = {name: read_continuous(dump / name, labels, tokenizer) for name in sets}
    if "intonation" in labels:
        intonations = {name: read[name]["intonation"] for name in sets}
        speakers = {name: read_table(dump / name / UTT2SPK) for name in sets}
        _relative_to_speakers(intonations, speakers)
    by_label = {}
    for label in labels:
        by_set = {name: read[name][label] for name in sets}
        by_label[label] = _in_deviations(by_set, sets[0])
    return by_label


def _in_deviations(values: Mapping[str, Mapping[str, Numbers]], first: str) -> dict[str, dict[str, Numbers]]:
    """Standardizes values by set and utterance by those of the first set; without any there, none are left."""
    of_first = np.array([*values[first].values()])
    if not len(of_first):
        return {name: {} for name in values}
    mean = of_first.mean(0)
    deviation = np.maximum(of_first.std(0), 1e-6)  # a value that never changes is 0 throughout
    standardized: dict[str, dict[str, Numbers]] = {}
    for name, table in values.items():
        standardized[name] = {}
        for utt, value in table.items():
            deviations = (value - mean) / deviation
            standardized[name][utt] = np.clip(deviations, -MOST_DEVIATIONS, MOST_DEVIATIONS)
    return standardized


def _relative_to_speakers(
    values: Mapping[str, Mapping[str, Numbers]], speakers: Mapping[str, Mapping[str, str]]
) -> None:
    """Takes the mean of a speaker's levels from each, that of the first set where the speaker is in it."""
    means: dict[str, float] = {}
    for name, table in values.items():
        levels = defaultdict(list)
        for utt, value in table.items():
            levels[speakers[name][utt]].append(value[0])
        for speaker, own in levels.items():
            means.setdefault(speaker, float(np.mean(own)))
        for utt, value in table.items():
            value[0] -= means[speakers[name][utt]]


def _read_prosody(dump: Path, tokenizer: Tokenizer) -> dict[str, Prosody]:
    lines = read_table(dump / text_file(tokenizer.token_type), "stage 3")
    durations = read_table(dump / DURATIONS, "stage 3")
    pitch, energy = Matrices(dump / PITCH_SCP, "stage 3"), Matrices(dump / ENERGY_SCP, "stage 3")
    for table in (lines, pitch.places, energy.places):
        table.check_has(durations, durations.path)
    prosody = {}
    for utt in durations:
        # Marks are tokens of their own among phones and characters, but parts of pieces.
        tokens = [] if tokenizer.token_type == "bpe" else tokenizer.tokens(lines[utt])
        frames = parse_counts(durations, utt)
        prosody[utt] = Prosody(
            durations=_without_end(np.array(frames)),
            pitch=_without_end(_per_token(pitch, utt, len(frames))),
            energy=_without_end(_per_token(energy, utt, len(frames))),
            phrases=phrases(tokens),
        )
    return prosody


def _per_token(matrices: Matrices, utt: str, tokens: int) -> np.ndarray:
    """Reads values of tokens (N + 1, 1), of which there are as many as there are durations."""
    values = matrices[utt]
    if values.shape != (tokens, 1):
        where = matrices.places.where(utt)
        raise UserError(f"{where}: a matrix {values.shape}, but {DURATIONS} has {tokens} tokens: run stage 3 again")
    return values


def _without_end(values: np.ndarray) -> Numbers:
    """Returns the values of the N tokens, of (N + 1,) or (N + 1, 1) with the end token."""
    return values.reshape(-1)[:-1].astype(float)


def phrases(tokens: Sequence[str]) -> list[slice]:
    """Returns the runs of tokens between marks."""
    marks = [index for index, token in enumerate(tokens) if token in MARKS]
    runs = []
    for before, after in pairwise([-1, *marks, len(tokens)]):
        if after > before + 1:
            runs.append(slice(before + 1, after))
    return runs


def speaking_rate(prosody: Prosody) -> Numbers:
    """Log of tokens per frame: (1,)."""
    return np.array([np.log(len(prosody.durations) / prosody.durations.sum())])


def intonation(prosody: Prosody) -> Numbers:
    """Level, spread, slope and curvature of log-F0, and what its phrases do: (8,); see `read_continuous`."""
    pitch, times = prosody.pitch, _times(prosody)
    long_enough = [run for run in prosody.phrases if run.stop - run.start >= FEWEST_OF_PHRASE]
    runs = long_enough or [slice(0, len(pitch))]
    slopes = [slope(times[run], pitch[run]) for run in runs]
    levels = [pitch[run].mean() for run in runs]
    spreads = [pitch[run].std() for run in runs]
    # A parabola through three points says nothing: it meets all of them.
    curvature = np.polyfit(times, pitch, 2)[0] if len(pitch) > FEWEST_OF_PHRASE else 0.0
    of_utterance = [pitch.mean(), pitch.std(), slope(times, pitch), curvature]
    of_phrases = [np.mean(slopes), np.mean(spreads), np.std(levels), slopes[-1]]
    return np.array([*of_utterance, *of_phrases])


def energy_dynamics(prosody: Prosody) -> Numbers:
    """Spread and slope of the log of energy, and its mean step: (3,)."""
    energy = np.log(np.maximum(prosody.energy, 1e-5))
    steps = np.abs(np.diff(energy))
    mean_step = steps.sum() / max(len(steps), 1)
    return np.array([energy.std(), slope(_times(prosody), energy), mean_step])


MEASURES: Mapping[str, Callable[[Prosody], Numbers]] = {
    "speaking_rate": speaking_rate,
    "intonation": intonation,
    "energy_dynamics": energy_dynamics,
}


def slope(times: Numbers, values: Numbers) -> float:
    """Slope of the straight line through points, by least squares; 0 for fewer than two."""
    offsets = times - times.mean()
    spread = max(float(offsets @ offsets), 1e-12)
    return float(offsets @ values) / spread


def _times(prosody: Prosody) -> Numbers:
    """Middles of the tokens, in units of 100 frames."""
    return (np.cumsum(prosody.durations) - prosody.durations / 2) / 100
