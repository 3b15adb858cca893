"""Metrics of one system: a value per utterance, then a figure with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.evaluation.analysis import compare_all
from espnet_mtl.evaluation.judge import Judge
from espnet_mtl.evaluation.measures import statistics
from espnet_mtl.evaluation.measures.features import FRAME_S, Speech
from espnet_mtl.evaluation.measures.functionals import prosodic
from espnet_mtl.evaluation.measures.intervals import Interval, Statistic, interval
from espnet_mtl.evaluation.measures.versa import PREFIX
from espnet_mtl.evaluation.probes.crossfit import CrossFitted, recall_rows
from espnet_mtl.evaluation.probes.recognizer import phone_errors
from espnet_mtl.evaluation.probes.trained import Learned
from espnet_mtl.evaluation.speech_set import SpeechSet

Array = NDArray[np.float64]
SPECTRUM, PROSODY, EMOTION, SPEAKER, PHONES = "Spectrum", "Prosody", "Emotion", "Speaker", "Intelligibility"
REFERENCE = "Reference encoder"


@dataclass(frozen=True)
class Metric:
    """What a metric is, how it is summed up over utterances, and shown.

    Attributes:
        group: What it is about.
        title: Short name.
        meaning: One sentence.
        statistic: Sums utterances up.
        unit: Of the figure.
        digits: Shown after the point.
        best: "↑" where higher is better, "↓" where lower, else the figure to reach.
    """

    group: str
    title: str
    meaning: str
    statistic: Statistic = np.mean
    unit: str = ""
    digits: int = 2
    best: str = "↑"


_UAR, _ECE = statistics.unweighted_average_recall, statistics.expected_calibration_error
METRICS = {
    "mcd_db": Metric(
        SPECTRUM,
        "MCD",
        "Mel-cepstral distortion, c1 to c24 of the WORLD envelope, after time warping.",
        unit="dB",
        best="↓",
    ),
    "gv_ratio": Metric(
        SPECTRUM, "global variance", "Of mel-cepstra, relative to natural; below 1: over-smoothed.", best="1"
    ),
    "log_f0_rmse": Metric(
        PROSODY, "log-F0 RMSE", "Of ln F0 read from the audio where both are voiced; median.", np.median, "", 3, "↓"
    ),
    "log_f0_correlation": Metric(PROSODY, "log-F0 correlation", "Of the same contours."),
    "log_f0_sd_ratio": Metric(
        PROSODY, "log-F0 range", "Standard deviation of ln F0 relative to natural; below 1: flat.", np.median, best="1"
    ),
    "voicing_error": Metric(PROSODY, "V/UV error", "Share of frames voiced in one only.", digits=3, best="↓"),
    "energy_rmse_db": Metric(PROSODY, "energy RMSE", "Of the level of frames, mean removed.", unit="dB", best="↓"),
    "duration_error": Metric(PROSODY, "duration error", "Relative, of the whole utterance.", digits=3, best="↓"),
    "speaking_rate_error": Metric(
        PROSODY, "speaking-rate error", "Relative, of phones a second of speech without pauses.", digits=3, best="↓"
    ),
    "log_f0_rmse_predicted": Metric(
        PROSODY, "log-F0 RMSE predicted", "Of ln F0 per voiced token as predicted; median.", np.median, "", 3, "↓"
    ),
    "length_ratio": Metric(
        PROSODY,
        "predicted length",
        "Frames of all utterances as predicted, relative to natural; below 1: too fast.",
        statistics.ratio_of_sums,
        digits=3,
        best="1",
    ),
    "duration_rmse_frames": Metric(PROSODY, "token duration RMSE", "Of frames per token.", unit="frames", best="↓"),
    "emotion_accuracy": Metric(
        EMOTION, "accuracy", "Probe on functionals, pairs of speaker and emotion seen in training."
    ),
    "emotion_uar": Metric(EMOTION, "UAR", "The same, mean recall over emotions.", _UAR),
    "emotion_ece": Metric(
        EMOTION, "calibration error", "The same, its confidence against its accuracy.", _ECE, digits=3, best="↓"
    ),
    "emotion_accuracy_cnn": Metric(EMOTION, "accuracy CNN", "Convolutional probe on the spectrogram, the same pairs."),
    "emotion_uar_cnn": Metric(EMOTION, "UAR CNN", "The same, mean recall over emotions.", _UAR),
    "emotion_ece_cnn": Metric(
        EMOTION, "calibration error CNN", "The same, its confidence against its accuracy.", _ECE, digits=3, best="↓"
    ),
    "emotion_accuracy_prosody": Metric(
        EMOTION, "accuracy prosody", "Probe on the functionals of F0, energy and time alone, the same pairs."
    ),
    "transfer_emotion_accuracy": Metric(EMOTION, "transfer", "Probe on functionals, pairs never seen in training."),
    "transfer_emotion_accuracy_cnn": Metric(
        EMOTION, "transfer CNN", "Convolutional probe, pairs never seen in training."
    ),
    "speaker_accuracy": Metric(SPEAKER, "accuracy", "Probe on functionals, pairs seen in training."),
    "speaker_similarity": Metric(
        SPEAKER, "similarity", "Cosine of Resemblyzer embeddings with the speaker's own voice."
    ),
    "transfer_speaker_similarity": Metric(SPEAKER, "transfer similarity", "The same, pairs never seen in training."),
    "speaker_eer": Metric(
        SPEAKER,
        "equal-error rate",
        "Of the similarity to the own voice against those to the others.",
        statistics.equal_error_rate,
        digits=3,
        best="↓",
    ),
    "reference_emotion_accuracy": Metric(
        REFERENCE, "emotion", "Natural recordings whose emotion the model's reference encoder attends to most."
    ),
    "reference_speaker_accuracy": Metric(
        REFERENCE,
        "speaker",
        "Natural recordings whose speaker a linear probe tells from that attention: the timbre that a style carries.",
        best="↓",
    ),
    "phone_error_rate": Metric(
        PHONES,
        "phone error rate",
        "Of a CTC recognizer trained on natural speech.",
        statistics.ratio_of_sums,
        digits=3,
        best="↓",
    ),
}


def metric(name: str) -> Metric:
    """What a metric is; those that VERSA gives have the name it gives them."""
    return METRICS.get(name) or Metric("VERSA", name.removeprefix(PREFIX), "As VERSA defines it.", best="")


@dataclass(frozen=True)
class Scores:
    """What was measured on one system.

    Attributes:
        title: Name of the system.
        speech: Its recordings.
        analyses: Their features.
        values: Each metric per utterance, (N,) or (N, D), NaN where it does not apply.
        heard: Emotion that the probe on functionals names, per utterance; "" without a probe.
    """

    title: str
    speech: SpeechSet
    analyses: list[Speech]
    values: dict[str, Array]
    heard: NDArray[np.str_]

    @cached_property
    def figures(self) -> dict[str, Interval | None]:
        """Each metric over all utterances; None where it applies to none."""
        everything = np.ones(len(self.speech.utts), dtype=bool)
        return {name: self.figure(name, everything) for name in self.values}

    def figure(self, name: str, chosen: NDArray[np.bool_]) -> Interval | None:
        """Sums a metric up over chosen utterances (N,)."""
        return interval(self.values[name][chosen], np.array(self.speech.texts)[chosen], metric(name).statistic)

    def difference(self, name: str, baseline: Scores) -> Interval | None:
        """The metric minus that of a baseline, over the utterances that both have."""
        others, places = baseline.values[name], {utt: i for i, utt in enumerate(baseline.speech.utts)}
        lacking = np.full(others.shape[1:], np.nan)
        paired = np.array([others[places[utt]] if utt in places else lacking for utt in self.speech.utts])
        return interval(self.values[name], self.speech.texts, metric(name).statistic, paired)


def score(
    title: str, speech: SpeechSet, analyses: list[Speech], judge: Judge, extra: Mapping[str, Array] | None = None
) -> Scores:
    """Measures a system's speech against natural speech and by what the judge learned; `extra` metrics are added."""
    nothing = np.full(len(speech.utts), np.nan)
    values = {**_distances(title, speech, analyses, judge), **_token_errors(speech, judge)}
    heard = np.full(len(speech.utts), "")
    if (learned := judge.learned) and judge.train:
        pairs = set(judge.train.pairs)
        functionals = np.stack([one.functionals for one in analyses])
        seen = np.array([pair in pairs for pair in speech.pairs])
        values |= _speakers(speech, analyses, functionals, learned, seen)
        values["phone_error_rate"] = _phone_errors(speech, analyses, learned)
        if learned.hears_emotions:
            by_ear = learned.by_functionals.posteriors(functionals, speech.speakers)
            by_prosody = learned.by_prosody.posteriors(prosodic(functionals), speech.speakers)
            by_eye = learned.by_spectrogram.posteriors(learned.lowered(analyses, speech.speakers), speech.speakers)
            values |= _emotions(speech, learned.by_functionals, by_ear, seen, "")
            values |= _emotions(speech, learned.by_prosody, by_prosody, seen, "_prosody")
            values |= _emotions(speech, learned.by_spectrogram, by_eye, seen, "_cnn")
            heard = learned.by_functionals.classes[by_ear.argmax(1)]
    values = {**{name: values.get(name, nothing) for name in METRICS}, **(extra or {})}
    return Scores(title, speech, analyses, values, heard)


