"""Pseudo-labels: emotion weights of utterances that nobody labelled, with how far they can be trusted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.data.kaldi import read_labels, read_optional, write_table
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.analysis import Recording, analyze_all
from espnet_mtl.evaluation.probes.crossfit import judged
from espnet_mtl.evaluation.probes.trained import functionals_probes
from espnet_mtl.evaluation.speech_set import SpeechSet, read_speech_set
from espnet_mtl.labels import CLASS_LABELS, UNLABELLED
from espnet_mtl.system.files import require, write_text

MIN_WEIGHT = 0.05
"""Smaller weights are left out of a pseudo-label."""
MANUAL_LABELS = "utt2emo_by_hand"
"""File of the labels that people gave on the page, beside the pseudo-labels."""


@dataclass(frozen=True)
class PseudoLabels:
    """What a probe or a model says of the emotions of a set.

    Attributes:
        emotions: Names of the K classes.
        posteriors: Calibrated probabilities (K,) of each unlabelled utterance.
        checked: Its probabilities (N, K) of labelled utterances that it did not learn from.
        targets: The classes (N,) that these were labelled as.
    """

    emotions: list[str]
    posteriors: dict[str, NDArray[np.float64]]
    checked: NDArray[np.float64]
    targets: NDArray[np.intp]

    def confusion(self) -> NDArray[np.int64]:
        """Counts of the checked utterances by label (row) and likeliest class (column): (K, K)."""
        from sklearn.metrics import confusion_matrix

        return confusion_matrix(self.targets, self.checked.argmax(1), labels=range(len(self.emotions)))

    def table(self) -> dict[str, str]:
        """Soft labels by utterance, such as `happy:0.80,surprised:0.20`."""
        return {utt: self._soft(posterior) for utt, posterior in self.posteriors.items()}

    def least_certain(self) -> list[tuple[str, float]]:
        """Utterances and the probability of their likeliest emotion, lowest first."""
        certainties = {utt: float(posterior.max()) for utt, posterior in self.posteriors.items()}
        return sorted(certainties.items(), key=lambda item: (item[1], item[0]))

    def summary(self) -> str:
        """The confusion on labelled utterances as a table, and how sure the pseudo-labels are."""
        figures = judged(self.checked, self.targets)
        sure = np.mean([posterior.max() >= 0.8 for posterior in self.posteriors.values()])
        lines = [
            *self._confusion_lines(),
            f"UAR {figures['uar']:.2f}, calibration error {figures['ece']:.3f} on labelled sentences new to it",
            f"{len(self.posteriors)} utterances labelled, {sure:.0%} of them with probability 0.8 or more",
        ]
        return "\n".join(lines)

    def _confusion_lines(self) -> list[str]:
        rows = [["labelled \\ heard", *self.emotions]]
        for name, counts in zip(self.emotions, self.confusion(), strict=True):
            rows.append([name, *map(str, counts)])
        width = max(map(len, self.emotions)) + 2
        lines = []
        for head, *cells in rows:
            lines.append(head.ljust(18) + "".join(cell.rjust(width) for cell in cells))
        return lines

    def write(self, directory: Path, output: Path) -> None:
        """Writes `<output>/utt2emo`, human labels of `directory` as they are and the others soft, and `least_certain`.

        Raises:
            UserError: `output` is the directory of the human labels, which are never overwritten.
        """
        refuse_same(directory, output)
        lines = [f"{utt} {probability:.3f}\n" for utt, probability in self.least_certain()]
        write_text(output / "least_certain", "".join(lines))
        write_table(output / "utt2emo", {**self.table(), **human_labels(directory, output)})

    def _soft(self, posterior: NDArray[np.float64]) -> str:
        """A soft label (see `table`) of probabilities (K,), the likeliest emotion first."""
        order = [i for i in np.argsort(-posterior, kind="stable") if posterior[i] >= MIN_WEIGHT]
        weights = posterior[order] / posterior[order].sum()
        parts = [f"{self.emotions[i]}:{weight:.2f}" for i, weight in zip(order, weights, strict=True)]
        return ",".join(parts)


def refuse_same(directory: Path, output: Path) -> None:
    """Raises UserError where pseudo-labels would be written over human ones."""
    if output.resolve() == directory.resolve():
        raise UserError(f"--output {output} holds the human labels: give another directory")


def human_labels(directory: Path, output: Path) -> dict[str, str]:
    """Reads the labels in `directory`, and those that people gave on the page in `output`, which come first."""
    require([directory / "utt2emo"], "stage 1 or 2")
    table = read_labels(directory / "utt2emo", CLASS_LABELS["emotion"])
    labels = {utt: label for utt, label in table.items() if label != UNLABELLED}
    return labels | read_optional(output / MANUAL_LABELS)


def read_speech(directory: Path, output: Path) -> SpeechSet:
    """Reads a set and its human labels.

    Args:
        directory: wav.scp, text, utt2spk, utt2emo; in utt2emo a missing line, or `-`, is no label.
        output: Where labels that people gave on the page may be.

    Raises:
        UserError: A table is missing, or nothing is unlabelled.
    """
    speech = read_speech_set(directory, "stage 1 or 2")
    labels = human_labels(directory, output)
    emotions = [emotion or labels.get(utt, "") for utt, emotion in zip(speech.utts, speech.emotions, strict=True)]
    if all(emotions):
        raise UserError(f"{directory / 'utt2emo'}: every utterance has a label; there is nothing to do")
    return replace(speech, emotions=emotions)


def label_by_probe(speech: SpeechSet, nj: int = 1) -> PseudoLabels:
    """Labels unlabelled utterances by a probe on functionals that is trained on the labelled ones.

    Args:
        speech: The set, "" for no emotion.
        nj: Parallel processes.

    Raises:
        UserError: There are fewer than two emotions, or an emotion has fewer than two labelled sentences.
    """
    emotions, texts, speakers = np.array(speech.emotions), np.array(speech.texts), np.array(speech.speakers)
    known = emotions != ""
    _check(speech, emotions, texts)
    recordings = [Recording(wav) for wav in speech.wavs]
    features = analyze_all(recordings, nj, "emotion of recordings", full=False)
    functionals = np.stack([one.functionals for one in features])
    probe = functionals_probes(functionals[known], emotions[known], texts[known], speakers[known])
    posteriors = probe.posteriors(functionals[~known], speakers[~known])
    unlabelled = np.array(speech.utts)[~known].tolist()
    return PseudoLabels(
        probe.classes.tolist(),
        posteriors=dict(zip(unlabelled, posteriors, strict=True)),
        checked=probe.own_folds,
        targets=np.searchsorted(probe.classes, emotions[known]),
    )


def _check(speech: SpeechSet, emotions: NDArray[np.str_], texts: NDArray[np.str_]) -> None:
    """Raises UserError where a probe cannot be trained and checked on what is labelled."""
    where = speech.directory / "utt2emo"
    names = sorted(set(emotions) - {""})
    if len(names) < 2:
        raise UserError(f"{where}: needs labelled utterances of two emotions or more, has {', '.join(names) or 'none'}")
    for name in names:
        if len(set(texts[emotions == name])) < 2:
            raise UserError(f"{where}: {name} needs labelled utterances of two sentences or more, to be checked on one")
