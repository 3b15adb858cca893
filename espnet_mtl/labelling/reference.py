"""Pseudo-labels by the reference encoder of a trained model: its attention over the emotions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from espnet_mtl.errors import UserError, one_of
from espnet_mtl.evaluation.analysis import Recording
from espnet_mtl.evaluation.probes.crossfit import softmax, temperature
from espnet_mtl.evaluation.speech_set import SpeechSet
from espnet_mtl.evaluation.style_map import ReferenceListener
from espnet_mtl.labelling.pseudo import PseudoLabels
from espnet_mtl.system.progress import progress


def label_by_model(speech: SpeechSet, exp: Path, check: SpeechSet) -> PseudoLabels:
    """Labels unlabelled utterances by what a model's reference encoder hears.

    Args:
        speech: The set, "" for no emotion; its audio should have gone through stage 2, as the model's own.
        exp: The model, e.g. `exp/train_fastspeech2`.
        check: Labelled utterances that the model did not learn from; they also set the temperature of the
            probabilities (Guo et al. 2017), one number.

    Raises:
        UserError: The model has no reference encoder, or `check` has no label, one that the model does not know, or an
            utterance of `speech`.
    """
    listener = ReferenceListener(exp)
    chosen = [i for i, emotion in enumerate(check.emotions) if emotion]
    _check(listener.emotions, check, chosen, speech)
    logits = _logits(listener, [check.wavs[i] for i in chosen], "labelled recordings")
    targets = np.array([listener.emotions.index(check.emotions[i]) for i in chosen])
    scale = temperature(logits, targets)
    unknown = [i for i, emotion in enumerate(speech.emotions) if not emotion]
    posteriors = softmax(_logits(listener, [speech.wavs[i] for i in unknown], "emotion of recordings") / scale)
    labelled = dict(zip([speech.utts[i] for i in unknown], posteriors, strict=True))
    return PseudoLabels(listener.emotions, labelled, softmax(logits / scale), targets)


def _logits(listener: ReferenceListener, wavs: list[str], name: str) -> NDArray[np.float64]:
    """Returns the reference encoder's logits (N, K) of recordings."""
    return np.stack([_logits_of(listener, wav) for wav in progress(wavs, name, len(wavs))])


def _logits_of(listener: ReferenceListener, wav: str) -> NDArray[np.float64]:
    samples, fs = Recording(wav).read()
    samples = samples if fs == listener.fs else soxr.resample(samples, fs, listener.fs)
    speech = torch.from_numpy(samples).float()[None]
    feats, _ = listener.model.feats_extract(speech, torch.tensor([speech.size(1)]))
    return listener.listen(feats[0]).attention()[0].double().numpy()


def _check(emotions: list[str], check: SpeechSet, chosen: list[int], speech: SpeechSet) -> None:
    where = check.directory / "utt2emo"
    if not chosen:
        raise UserError(f"{where}: no utterance has a label; --check needs labelled speech that the model has not seen")
    for i in chosen:
        if check.emotions[i] not in emotions:
            raise one_of(f"emotion of {check.utts[i]} in {where}", check.emotions[i], emotions)
    if shared := set(check.utts) & set(speech.utts):
        raise UserError(
            f"--check {check.directory}: {min(shared)} is in --data too; give a set that is not learned from"
        )
