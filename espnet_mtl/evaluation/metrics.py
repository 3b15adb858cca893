"""Metrics of one system: a value per utterance, then a figure with its interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.evaluation.analysis import compare_all
from espnet_mtl.evaluation.features import FRAME_S, Speech
from espnet_mtl.evaluation.intervals import Interval, interval
from espnet_mtl.evaluation.judge import Judge
from espnet_mtl.evaluation.speech_set import SpeechSet

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """How a metric is summed up over utterances, and shown."""

    title: str
    statistic: Callable[..., NDArray] = np.mean
    unit: str = ""
    digits: int = 2
    higher_is_better: bool = True


METRICS = {
    "mcd_db": Metric("MCD", unit="dB", higher_is_better=False),
    "log_f0_rmse": Metric("log F0", np.median, "RMSE", 3, higher_is_better=False),
    "log_f0_rmse_predicted": Metric("log F0 predicted", np.median, "RMSE", 3, higher_is_better=False),
    "duration_rmse_frames": Metric("duration", unit="frames", higher_is_better=False),
    "emotion_accuracy": Metric("emotion"),
    "emotion_accuracy_cnn": Metric("emotion CNN"),
    "speaker_accuracy": Metric("speaker"),
    "transfer_emotion_accuracy": Metric("transfer"),
    "transfer_emotion_accuracy_cnn": Metric("transfer CNN"),
}


@dataclass(frozen=True)
class Scores:
    """What was measured on one system.

    Attributes:
        title: Name of the system.
        speech: Its recordings.
        analyses: Their features.
        values: Each metric per utterance (N,), NaN where it does not apply.
        heard: Emotion that the probe on functionals names, per utterance.
    """

    title: str
    speech: SpeechSet
    analyses: list[Speech]
    values: dict[str, Array]
    heard: NDArray[np.str_]

    def figure(self, metric: str) -> Interval | None:
        """Sums a metric up over utterances; None where it applies to none."""
        return interval(self.values[metric], self.speech.texts, METRICS[metric].statistic)

    def difference(self, metric: str, baseline: Scores) -> Interval | None:
        """The metric minus that of a baseline, over the utterances that both have."""
        places = {utt: i for i, utt in enumerate(baseline.speech.utts)}
        others = np.array([baseline.values[metric][places[u]] if u in places else np.nan for u in self.speech.utts])
        return interval(self.values[metric], self.speech.texts, METRICS[metric].statistic, others)


def score(title: str, speech: SpeechSet, analyses: list[Speech], judge: Judge) -> Scores:
    """Measures a system's speech against natural speech and by the probes."""
    heard = judge.hear_emotions(analyses, speech.speakers)
    values = {**_distances(title, speech, analyses, judge), **_token_errors(speech, judge)}
    seen = np.array([pair in set(judge.train.pairs) for pair in speech.pairs])
    labelled = np.isin(speech.emotions, judge.emotions)
    for suffix, named in {"": heard, "_cnn": judge.see_emotions(analyses, speech.speakers)}.items():
        correct = named == np.array(speech.emotions)
        values[f"emotion_accuracy{suffix}"] = np.where(seen & labelled, correct, np.nan)
        values[f"transfer_emotion_accuracy{suffix}"] = np.where(~seen & labelled, correct, np.nan)
    correct = judge.hear_speakers(analyses) == np.array(speech.speakers)
    values["speaker_accuracy"] = np.where(seen, correct, np.nan)
    return Scores(title, speech, analyses, {name: values[name] for name in METRICS}, heard)


def _distances(title: str, speech: SpeechSet, analyses: list[Speech], judge: Judge) -> dict[str, Array]:
    """Distances to the natural recording of the same utterance."""
    natural = dict(zip(judge.test.utts, judge.natural, strict=True))
    common = [i for i, utt in enumerate(speech.utts) if utt in natural]
    distances = np.full((len(speech.utts), 2), np.nan)
    pairs = [(natural[speech.utts[i]], analyses[i]) for i in common]
    distances[common] = compare_all(pairs, judge.nj, f"distance of {title}")
    return {"mcd_db": distances[:, 0], "log_f0_rmse": distances[:, 1]}


def _token_errors(speech: SpeechSet, judge: Judge) -> dict[str, Array]:
    """Errors of what was predicted per token, for utterances with the tokens of the natural one."""
    errors = np.full((len(speech.utts), 2), np.nan)
    natural, predicted = judge.test.tokens(), speech.tokens()
    f0 = dict(zip(judge.test.utts, (one.f0 for one in judge.natural), strict=True))
    for i, utt in enumerate(speech.utts):
        if utt not in natural or utt not in predicted or len(natural[utt][1]) != len(predicted[utt][1]):
            continue
        (pitch, durations), (other_pitch, other_durations) = natural[utt], predicted[utt]
        errors[i, 0] = _rmse((other_pitch - pitch)[voiced_tokens(f0[utt], durations, judge.frame_s)])
        errors[i, 1] = _rmse(other_durations - durations)
    return {"log_f0_rmse_predicted": errors[:, 0], "duration_rmse_frames": errors[:, 1]}


def voiced_tokens(f0: NDArray[np.floating], durations: Array, frame_s: float) -> NDArray[np.bool_]:
    """Tells which tokens (N,) are voiced for half of their time or more.

    Args:
        f0: Fundamental frequency in Hz every 5 ms, 0 where unvoiced.
        durations: Frames of each token (N,).
        frame_s: Seconds of such a frame.
    """
    borders = np.minimum(np.round(np.append(0, durations.cumsum()) * frame_s / FRAME_S).astype(int), len(f0))
    return np.array([end > start and (f0[start:end] > 0).mean() >= 0.5 for start, end in pairwise(borders)])


def _rmse(errors: Array) -> float:
    return float(np.sqrt(np.mean(errors**2))) if len(errors) else float("nan")
