"""Whether emotions are recognized: by their label, of a recording, weak and strong, mixed, and within a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from espnet_mtl.evaluation.probes.crossfit import CrossFitted
from espnet_mtl.evaluation.speech_set import SpeechSet
from espnet_mtl.inference.prosody import TimedWord
from espnet_mtl.labels import NEUTRAL
from espnet_mtl.system.progress import progress

from .figures import Figures
from .halves import add_changing, add_natural_halves, halves_said
from .probing import Probes, functionals_of, natural_functionals
from .subject import Cell, Subject, samples_of

INTENSITIES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Over these, the posterior is to rise."""
BEYOND = (1.5, 2.0)
"""Shown besides, to see where it ends."""
SMALL = 0.02
"""A change of a posterior that is none."""
NO_REFERENCE = "this model has no reference encoder (style_conf.reference of its training YAML)"
NO_NEUTRAL = f"this model has no emotion called {NEUTRAL}, which intensity starts from"


def measure_emotions(subject: Subject, probes: Probes, nj: int) -> Figures:
    """Measures all that has to do with emotion."""
    figures = Figures()
    _add_natural(figures, subject, probes, nj)
    labelled = [said(subject, cell) for cell in progress(subject.cells, "labelled", len(subject.cells))]
    values = np.stack([functionals for functionals, _, _ in labelled])
    right = _add_named(figures, "labelled", "emotion by label", subject.cells, values, probes)
    _add_reference(figures, subject, probes, right)
    _add_intensity(figures, subject, probes)
    _add_mixtures(figures, subject, probes, values)
    halves, words = np.stack([halves for _, halves, _ in labelled]), [words for _, _, words in labelled]
    add_changing(figures, subject, probes, halves, words)
    return figures


def said(subject: Subject, cell: Cell) -> tuple[NDArray[np.float32], NDArray[np.float32], list[TimedWord]]:
    """Functionals of what the model says (D,), those of its halves (2, D), and its words."""
    output = subject.say(cell)
    wave, fs, words = samples_of(output), subject.tts.fs, output["prosody"].timed_words
    return functionals_of(wave, fs), halves_said(wave, words, fs), words


def functionals_said(subject: Subject, cells: Sequence[Cell], title: str, controls: Sequence[dict]) -> NDArray:
    """Functionals of what the model says of each cell, with its controls: (N, D)."""
    rows = []
    for cell, own in progress(zip(cells, controls, strict=True), title, len(cells)):
        output = subject.say(cell, **own)
        rows.append(functionals_of(samples_of(output), subject.tts.fs))
    return np.stack(rows)


def _add_natural(figures: Figures, subject: Subject, probes: Probes, nj: int) -> None:
    """Adds how well the probes judge natural speech of the part."""
    part = subject.part.where([emotion in subject.emotions for emotion in subject.part.emotions])
    if not part.utts:
        figures.left_out["natural"] = "no natural recording with an emotion"
        return
    values = natural_functionals(part, subject.tts.fs, nj, "natural speech")
    cells = [Cell(*one) for one in zip(part.texts, part.speakers, part.emotions, strict=True)]
    _add_named(figures, "natural", "natural recordings", cells, values[:, 0], probes)
    add_natural_halves(figures, cells, values[:, 1:], probes)


def named_right(probe: CrossFitted, values: NDArray, speakers: Sequence[str], names: Sequence[str]) -> NDArray:
    """Whether a probe names the right one (N,), from functionals (N, D)."""
    posteriors = probe.posteriors(values, speakers)
    return (probe.classes[posteriors.argmax(1)] == np.array(names)).astype(float)


