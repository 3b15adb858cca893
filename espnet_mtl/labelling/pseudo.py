"""Pseudo-labels: emotion weights of utterances that nobody labelled, by a probe trained on those that someone did."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.data.kaldi import read_table, write_table, write_text
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.analysis import Recording, analyze_all
from espnet_mtl.evaluation.learned import functionals_probes
from espnet_mtl.evaluation.speech_set import SpeechSet, read_speech_set
from espnet_mtl.labels import UNLABELLED

LEAST = 0.05
"""Weights below are left out of a pseudo-label."""


@dataclass(frozen=True)
class PseudoLabels:
    """What a probe says of the emotions of a set.

    Attributes:
        emotions: Names of the K classes.
        posteriors: Calibrated probabilities (K,) of each unlabelled utterance.
        confusion: Labelled utterances by their label (row) and what the probe, trained without their sentences, heard
            (column): (K, K).
        uar: Unweighted average recall of the confusion.
        ece: Expected calibration error on the labelled utterances.
    """

    emotions: list[str]
    posteriors: dict[str, NDArray[np.float64]]
    confusion: NDArray[np.int64]
    uar: float
    ece: float

    def table(self) -> dict[str, str]:
        """Soft labels by utterance, such as `happy:0.80,surprised:0.20`."""
        return {utt: self._soft(posterior) for utt, posterior in self.posteriors.items()}

    def least_certain(self) -> list[tuple[str, float]]:
        """Utterances and the probability of their likeliest emotion, lowest first."""
        return sorted(
            ((utt, float(p.max())) for utt, p in self.posteriors.items()), key=lambda pair: (pair[1], pair[0])
        )

    def _soft(self, posterior: NDArray[np.float64]) -> str:
        order = [i for i in np.argsort(-posterior, kind="stable") if posterior[i] >= LEAST]
        kept = posterior[order] / posterior[order].sum()
        return ",".join(f"{self.emotions[i]}:{weight:.2f}" for i, weight in zip(order, kept, strict=True))


def pseudo_label(directory: Path, nj: int = 1) -> PseudoLabels:
    """Labels the unlabelled utterances of a set by the functionals of its labelled ones, whose speakers it knows.

    Args:
        directory: wav.scp, text, utt2spk, utt2emo; in utt2emo a missing line, or `-`, is no label.
        nj: Parallel processes.

    Raises:
        UserError: A table is missing, nothing is unlabelled, or an emotion has fewer than two labelled sentences.
    """
    from sklearn.metrics import confusion_matrix

    speech = read_speech_set(directory, "stage 1 or 2")
    emotions, texts, speakers = (np.array(names) for names in (speech.emotions, speech.texts, speech.speakers))
    known = emotions != ""
    _check(speech, emotions, texts)
    analyzed = analyze_all([Recording(wav) for wav in speech.wavs], nj, "emotion of recordings", full=False)
    values = np.stack([one.functionals for one in analyzed])
    probe = functionals_probes(values[known], emotions[known], texts[known], speakers[known])
    heard = probe.classes[probe.own_folds.argmax(1)]
    posteriors = probe.posteriors(values[~known], speakers[~known])
    return PseudoLabels(
        probe.classes.tolist(),
        dict(zip(np.array(speech.utts)[~known].tolist(), posteriors, strict=True)),
        confusion_matrix(emotions[known], heard, labels=probe.classes),
        probe.held_out["uar"],
        probe.held_out["ece"],
    )


def _check(speech: SpeechSet, emotions: NDArray[np.str_], texts: NDArray[np.str_]) -> None:
    where = speech.directory / "utt2emo"
    names = sorted(set(emotions) - {""})
    if len(names) < 2:
        raise UserError(f"{where}: needs labelled utterances of two emotions or more, has {', '.join(names) or 'none'}")
    if (emotions != "").all():
        raise UserError(f"{where}: every utterance has a label; there is nothing to do")
    for name in names:
        if len(set(texts[emotions == name])) < 2:
            raise UserError(f"{where}: {name} needs labelled utterances of two sentences or more, to be checked on one")


def write_labels(labels: PseudoLabels, directory: Path, output: Path) -> None:
    """Writes `<output>/utt2emo`, human labels as they are and the others soft, and `<output>/least_certain`.

    Raises:
        UserError: `output` is the directory of the human labels, which are never overwritten.
    """
    if output.resolve() == directory.resolve():
        raise UserError(f"--output {output} holds the human labels: give another directory")
    human = {utt: label for utt, label in read_table(directory / "utt2emo").items() if label != UNLABELLED}
    write_text(output / "least_certain", "".join(f"{utt} {p:.3f}\n" for utt, p in labels.least_certain()))
    write_table(output / "utt2emo", {**labels.table(), **human})


def summary(labels: PseudoLabels) -> str:
    """The confusion on labelled utterances as a table, and how sure the pseudo-labels are."""
    width = max(map(len, labels.emotions)) + 2
    rows = [["labelled \\ heard", *labels.emotions]]
    rows += [[name, *map(str, row)] for name, row in zip(labels.emotions, labels.confusion, strict=True)]
    lines = ["".join([row[0].ljust(18), *(cell.rjust(width) for cell in row[1:])]) for row in rows]
    sure = np.mean([posterior.max() >= 0.8 for posterior in labels.posteriors.values()])
    lines.append(
        f"UAR {labels.uar:.2f}, calibration error {labels.ece:.3f} on labelled sentences held out from the probe"
    )
    lines.append(f"{len(labels.posteriors)} utterances labelled, {sure:.0%} of them with probability 0.8 or more")
    return "\n".join(lines)
