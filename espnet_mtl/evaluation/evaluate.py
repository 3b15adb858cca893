"""Speech of one or several systems, judged beside natural speech; figures as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from espnet_mtl.config.decode import DECODE_OPTIONS
from espnet_mtl.config.load import read_yaml
from espnet_mtl.config.schema import VOCODER_WEIGHTS
from espnet_mtl.data.dump import DURATIONS_NOTE
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.analysis import Recording, analyze_all
from espnet_mtl.evaluation.encoder_metrics import encoder_metrics
from espnet_mtl.evaluation.judge import Judge, read_judge
from espnet_mtl.evaluation.measures.versa import check_versa, score_by_versa
from espnet_mtl.evaluation.metrics import NATURAL_PROBE
from espnet_mtl.evaluation.result import Evaluation, write_metrics
from espnet_mtl.evaluation.scores import MetricValues, Scores, score
from espnet_mtl.evaluation.speech_set import SpeechSet, read_speech_set
from espnet_mtl.inference.sets.spoken import check_dump, check_spoken
from espnet_mtl.registry import BACKBONES
from espnet_mtl.system.files import locked, require
from espnet_mtl.vocoder.choice import vocoder_arguments

NATURAL, VOCODED = "natural", "natural vocoded"
REFERENCES = (NATURAL, VOCODED)
"""Titles of the references."""
WORD_ERRORS = "word_error_rate"


def evaluate(
    judge: Judge,
    speech: Mapping[str, SpeechSet],
    baseline: str | None = None,
    versa: Path | None = None,
    exps: Mapping[str, Path] | None = None,
) -> Evaluation:
    """Judges systems.

    Args:
        judge: What they are judged by.
        speech: Recordings of each system by its title.
        baseline: Title of the system that the others are compared with.
        versa: VERSA's score_config, for more metrics of natural speech and the systems.
        exps: exp/<tag> of systems that were trained here, for metrics of their encoders.

    Raises:
        UserError: VERSA is wanted and is not there.
    """
    for title in speech:
        if title in REFERENCES:
            raise UserError(f"a system is called {title!r}, as speech that it is judged by: give it another name")
    if versa:
        check_versa(versa)
    extra = {WORD_ERRORS: judge.natural_words, **_by_versa(versa, judge.test, judge)}
    references = [score(NATURAL, judge.test, judge.natural, judge, extra)]
    if judge.vocoder:
        extra = {WORD_ERRORS: judge.natural_vocoded_words}
        references.append(score(VOCODED, judge.test, judge.natural_vocoded, judge, extra))
    exps = exps or {}
    systems = [score_system(title, one, judge, versa, exps.get(title)) for title, one in speech.items()]
    chosen = next((one for one in systems if one.title == baseline), None)
    return Evaluation(references, systems, chosen, _held_out(judge))


def _held_out(judge: Judge) -> dict[str, Mapping[str, float]]:
    """How well the probes of emotion judge the folds that they were not trained on; nothing without such probes."""
    figures: dict[str, Mapping[str, float]] = {}
    if judge.probes is None:
        return figures
    for suffix, probes in {"": judge.probes, NATURAL_PROBE: judge.probes.natural}.items():
        if probes.has_emotions:
            figures[f"emotion{suffix}"] = probes.functionals.held_out
            figures[f"emotion_cnn{suffix}"] = probes.spectrogram.held_out
            figures[f"emotion_prosody{suffix}"] = probes.prosody.held_out
    return figures


def evaluate_experiments(
    exps: Sequence[Path],
    dump: Path,
    inference_config: Path,
    baseline: Path | None = None,
    nj: int = 1,
    versa: Path | None = None,
    part: str = "test",
    whisper: Path | None = None,
) -> Evaluation:
    """Judges the decoded test speech of experiments.

    Args:
        exps: exp/<tag> (stages 5 and 6); the vocoder is that of the first.
        dump: dump/raw (stages 2 and 3).
        inference_config: The decoding configuration; its name names the directory in `exp`.
        baseline: The experiment that the others are compared with; it may be one of them.
        nj: Parallel processes.
        versa: VERSA's score_config.
        part: The set that was decoded.
        whisper: Directory of a Whisper model, for the word error rate.

    Raises:
        UserError: Something that an earlier stage makes is missing, or two experiments have one name.
    """
    paths = list(exps)
    if baseline and baseline not in exps:
        paths.insert(0, baseline)
    by_name = {path.name: path for path in paths}
    if len(by_name) < len(paths):
        raise UserError(f"experiments must have different names: {', '.join(map(str, paths))}")
    settings, language = decoding_settings(exps[0], inference_config, part)
    cut_off = {}
    for name, path in by_name.items():
        check_dump(path, read_yaml(path / "config.yaml"), dump, part)
        if progress := check_spoken(path, decoded_directory(path, inference_config, part)):
            cut_off[name] = progress
    speech = {name: read_decoded(decoded_directory(path, inference_config, part)) for name, path in by_name.items()}
    pitch = pitch_settings(read_yaml(exps[0] / "config.yaml"))
    judge = read_judge(dump, settings, language, nj, part, pitch, whisper)
    evaluation = evaluate(judge, speech, baseline.name if baseline else None, versa, by_name)
    note = dump / DURATIONS_NOTE
    durations = json.loads(note.read_text(encoding="utf-8")) if note.is_file() else None
    return replace(evaluation, durations=durations, cut_off=cut_off)


def write_experiments(evaluation: Evaluation) -> None:
    """Writes the metrics.json of each experiment beside its speech: the baseline's is about it alone."""
    for system in evaluation.systems:
        own = evaluation.alone(system) if system is evaluation.baseline else evaluation
        with locked(system.speech.directory):
            write_metrics(system.speech.directory / "metrics.json", own)