def _add_named(
    figures: Figures, name: str, title: str, cells: Sequence[Cell], values: NDArray, probes: Probes
) -> NDArray[np.float64]:
    """Adds how often emotion and speaker are named rightly; returns whether the emotion is (N,)."""
    texts, speakers = [cell.text for cell in cells], [cell.speaker for cell in cells]
    emotions = [cell.emotion for cell in cells]
    right = named_right(probes.emotion, values, speakers, emotions)
    seen = np.array([(cell.speaker, cell.emotion) in probes.seen for cell in cells])
    figures.add(f"{name}_emotion", f"{title}: emotion accuracy, all pairs", right, texts)
    if not seen.all():
        figures.add(f"{name}_transfer", f"{title}: transfer", np.where(seen, np.nan, right), texts)
    if probes.speaker is None:
        figures.left_out[f"{name}_speaker"] = "the training set has one speaker, or too few sentences"
    else:
        own = named_right(probes.speaker, values, speakers, speakers)
        figures.add(f"{name}_speaker", f"{title}: speaker accuracy", own, texts)
    recalls = {emotion: float(right[np.array(emotions) == emotion].mean()) for emotion in sorted(set(emotions))}
    figures.details.setdefault("recall", {})[name] = recalls
    return right


def _add_reference(figures: Figures, subject: Subject, probes: Probes, labelled: NDArray[np.float64]) -> None:
    """Adds how often the emotion of a recording of somebody else is named rightly, and the voice of the speaker."""
    style = subject.tts.model.style
    if style is None or style.reference is None:
        figures.left_out["reference"] = NO_REFERENCE
        return
    random = np.random.default_rng(0)
    recordings = {cell: recording_for(cell, subject.part, random) for cell in subject.cells}
    kept = [number for number, cell in enumerate(subject.cells) if recordings[cell]]
    if not kept:
        figures.left_out["reference"] = f"{subject.part.directory}: no recordings of the same emotion by two speakers"
        return
    chosen = [subject.cells[number] for number in kept]
    drawn = [recordings[cell] for cell in chosen]
    controls = [{"reference": recording.wavs[0], "emotion": None} for recording in drawn]
    values = functionals_said(subject, chosen, "reference", controls)
    right = _add_named(figures, "reference", "emotion of a recording", chosen, values, probes)
    texts, by_label = [cell.text for cell in chosen], labelled[kept]
    figures.add_ratio("reference_share", "the same, over emotion by label", right, by_label, texts)
    seen = np.array([recording.pairs[0] in probes.seen for recording in drawn])
    if not seen.all():
        for name, chosen_ones in {"had": seen, "lacked": ~seen}.items():
            title = f"the same, of recordings whose speaker and emotion training {name} together"
            own = np.where(chosen_ones, right, np.nan)
            figures.add_ratio(f"reference_share_{name}", title, own, by_label, texts)


def recording_for(cell: Cell, part: SpeechSet, random: np.random.Generator) -> SpeechSet | None:
    """Draws a recording of the emotion by another speaker, of another sentence if there is one; None: there is none."""
    others = part.where([pair[1] == cell.emotion and pair[0] != cell.speaker for pair in part.pairs])
    if not others.utts:
        return None
    of_others = others.where([text != cell.text for text in others.texts])
    kept = of_others if of_others.utts else others
    number = int(random.integers(len(kept.utts)))
    return kept.where([place == number for place in range(len(kept.utts))])


def _add_intensity(figures: Figures, subject: Subject, probes: Probes) -> None:
    """Adds whether intensity 0 is neutral to the bit, and whether the posterior of the emotion rises with it."""
    if NEUTRAL not in subject.tts.emotions:
        figures.left_out["intensity"] = NO_NEUTRAL
        return
    cells = [cell for cell in subject.cells if cell.emotion != NEUTRAL]
    if not cells:
        figures.left_out["intensity"] = f"no emotion but {NEUTRAL}"
        return
    texts, speakers = [cell.text for cell in cells], [cell.speaker for cell in cells]
    same = [is_neutral_at_zero(subject, cell) for cell in progress(cells, "intensity 0", len(cells))]
    figures.add("intensity_zero", "intensity 0: the samples of neutral, to the bit", np.array(same), texts)
    column = np.searchsorted(probes.emotion.classes, [cell.emotion for cell in cells])
    columns = []
    for intensity in (*INTENSITIES, *BEYOND):
        controls = [{"intensity": intensity}] * len(cells)
        values = functionals_said(subject, cells, f"intensity {intensity:g}", controls)
        columns.append(probes.emotion.posteriors(values, speakers)[np.arange(len(cells)), column])
    posteriors = np.stack(columns, 1)
    risen = posteriors[:, : len(INTENSITIES)]
    figures.add("intensity_rises", "intensity 0 to 1: the posterior rises in every step", rises(risen), texts)
    figures.add("intensity_never_falls", "the same, and no step falls by more than .02", rises(risen, SMALL), texts)
    figures.details["intensity"] = intensity_curves([cell.emotion for cell in cells], posteriors)