def _emotions(
    speech: SpeechSet, probe: CrossFitted, posteriors: Array, seen: NDArray[np.bool_], suffix: str
) -> dict[str, Array]:
    """What a probe says of the emotions, over pairs of speaker and emotion seen in training and over the others."""
    targets = np.array([list(probe.classes).index(name) if name in probe.classes else -1 for name in speech.emotions])
    correct, known = posteriors.argmax(1) == targets, targets >= 0
    confidence = np.stack([posteriors.max(1), correct], 1)
    return {
        f"emotion_accuracy{suffix}": np.where(seen & known, correct, np.nan),
        f"emotion_uar{suffix}": recall_rows(correct, np.where(seen, targets, -1), len(probe.classes)),
        f"emotion_ece{suffix}": np.where((seen & known)[:, None], confidence, np.nan),
        f"transfer_emotion_accuracy{suffix}": np.where(~seen & known, correct, np.nan),
    }


def _speakers(
    speech: SpeechSet, analyses: Sequence[Speech], functionals: NDArray, learned: Learned, seen: NDArray[np.bool_]
) -> dict[str, Array]:
    """Whose voice it is: by the probe, and by the similarity to the claimed speaker and to the others."""
    named = learned.by_voice.classes[learned.by_voice.posteriors(functionals, speech.speakers).argmax(1)]
    names = list(learned.voices)
    cosines = np.stack([one.embedding for one in analyses]) @ np.stack(list(learned.voices.values())).T
    rows = np.full((len(speech.utts), len(names)), np.nan)
    for row, cosine, name in zip(rows, cosines, speech.speakers, strict=True):
        if name in names:
            own = names.index(name)
            row[:] = [cosine[own], *np.delete(cosine, own)]
    return {
        "speaker_accuracy": np.where(seen, named == np.array(speech.speakers), np.nan),
        "speaker_similarity": np.where(seen, rows[:, 0], np.nan),
        "transfer_speaker_similarity": np.where(~seen, rows[:, 0], np.nan),
        "speaker_eer": rows,
    }


