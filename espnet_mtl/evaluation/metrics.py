"""The metrics: what each is, how it is summed up over utterances, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from espnet_mtl.evaluation.measures import statistics
from espnet_mtl.evaluation.measures.intervals import Statistic
from espnet_mtl.evaluation.measures.versa import PREFIX


class MetricGroup(StrEnum):
    """What a metric is about, as the tables show it."""

    SPECTRUM = "Spectrum"
    OPINION = "Opinion"
    PROSODY = "Prosody"
    EMOTION = "Emotion"
    SPEAKER = "Speaker"
    REFERENCE = "Reference encoder"
    VISUAL = "Visual encoder"
    INTELLIGIBILITY = "Intelligibility"
    VERSA = "VERSA"


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

    group: MetricGroup
    title: str
    meaning: str
    statistic: Statistic = np.mean
    unit: str = ""
    digits: int = 2
    best: str = "↑"


NATURAL_PROBE = "_natural"
"""Ends the name of a figure of a probe, or recognizer, that learned natural speech alone: where vocoders differ, that
is the one to look at."""

MEASURED = {
    "mcd_db": Metric(
        MetricGroup.SPECTRUM,
        "MCD",
        "Mel-cepstral distortion, c1 to c24 of the WORLD envelope, after time warping.",
        unit="dB",
        best="↓",
    ),
    "gv_ratio": Metric(
        MetricGroup.SPECTRUM,
        "global variance",
        "Of mel-cepstra, relative to natural; below 1: over-smoothed.",
        best="1",
    ),
    "distillmos": Metric(
        MetricGroup.OPINION,
        "DistillMOS",
        "Mean opinion of quality (1 to 5) as predicted by DistillMOS.",
    ),
    "dnsmos_overall": Metric(
        MetricGroup.OPINION,
        "DNSMOS overall",
        "Mean opinion of overall quality (1 to 5) as predicted by DNSMOS P.835.",
    ),
    "dnsmos_signal": Metric(
        MetricGroup.OPINION,
        "DNSMOS signal",
        "The same, of the speech itself.",
    ),
    "dnsmos_background": Metric(
        MetricGroup.OPINION,
        "DNSMOS background",
        "The same, of what is behind the speech: high where nothing disturbs.",
    ),
    "log_f0_rmse": Metric(
        MetricGroup.PROSODY,
        "log-F0 RMSE",
        "Of ln F0 read from the audio where both are voiced; median.",
        statistic=np.median,
        digits=3,
        best="↓",
    ),
    "log_f0_correlation": Metric(
        MetricGroup.PROSODY,
        "log-F0 correlation",
        "Of the same contours.",
    ),
    "log_f0_sd_ratio": Metric(
        MetricGroup.PROSODY,
        "log-F0 range",
        "Standard deviation of ln F0 relative to natural; below 1: flat.",
        statistic=np.median,
        best="1",
    ),
    "voicing_error": Metric(
        MetricGroup.PROSODY,
        "V/UV error",
        "Share of frames voiced in one only.",
        digits=3,
        best="↓",
    ),
    "energy_rmse_db": Metric(
        MetricGroup.PROSODY,
        "energy RMSE",
        "Of the level of frames, mean removed.",
        unit="dB",
        best="↓",
    ),
    "duration_error": Metric(
        MetricGroup.PROSODY,
        "duration error",
        "Relative, of the whole utterance.",
        digits=3,
        best="↓",
    ),
    "speaking_rate_error": Metric(
        MetricGroup.PROSODY,
        "speaking-rate error",
        "Relative, of phones a second of speech without pauses.",
        digits=3,
        best="↓",
    ),
    "log_f0_rmse_predicted": Metric(
        MetricGroup.PROSODY,
        "log-F0 RMSE predicted",
        "Of ln F0 per voiced token as predicted; median.",
        statistic=np.median,
        digits=3,
        best="↓",
    ),
    "length_ratio": Metric(
        MetricGroup.PROSODY,
        "predicted length",
        "Frames of all utterances as predicted, relative to natural; below 1: too fast.",
        statistic=statistics.ratio_of_sums,
        digits=3,
        best="1",
    ),
    "duration_rmse_frames": Metric(
        MetricGroup.PROSODY,
        "token duration RMSE",
        "Of frames per token.",
        unit="frames",
        best="↓",
    ),
    "emotion_accuracy": Metric(
        MetricGroup.EMOTION,
        "accuracy",
        "Probe on functionals, pairs of speaker and emotion seen in training.",
    ),
    "emotion_uar": Metric(
        MetricGroup.EMOTION,
        "UAR",
        "The same, mean recall over emotions.",
        statistic=statistics.unweighted_average_recall,
    ),
    "emotion_ece": Metric(
        MetricGroup.EMOTION,
        "calibration error",
        "The same, its confidence against its accuracy.",
        statistic=statistics.expected_calibration_error,
        digits=3,
        best="↓",
    ),
    "emotion_accuracy_cnn": Metric(
        MetricGroup.EMOTION,
        "accuracy CNN",
        "Convolutional probe on the spectrogram, the same pairs.",
    ),
    "emotion_uar_cnn": Metric(
        MetricGroup.EMOTION,
        "UAR CNN",
        "The same, mean recall over emotions.",
        statistic=statistics.unweighted_average_recall,
    ),
    "emotion_ece_cnn": Metric(
        MetricGroup.EMOTION,
        "calibration error CNN",
        "The same, its confidence against its accuracy.",
        statistic=statistics.expected_calibration_error,
        digits=3,
        best="↓",
    ),
    "emotion_accuracy_prosody": Metric(
        MetricGroup.EMOTION,
        "accuracy prosody",
        "Probe on the functionals of F0, energy and time alone, the same pairs.",
    ),
    "transfer_emotion_accuracy": Metric(
        MetricGroup.EMOTION,
        "transfer",
        "Probe on functionals, pairs never seen in training.",
    ),
    "transfer_emotion_accuracy_cnn": Metric(
        MetricGroup.EMOTION,
        "transfer CNN",
        "Convolutional probe, pairs never seen in training.",
    ),
    "speaker_accuracy": Metric(
        MetricGroup.SPEAKER,
        "accuracy",
        "Probe on functionals, pairs seen in training.",
    ),
    "speaker_similarity": Metric(
        MetricGroup.SPEAKER,
        "similarity",
        "Cosine of Resemblyzer embeddings with the speaker's own voice.",
    ),
    "transfer_speaker_similarity": Metric(
        MetricGroup.SPEAKER,
        "transfer similarity",
        "The same, pairs never seen in training.",
    ),
    "speaker_eer": Metric(
        MetricGroup.SPEAKER,
        "equal-error rate",
        "Of the similarity to the own voice against those to the others.",
        statistic=statistics.equal_error_rate,
        digits=3,
        best="↓",
    ),
    "reference_emotion_accuracy": Metric(
        MetricGroup.REFERENCE,
        "emotion",
        "Natural recordings whose emotion the model's reference encoder attends to most.",
    ),
    "reference_speaker_accuracy": Metric(
        MetricGroup.REFERENCE,
        "speaker",
        "Natural recordings whose speaker a linear probe tells from that attention: the timbre that a style carries.",
        best="↓",
    ),
    "visual_emotion_accuracy": Metric(
        MetricGroup.VISUAL,
        "emotion",
        "Faces of natural recordings whose emotion the model's visual encoder attends to most.",
    ),
    "visual_speaker_accuracy": Metric(
        MetricGroup.VISUAL,
        "speaker",
        "The same faces whose speaker a linear probe tells from that attention: whose face it is, carried by a style.",
        best="↓",
    ),
    "face_to_voice_recall_1": Metric(
        MetricGroup.VISUAL,
        "face to voice, recall@1",
        "Faces whose own recording is the nearest of all test recordings that have a face.",
        digits=3,
    ),
    "face_to_voice_recall_5": Metric(
        MetricGroup.VISUAL,
        "face to voice, recall@5",
        "The same, among the nearest five.",
        digits=3,
    ),
    "face_to_voice_rank": Metric(
        MetricGroup.VISUAL,
        "face to voice, rank",
        "Place of the own recording, median.",
        statistic=np.median,
        digits=1,
        best="↓",
    ),
    "voice_to_face_recall_1": Metric(
        MetricGroup.VISUAL,
        "voice to face, recall@1",
        "Recordings whose own face is the nearest of all.",
        digits=3,
    ),
    "voice_to_face_recall_5": Metric(
        MetricGroup.VISUAL,
        "voice to face, recall@5",
        "The same, among the nearest five.",
        digits=3,
    ),
    "voice_to_face_rank": Metric(
        MetricGroup.VISUAL,
        "voice to face, rank",
        "Place of the own face, median.",
        statistic=np.median,
        digits=1,
        best="↓",
    ),
    "phone_error_rate": Metric(
        MetricGroup.INTELLIGIBILITY,
        "phone error rate",
        "Of a CTC recognizer trained on natural speech.",
        statistic=statistics.ratio_of_sums,
        digits=3,
        best="↓",
    ),
    "word_error_rate": Metric(
        MetricGroup.INTELLIGIBILITY,
        "word error rate",
        "Of the Whisper model that the user named.",
        statistic=statistics.ratio_of_sums,
        digits=3,
        best="↓",
    ),
}

BY_NATURAL_PROBES = (
    *("emotion_accuracy", "emotion_accuracy_cnn", "emotion_accuracy_prosody"),
    *("transfer_emotion_accuracy", "transfer_emotion_accuracy_cnn", "speaker_accuracy", "phone_error_rate"),
)
"""What is there a second time, by what learned natural speech alone."""


def _with_natural_probes() -> dict[str, Metric]:
    """All metrics, with those of `BY_NATURAL_PROBES` behind the group that they belong to."""
    metrics: dict[str, Metric] = {}
    for group in MetricGroup:
        own = {name: one for name, one in MEASURED.items() if one.group == group}
        metrics |= own
        for name in BY_NATURAL_PROBES:
            if name in own:
                title, meaning = f"{own[name].title}, natural probe", f"{own[name].meaning} {NATURAL_MEANING}"
                metrics[name + NATURAL_PROBE] = replace(own[name], title=title, meaning=meaning)
    return metrics


NATURAL_MEANING = "It learned natural speech only, nothing through a vocoder: to look at where vocoders differ."
METRICS = _with_natural_probes()
"""By name in metrics.json, those of every evaluation."""


def metric(name: str) -> Metric:
    """What a metric of this name in metrics.json is; one that VERSA gives has the title that VERSA gives it."""
    if name in METRICS:
        return METRICS[name]
    return Metric(MetricGroup.VERSA, name.removeprefix(PREFIX), "As VERSA defines it.", best="")