def decoded_directory(exp: Path, inference_config: Path, part: str = "test") -> Path:
    """Where stage 6 puts the test set, or another part, of an experiment."""
    return exp / inference_config.stem / part


def read_decoded(directory: Path) -> SpeechSet:
    """Reads the speech of stage 6, of which durations must be there as well.

    Raises:
        UserError: Something is missing.
    """
    speech = read_speech_set(directory, "stage 6")
    require([directory / "durations"], "stage 6")
    return speech


def decoding_settings(exp: Path, inference_config: Path, part: str = "test") -> tuple[dict[str, Any], str]:
    """Vocoder settings (see `vocoder_settings`) and language of an experiment.

    Raises:
        UserError: The experiment has no configuration, or it does not say how spectrograms were made.
    """
    require([exp / "config.yaml"], "stage 5")
    config = read_yaml(exp / "config.yaml")
    # What stage 6 was really called with, beside its speech, counts more than what the configuration says now.
    used = decoded_directory(exp, inference_config, part) / DECODE_OPTIONS
    inference = read_yaml(used if used.is_file() else inference_config)
    if not config.get("feats_extract_conf"):
        raise UserError(f"{exp / 'config.yaml'}: no feats_extract_conf, which says how spectrograms were made")
    return vocoder_settings(config, inference), config.get("language") or "en-us"


def vocoder_settings(config: Mapping[str, Any], inference: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `build_vocoder` for the vocoder that stage 6 used, from training and decoding configurations.

    Of a model that makes waveforms itself there are the `features` alone.
    """
    features = {"features": config["feats_extract_conf"]}
    if BACKBONES.spec(config.get("tts", "fastspeech2")).end_to_end:
        return features
    return {**features, **vocoder_arguments(inference, config.get(VOCODER_WEIGHTS))}


def pitch_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """How stage 3 found F0, and in which frames, from the training configuration."""
    signal = {key: config["feats_extract_conf"][key] for key in ("fs", "n_fft", "hop_length")}
    return {**(config.get("pitch_extract_conf") or {}), **signal}


def score_system(
    title: str, speech: SpeechSet, judge: Judge, versa: Path | None = None, exp: Path | None = None
) -> Scores:
    """Analyzes and judges the recordings of one system.

    Args:
        title: Name of the system.
        speech: Its recordings.
        judge: What they are judged by.
        versa: VERSA's score_config, for more metrics.
        exp: exp/<tag> of a system that was trained here, for metrics of its encoders.
    """
    recordings = [Recording(path) for path in speech.wavs]
    features = analyze_all(recordings, judge.nj, f"speech of {title}")
    extra = {WORD_ERRORS: judge.words(title, speech, recordings)}
    extra |= encoder_metrics(exp, speech, judge) if exp else {}
    extra |= _by_versa(versa, speech, judge)
    return score(title, speech, features, judge, extra)


def _by_versa(config: Path | None, speech: SpeechSet, judge: Judge) -> MetricValues:
    """Metrics of VERSA; none without its configuration."""
    if config is None:
        return {}
    natural = dict(zip(judge.test.utts, judge.test.wavs, strict=True))
    return score_by_versa(config, speech, natural)