def _phone_errors(speech: SpeechSet, analyses: Sequence[Speech], learned: Learned) -> Array:
    """Phone errors and phones of the text, of each utterance."""
    texts = learned.phones(speech)
    heard = learned.recognizer.recognize([one.logmel for one in analyses])
    return np.array([[phone_errors(text, one), len(text)] for text, one in zip(texts, heard, strict=True)], float)


def _distances(title: str, speech: SpeechSet, analyses: list[Speech], judge: Judge) -> dict[str, Array]:
    """Distances to the natural recording of the same utterance."""
    natural = dict(zip(judge.test.utts, judge.natural, strict=True))
    common = [i for i, utt in enumerate(speech.utts) if utt in natural]
    pairs = [(natural[speech.utts[i]], analyses[i]) for i in common]
    measured = compare_all(pairs, judge.nj, f"distance of {title}")
    names = measured[0] if measured else ()
    values: dict[str, Array] = {name: np.full(len(speech.utts), np.nan) for name in names}
    for i, distances in zip(common, measured, strict=True):
        for name, value in distances.items():
            values[name][i] = value
    return values


def _token_errors(speech: SpeechSet, judge: Judge) -> dict[str, Array]:
    """What was predicted per token against natural speech; errors where both have the same tokens."""
    errors, lengths = np.full((2, len(speech.utts), 2), np.nan)
    if not judge.frame_s:
        return {}
    natural, predicted = judge.test.tokens(), speech.tokens()
    f0 = dict(zip(judge.test.utts, (one.f0 for one in judge.natural), strict=True))
    for i, utt in enumerate(speech.utts):
        if utt not in natural or utt not in predicted:
            continue
        (pitch, durations), (other_pitch, other_durations) = natural[utt], predicted[utt]
        lengths[i] = other_durations.sum(), durations.sum()
        if len(durations) != len(other_durations):
            continue
        voiced = voiced_tokens(f0[utt], durations, judge.frame_s)
        errors[i, 0] = _rmse((other_pitch - pitch)[voiced])
        errors[i, 1] = _rmse(other_durations - durations)
    return {
        "log_f0_rmse_predicted": errors[:, 0],
        "length_ratio": lengths,
        "duration_rmse_frames": errors[:, 1],
    }


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