def is_neutral_at_zero(subject: Subject, cell: Cell) -> bool:
    """Whether the model says a cell at intensity 0 as it says it in neutral, sample by sample."""
    zero, neutral = subject.say(cell, intensity=0.0), subject.say(cell, emotion=NEUTRAL)
    return torch.equal(zero["wav"], neutral["wav"])


def rises(posteriors: NDArray[np.float64], small: float = 0.0) -> NDArray[np.bool_]:
    """Whether posteriors (N, steps) rise, and in no step fall by more than `small`: (N,)."""
    steps = np.diff(posteriors, axis=1)
    return (steps >= -small).all(1) & (posteriors[:, -1] > posteriors[:, 0])


def intensity_curves(emotions: Sequence[str], posteriors: NDArray[np.float64]) -> dict[str, Any]:
    """Mean posterior of each emotion at each intensity, as it is written and drawn."""
    curves = {}
    for emotion in sorted(set(emotions)):
        curves[emotion] = posteriors[np.array(emotions) == emotion].mean(0).round(4).tolist()
    return {"intensities": [*INTENSITIES, *BEYOND], "posterior": curves}


def _add_mixtures(figures: Figures, subject: Subject, probes: Probes, labelled: NDArray[np.float32]) -> None:
    """Adds whether what is said half in one emotion, half in another, lies between the two."""
    numbers = {cell: number for number, cell in enumerate(subject.cells)}
    pairs = list(combinations(subject.emotions, 2))
    if not pairs:
        figures.left_out["mixture"] = "one emotion alone"
        return
    cells, mixtures, seconds = [], [], []
    for text, speaker in subject.spoken:
        for first, second in pairs:
            cells.append(Cell(text, speaker, first))
            seconds.append(Cell(text, speaker, second))
            mixtures.append({"emotion": {first: 0.5, second: 0.5}})
    values = functionals_said(subject, cells, "mixtures", mixtures)
    ends = [labelled[[numbers[cell] for cell in of]] for of in (cells, seconds)]
    speakers, texts = [cell.speaker for cell in cells], [cell.text for cell in cells]
    posteriors = [probes.emotion.posteriors(one, speakers) for one in (ends[0], values, ends[1])]
    columns = [np.searchsorted(probes.emotion.classes, [cell.emotion for cell in of]) for of in (cells, seconds)]
    rows = np.arange(len(cells))
    # (N, 3): at the first emotion, in the middle, at the second one
    of_first, of_second = (np.stack([one[rows, column] for one in posteriors], 1) for column in columns)
    balance = np.log(of_first + 1e-12) - np.log(of_second + 1e-12)
    figures.add("mixture_balance", "half-half mixtures: which of the two it is lies between", between(balance), texts)
    both = between(of_first, SMALL) & between(of_second, SMALL)
    figures.add("mixture_posteriors", "the same, both posteriors within .02", both, texts)


def between(values: NDArray[np.float64], small: float = 0.0) -> NDArray[np.bool_]:
    """Whether the middle of three values (N, 3) lies between the others, or beyond them by `small` at most: (N,)."""
    low, high = np.minimum(values[:, 0], values[:, 2]), np.maximum(values[:, 0], values[:, 2])
    return (low - small <= values[:, 1]) & (values[:, 1] <= high + small)
