"""Speech of an external system: a folder of recordings or a wav.scp, judged beside natural speech."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from espnet_mtl.config.load import load_train_config
from espnet_mtl.data.kaldi import read_scp
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.evaluate import evaluate, pitch_settings, vocoder_settings
from espnet_mtl.evaluation.judge import Judge, used_vocoder
from espnet_mtl.evaluation.result import Evaluation, write_metrics
from espnet_mtl.evaluation.speech_set import SpeechSet, read_speech_set
from espnet_mtl.system.audio_files import read_mono
from espnet_mtl.system.unicode import normal_name

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")


def evaluate_speech(
    reference: Path,
    hypotheses: Mapping[str, Path],
    output: Path,
    train: Path | None = None,
    train_config: Path | None = None,
    baseline: str | None = None,
    language: str = "en-us",
    nj: int = 1,
    versa: Path | None = None,
    whisper: Path | None = None,
) -> Evaluation:
    """Judges recordings and writes `output`/metrics.json; what the judge trains is kept in `output`/judge.

    Args:
        reference: Natural test speech: a directory with wav.scp, text, utt2spk and utt2emo.
        hypotheses: By title, a folder of `<utterance>.wav` (.flac, .ogg, .mp3), a wav.scp, or a directory with one.
        output: Directory for figures.
        train: Natural training speech to train probes and recognizer on; None: `train` beside `reference`, or nothing.
        train_config: Training configuration whose features a vocoder row is made with; None: no such row.
        baseline: Title of the hypothesis that the others are compared with.
        language: Of utterances without utt2lang, for their phones and words.
        nj: Parallel processes.
        versa: VERSA's score_config.
        whisper: Directory of a Whisper model, for the word error rate.

    Raises:
        UserError: A recording or table is missing or broken, or nothing of a hypothesis is in the reference.
    """
    test = read_speech_set(reference, "stage 2 (or write it yourself)")
    if baseline is not None and baseline not in hypotheses:
        raise UserError(f"--baseline {baseline}: must be one of {', '.join(hypotheses)}")
    speech = {title: read_hypothesis(path, test) for title, path in hypotheses.items()}
    if train is None and (reference.parent / "train/wav.scp").is_file():
        train = reference.parent / "train"
    training_speech = read_speech_set(train, "stage 2 (or write it yourself)") if train else None
    config = load_train_config(train_config) if train_config else None
    vocoder = used_vocoder(vocoder_settings(config, {})) if config else None
    hop_length = config["feats_extract_conf"]["hop_length"] if config else None
    pitch = pitch_settings(config) if config else {}
    _, fs = read_mono(test.wavs[0])
    judge = Judge(training_speech, test, output / "judge", fs, vocoder, language, nj, hop_length, pitch, whisper)
    evaluation = evaluate(judge, speech, baseline, versa)
    write_metrics(output / "metrics.json", evaluation)
    return evaluation


def named(argument: str) -> tuple[str, Path]:
    """Splits `[NAME=]PATH`; without a name it is that of the folder or file, which may have `=` in its path."""
    name, separator, path = argument.partition("=")
    if separator and not Path(argument).exists():
        return name, Path(path)
    return Path(argument).stem, Path(argument)


def read_hypothesis(path: Path, reference: SpeechSet) -> SpeechSet:
    """Finds the recordings of a system, labelled as in the reference.

    Raises:
        UserError: There are none, or none of them is an utterance of the reference.
    """
    wavs = _recordings(path)
    labelled = reference.where([utt in wavs for utt in reference.utts])
    if not labelled.utts:
        found = f"; it has {next(iter(wavs))}" if wavs else ""
        raise UserError(
            f"{path}: holds no recording of an utterance of {reference.directory}, such as {reference.utts[0]}{found}"
        )
    for utt in labelled.utts:
        if not Path(wavs[utt]).is_file():
            raise UserError(f"{path}: {wavs[utt]} of {utt} is missing")
    return replace(labelled, directory=path, wavs=[wavs[utt] for utt in labelled.utts])


def _recordings(path: Path) -> dict[str, str]:
    """Paths of recordings by utterance.

    Raises:
        UserError: The path is neither a folder nor a wav.scp.
    """
    table = path / "wav.scp" if (path / "wav.scp").is_file() else path
    if table.is_file():
        return {utt: str(_beside(table, place)) for utt, place in read_scp(table).items()}
    if not path.is_dir():
        raise UserError(f"{path}: neither a folder of recordings nor a wav.scp")
    files = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in SUFFIXES]
    return {normal_name(file.stem): str(file) for file in files}


def _beside(table: Path, place: str) -> Path:
    """Paths of a wav.scp are relative to the current directory, as in Kaldi, or else to the table."""
    return Path(place) if Path(place).exists() else table.parent / place
