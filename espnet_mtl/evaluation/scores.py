"""What is measured on one system: a value of each metric per utterance, then a figure with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.evaluation.analysis import compare_all
from espnet_mtl.evaluation.judge import Judge
from espnet_mtl.evaluation.measures.features import AcousticFeatures
from espnet_mtl.evaluation.measures.functionals import prosodic
from espnet_mtl.evaluation.measures.intervals import Interval, interval
from espnet_mtl.evaluation.measures.opinion import PREDICTED
from espnet_mtl.evaluation.measures.prosody import root_mean_square, voiced_tokens
from espnet_mtl.evaluation.metrics import METRICS, NATURAL_PROBE, metric
from espnet_mtl.evaluation.probes.crossfit import CrossFitted, recall_rows
from espnet_mtl.evaluation.probes.recognizer import phone_errors
from espnet_mtl.evaluation.probes.trained import TrainedProbes
from espnet_mtl.evaluation.speech_set import SpeechSet

MetricValues = dict[str, NDArray[np.float64]]
"""By metric, its value per utterance (N,), or what it is computed from (N, D); NaN where it does not apply."""


@dataclass(frozen=True)
class Scores:
    """What was measured on one system.

    Attributes:
        title: Name of the system.
        speech: Its recordings.
        features: Their features; none where only the scores were kept.
        values: Each metric per utterance, (N,) or (N, D), NaN where it does not apply.
        named_emotions: Emotion that the probe on functionals names, per utterance; "" without a probe.
    """

    title: str
    speech: SpeechSet
    features: list[AcousticFeatures]
    values: MetricValues
    named_emotions: NDArray[np.str_]

    @cached_property
    def figures(self) -> dict[str, Interval | None]:
        """Each metric over all utterances; None where it applies to none."""
        everything = np.ones(len(self.speech.utts), dtype=bool)
        return {name: self.figure(name, everything) for name in self.values}

    def figure(self, name: str, chosen: NDArray[np.bool_]) -> Interval | None:
        """Sums a metric up over chosen utterances (N,)."""
        sentences = np.array(self.speech.texts)[chosen]
        return interval(self.values[name][chosen], sentences, metric(name).statistic)

    def difference(self, name: str, baseline: Scores) -> Interval | None:
        """The metric minus that of a baseline, over the utterances that both have."""
        values = baseline.values[name]
        lacking = np.full(values.shape[1:], np.nan)
        by_utterance = dict(zip(baseline.speech.utts, values, strict=True))
        paired = np.array([by_utterance.get(utt, lacking) for utt in self.speech.utts])
        return interval(self.values[name], self.speech.texts, metric(name).statistic, paired)


def score(
    title: str,
    speech: SpeechSet,
    features: list[AcousticFeatures],
    judge: Judge,
    extra: Mapping[str, NDArray[np.float64]] | None = None,
) -> Scores:
    """Measures a system's speech against natural speech, and by the judge's probes.

    Args:
        title: Name of the system.
        speech: Its recordings.
        features: Their features, analyzed in full.
        judge: What it is judged by.
        extra: More metrics per utterance, which were measured elsewhere.
    """
    values = {**_distances(title, speech, features, judge), **_token_errors(speech, judge), **_opinions(features)}
    named_emotions = np.full(len(speech.utts), "")
    if judge.probes and judge.train:
        trained_pairs = set(judge.train.pairs)
        seen = np.array([pair in trained_pairs for pair in speech.pairs])
        judged, named_emotions = _by_probes(speech, features, judge.probes, seen)
        natural, _ = _by_probes(speech, features, judge.probes.natural, seen)
        values |= judged
        values |= {name + NATURAL_PROBE: column for name, column in natural.items()}
        values |= _similarities(speech, features, judge.probes.voices, seen)
    # In the order of METRICS, whatever was measured; some probes measure more than is shown.
    nothing = np.full(len(speech.utts), np.nan)
    values = {name: values.get(name, nothing) for name in METRICS}
    return Scores(title, speech, features, {**values, **(extra or {})}, named_emotions)


def _opinions(features: Sequence[AcousticFeatures]) -> MetricValues:
    """Predicted mean opinion scores, by name."""
    columns = np.stack([one.opinion for one in features]).T
    return dict(zip(PREDICTED, columns.astype(np.float64), strict=True))


def _by_probes(
    speech: SpeechSet, features: Sequence[AcousticFeatures], probes: TrainedProbes, seen: NDArray[np.bool_]
) -> tuple[MetricValues, NDArray[np.str_]]:
    """What probes and recognizer say, and the emotions that the probe on functionals names (N,); "" without one.

    Args:
        speech: The recordings.
        features: Their features.
        probes: Probes and recognizer.
        seen: Which recordings are of a speaker and an emotion that were recorded together in training (N,).
    """
    values: MetricValues = {"phone_error_rate": _phone_errors(speech, features, probes)}
    named_emotions = np.full(len(speech.utts), "")
    if probes.has_speakers:
        posteriors = probes.speaker.posteriors(_functionals(features), speech.speakers)
        named = probes.speaker.classes[posteriors.argmax(1)]
        values["speaker_accuracy"] = np.where(seen, named == np.array(speech.speakers), np.nan)
    if probes.has_emotions:
        emotion_values, named_emotions = _emotions(speech, features, probes, seen)
        values |= emotion_values
    return values, named_emotions


def _emotions(
    speech: SpeechSet, features: Sequence[AcousticFeatures], probes: TrainedProbes, seen: NDArray[np.bool_]
) -> tuple[MetricValues, NDArray[np.str_]]:
    """What the three probes say of the emotions, and the emotions that the one on functionals names (N,)."""
    functionals = _functionals(features)
    spectrograms = probes.lowered(features, speech.speakers)
    by_functionals = probes.functionals.posteriors(functionals, speech.speakers)
    by_prosody = probes.prosody.posteriors(prosodic(functionals), speech.speakers)
    by_spectrogram = probes.spectrogram.posteriors(spectrograms, speech.speakers)
    values = {
        **_emotion_values(speech, probes.functionals, by_functionals, seen, ""),
        **_emotion_values(speech, probes.prosody, by_prosody, seen, "_prosody"),
        **_emotion_values(speech, probes.spectrogram, by_spectrogram, seen, "_cnn"),
    }
    return values, probes.functionals.classes[by_functionals.argmax(1)]


def _emotion_values(
    speech: SpeechSet, probe: CrossFitted, posteriors: NDArray[np.float64], seen: NDArray[np.bool_], suffix: str
) -> MetricValues:
    """Compares what one probe says (N, K) with the intended emotions; `suffix` ends the names of the metrics."""
    numbers = {name: number for number, name in enumerate(probe.classes)}
    targets = np.array([numbers.get(name, -1) for name in speech.emotions])
    correct = posteriors.argmax(1) == targets
    known = targets >= 0
    confidence = np.stack([posteriors.max(1), correct], 1)
    return {
        f"emotion_accuracy{suffix}": np.where(seen & known, correct, np.nan),
        f"emotion_uar{suffix}": recall_rows(correct, np.where(seen, targets, -1), len(probe.classes)),
        f"emotion_ece{suffix}": np.where((seen & known)[:, None], confidence, np.nan),
        f"transfer_emotion_accuracy{suffix}": np.where(~seen & known, correct, np.nan),
    }


def _similarities(
    speech: SpeechSet,
    features: Sequence[AcousticFeatures],
    voices: Mapping[str, NDArray[np.float32]],
    seen: NDArray[np.bool_],
) -> MetricValues:
    """How similar the voices are to that of the claimed speaker, and to those of the others."""
    cosines = _cosines(speech, features, voices)
    own = cosines[:, 0]
    return {
        "speaker_similarity": np.where(seen, own, np.nan),
        "transfer_speaker_similarity": np.where(~seen, own, np.nan),
        "speaker_eer": cosines,
    }


def _cosines(
    speech: SpeechSet, features: Sequence[AcousticFeatures], voices: Mapping[str, NDArray[np.float32]]
) -> NDArray[np.float64]:
    """Cosine with the claimed speaker's voice, then with each other voice (N, S); NaN for a speaker without a voice."""
    names = list(voices)
    embeddings = np.stack([one.embedding for one in features])
    cosines = embeddings @ np.stack(list(voices.values())).T
    rows = np.full(cosines.shape, np.nan)
    for row, cosine, name in zip(rows, cosines, speech.speakers, strict=True):
        if name in voices:
            own = names.index(name)
            row[0] = cosine[own]
            row[1:] = np.delete(cosine, own)
    return rows


