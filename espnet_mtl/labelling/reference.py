"""Pseudo-labels by the reference encoder of a trained model: its attention over the emotions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from espnet_mtl.errors import UserError, one_of
from espnet_mtl.evaluation.analysis import Recording
from espnet_mtl.evaluation.encoders import Encoders, read_encoders
from espnet_mtl.evaluation.probes.crossfit import softmax, temperature
from espnet_mtl.evaluation.speech_set import SpeechSet
from espnet_mtl.labelling.pseudo import PseudoLabels
from espnet_mtl.system.progress import progress


def label_by_model(speech: SpeechSet, exp: Path, check: SpeechSet) -> PseudoLabels:
    """Labels unlabelled utterances by the attention of a model's reference encoder over the emotions.

    Args:
        speech: The set, "" for no emotion; its audio should have gone through stage 2, as the model's own.
        exp: The model, e.g. `exp/train_fastspeech2`.
        check: Labelled utterances that the model did not learn from; they also set the temperature of the
            probabilities (Guo et al. 2017), one number.

    Raises:
        UserError: The model has no reference encoder, or `check` has no label, one that the model does not know, or an
            utterance of `speech`.
    """
    encoder = read_encoders(exp, "reference")
    labelled = check.where([emotion != "" for emotion in check.emotions])
    unlabelled = speech.where([emotion == "" for emotion in speech.emotions])
    _check(encoder.emotions, check, labelled, speech)
    logits = _logits(encoder, labelled.wavs, "labelled recordings")
    targets = np.array([encoder.emotions.index(emotion) for emotion in labelled.emotions])
    scale = temperature(logits, targets)
    posteriors = softmax(_logits(encoder, unlabelled.wavs, "emotion of recordings") / scale)
    return PseudoLabels(
        encoder.emotions,
        posteriors=dict(zip(unlabelled.utts, posteriors, strict=True)),
        checked=softmax(logits / scale),
        targets=targets,
    )


def _logits(encoder: Encoders, wavs: list[str], name: str) -> NDArray[np.float64]:
    """Returns the reference encoder's logits (N, K) of recordings."""
    return np.stack([_logits_of(encoder, wav) for wav in progress(wavs, name, len(wavs))])


def _logits_of(encoder: Encoders, wav: str) -> NDArray[np.float64]:
    samples, fs = Recording(wav).read()
    if fs != encoder.fs:
        samples = soxr.resample(samples, fs, encoder.fs)
    speech = torch.from_numpy(samples).float()[None]
    feats, _ = encoder.model.feats_extract(speech, torch.tensor([speech.size(1)]))
    return encoder.of_recording(feats[0]).attention()[0].double().numpy()


def _check(emotions: list[str], check: SpeechSet, labelled: SpeechSet, speech: SpeechSet) -> None:
    """Raises UserError where a model that knows `emotions` cannot be checked on the `labelled` part of `check`."""
    where = check.directory / "utt2emo"
    if not labelled.utts:
        raise UserError(f"{where}: no utterance has a label; --check needs labelled speech that the model has not seen")
    for utt, emotion in zip(labelled.utts, labelled.emotions, strict=True):
        if emotion not in emotions:
            raise one_of(f"emotion of {utt} in {where}", emotion, emotions)
    if shared := set(check.utts) & set(speech.utts):
        raise UserError(
            f"--check {check.directory}: {min(shared)} is in --data too; give a set that is not learned from"
        )
