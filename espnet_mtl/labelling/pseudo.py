"""Pseudo-labels: emotion weights of utterances that nobody labelled, with how far they can be trusted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.data.kaldi import read_optional, read_table, write_table
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.analysis import Recording, analyze_all
from espnet_mtl.evaluation.probes.crossfit import judged
from espnet_mtl.evaluation.probes.trained import functionals_probes
from espnet_mtl.evaluation.speech_set import SpeechSet, read_speech_set
from espnet_mtl.labels import UNLABELLED
from espnet_mtl.system.files import write_text

LEAST = 0.05
"""Weights below are left out of a pseudo-label."""
BY_HAND = "utt2emo_by_hand"
"""The labels that people gave on the page, beside the pseudo-labels."""


@dataclass(frozen=True)
class PseudoLabels:
    """What a listener by machine says of the emotions of a set.

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
        """Counts of the checked utterances by label (row) and class heard (column): (K, K)."""
        from sklearn.metrics import confusion_matrix

        return confusion_matrix(self.targets, self.checked.argmax(1), labels=range(len(self.emotions)))

    def table(self) -> dict[str, str]:
        """Soft labels by utterance, such as `happy:0.80,surprised:0.20`."""
        return {utt: self._soft(posterior) for utt, posterior in self.posteriors.items()}

    def least_certain(self) -> list[tuple[str, float]]:
        """Utterances and the probability of their likeliest emotion, lowest first."""
        return sorted(
            ((utt, float(p.max())) for utt, p in self.posteriors.items()), key=lambda pair: (pair[1], pair[0])
        )

    def summary(self) -> str:
        """The confusion on labelled utterances as a table, and how sure the pseudo-labels are."""
        width = max(map(len, self.emotions)) + 2
        rows = [["labelled \\ heard", *self.emotions]]
        rows += [[name, *map(str, row)] for name, row in zip(self.emotions, self.confusion(), strict=True)]
        lines = ["".join([row[0].ljust(18), *(cell.rjust(width) for cell in row[1:])]) for row in rows]
        good = judged(self.checked, self.targets)
        sure = np.mean([posterior.max() >= 0.8 for posterior in self.posteriors.values()])
        return "\n".join(
            [
                *lines,
                f"UAR {good['uar']:.2f}, calibration error {good['ece']:.3f} on labelled sentences new to it",
                f"{len(self.posteriors)} utterances labelled, {sure:.0%} of them with probability 0.8 or more",
            ]
        )

    def write(self, directory: Path, output: Path) -> None:
        """Writes `<output>/utt2emo`, human labels of `directory` as they are and the others soft, and `least_certain`.

        Raises:
            UserError: `output` is the directory of the human labels, which are never overwritten.
        """
        refuse_same(directory, output)
        write_text(output / "least_certain", "".join(f"{utt} {p:.3f}\n" for utt, p in self.least_certain()))
        write_table(output / "utt2emo", {**self.table(), **human_labels(directory, output)})

    def _soft(self, posterior: NDArray[np.float64]) -> str:
        order = [i for i in np.argsort(-posterior, kind="stable") if posterior[i] >= LEAST]
        kept = posterior[order] / posterior[order].sum()
        return ",".join(f"{self.emotions[i]}:{weight:.2f}" for i, weight in zip(order, kept, strict=True))


def refuse_same(directory: Path, output: Path) -> None:
    """Raises UserError where pseudo-labels would be written over human ones."""
    if output.resolve() == directory.resolve():
        raise UserError(f"--output {output} holds the human labels: give another directory")


def human_labels(directory: Path, output: Path) -> dict[str, str]:
    """Reads the labels in `directory`, and those given by hand in `output`."""
    by_hand = read_optional(output / BY_HAND)
    given = read_table(directory / "utt2emo")
    return {**{utt: label for utt, label in given.items() if label != UNLABELLED}, **by_hand}


def read_speech(directory: Path, output: Path) -> SpeechSet:
    """Reads a set and its human labels.

    Args:
        directory: wav.scp, text, utt2spk, utt2emo; in utt2emo a missing line, or `-`, is no label.
        output: Where labels given by hand may be.

    Raises:
        UserError: A table is missing, or nothing is unlabelled.
    """
    speech = read_speech_set(directory, "stage 1 or 2")
    by_hand = human_labels(directory, output)
    emotions = [own or by_hand.get(utt, "") for utt, own in zip(speech.utts, speech.emotions, strict=True)]
    if all(emotions):
        raise UserError(f"{directory / 'utt2emo'}: every utterance has a label; there is nothing to do")
    return replace(speech, emotions=emotions)


def label_by_probe(speech: SpeechSet, nj: int = 1) -> PseudoLabels:
    """Labels unlabelled utterances by a probe of functionals that learns from the labelled ones of the same speakers.

    Args:
        speech: The set, "" for no emotion.
        nj: Parallel processes.

    Raises:
        UserError: There are fewer than two emotions, or an emotion has fewer than two labelled sentences.
    """
    emotions, texts, speakers = (np.array(names) for names in (speech.emotions, speech.texts, speech.speakers))
    known = emotions != ""
    _check(speech, emotions, texts)
    analyzed = analyze_all([Recording(wav) for wav in speech.wavs], nj, "emotion of recordings", full=False)
    values = np.stack([one.functionals for one in analyzed])
    probe = functionals_probes(values[known], emotions[known], texts[known], speakers[known])
    posteriors = probe.posteriors(values[~known], speakers[~known])
    return PseudoLabels(
        probe.classes.tolist(),
        dict(zip(np.array(speech.utts)[~known].tolist(), posteriors, strict=True)),
        probe.own_folds,
        np.searchsorted(probe.classes, emotions[known]),
    )


def _check(speech: SpeechSet, emotions: NDArray[np.str_], texts: NDArray[np.str_]) -> None:
    where = speech.directory / "utt2emo"
    names = sorted(set(emotions) - {""})
    if len(names) < 2:
        raise UserError(f"{where}: needs labelled utterances of two emotions or more, has {', '.join(names) or 'none'}")
    for name in names:
        if len(set(texts[emotions == name])) < 2:
            raise UserError(f"{where}: {name} needs labelled utterances of two sentences or more, to be checked on one")