def _phone_errors(
    speech: SpeechSet, features: Sequence[AcousticFeatures], probes: TrainedProbes
) -> NDArray[np.float64]:
    """Phone errors and phones of the text, of each utterance (N, 2)."""
    texts = probes.phones(speech)
    recognized = probes.recognizer.recognize([one.logmel for one in features])
    rows = [(phone_errors(text, phones), len(text)) for text, phones in zip(texts, recognized, strict=True)]
    return np.array(rows, float)


def _distances(title: str, speech: SpeechSet, features: list[AcousticFeatures], judge: Judge) -> MetricValues:
    """Distances to the natural recording of the same utterance."""
    natural = dict(zip(judge.test.utts, judge.natural, strict=True))
    common = [i for i, utt in enumerate(speech.utts) if utt in natural]
    pairs = [(natural[speech.utts[i]], features[i]) for i in common]
    measured = compare_all(pairs, judge.nj, f"distance of {title}")
    values: MetricValues = {}
    for i, distances in zip(common, measured, strict=True):
        for name, value in distances.items():
            values.setdefault(name, np.full(len(speech.utts), np.nan))[i] = value
    return values


def _token_errors(speech: SpeechSet, judge: Judge) -> MetricValues:
    """What was predicted per token against natural speech; errors where both have the same number of tokens."""
    if not judge.frame_s:
        return {}
    log_f0_errors = np.full(len(speech.utts), np.nan)
    duration_errors = np.full(len(speech.utts), np.nan)
    lengths = np.full((len(speech.utts), 2), np.nan)
    natural_tokens, predicted_tokens = judge.test.tokens(), speech.tokens()
    natural_features = dict(zip(judge.test.utts, judge.natural, strict=True))
    for i, utt in enumerate(speech.utts):
        if utt not in natural_tokens or utt not in predicted_tokens:
            continue
        log_f0, durations = natural_tokens[utt]
        predicted_log_f0, predicted_durations = predicted_tokens[utt]
        lengths[i] = predicted_durations.sum(), durations.sum()
        if len(durations) != len(predicted_durations):
            continue
        voiced = voiced_tokens(natural_features[utt].f0, durations, judge.frame_s)
        log_f0_errors[i] = root_mean_square((predicted_log_f0 - log_f0)[voiced])
        duration_errors[i] = root_mean_square(predicted_durations - durations)
    return {
        "log_f0_rmse_predicted": log_f0_errors,
        "length_ratio": lengths,
        "duration_rmse_frames": duration_errors,
    }


def _functionals(features: Sequence[AcousticFeatures]) -> NDArray[np.float32]:
    """Functionals of recordings (N, D)."""
    return np.stack([one.functionals for one in features])
