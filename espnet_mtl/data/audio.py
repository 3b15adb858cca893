"""Stage 2: one sampling rate, one level, no outer silence; what cannot be used is dropped by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from espnet_mtl.corpora.alignment import Alignment, crop_alignment, format_alignment
from espnet_mtl.corpora.split import SETS
from espnet_mtl.data.dump import (
    ALIGNMENT,
    DROPPED,
    MEDIA_SCP,
    NUM_SAMPLES,
    REPORT,
    SPK2UTT,
    TEXT,
    UTT2EMO,
    UTT2SPK,
    VISUAL_SCP,
    WAV_SCP,
)
from espnet_mtl.data.kaldi import as_file, invert, read_labels, read_texts, write_table
from espnet_mtl.data.options import AudioConf
from espnet_mtl.data.provenance.check import read_whole
from espnet_mtl.data.provenance.notes import whole_sets, write_note
from espnet_mtl.data.provenance.settings import AUDIO, audio_note
from espnet_mtl.data.utterances import Recording, label_tables, read_recordings, read_visual
from espnet_mtl.errors import UserError
from espnet_mtl.labels import CLASS_LABELS
from espnet_mtl.system.audio_files import (
    Samples,
    UnusableAudio,
    check_amplitude,
    read_audio,
    without_offset,
    without_rumble,
)
from espnet_mtl.system.files import locked, remove, require, write_text
from espnet_mtl.system.parallel.mapping import parallel_map
from espnet_mtl.system.paths import file_name
from espnet_mtl.system.sound import encoded
from espnet_mtl.text.normal import speakable

FRAME_S, HOP_S = 0.025, 0.010
SILENT_DBFS = -70.0
PEAK = 0.98
FULL_SCALE = 0.999
MOST_CLIPPED = 0.01
"""Share of samples at full scale beyond which a channel is clipped."""
ACTIVE_DB = 40.0
"""Frames this far below the loudest one are silence where `trim_db` does not say."""
MOST_LETTERS = 40
"""Letters per second beyond which a text cannot be that of its recording; speech has up to 25."""
REQUIRED = (WAV_SCP, TEXT, UTT2SPK)
MOST_NAMED = 5


@dataclass(frozen=True)
class Conversion:
    """What became of a recording: the number of samples written, or the reason why none were."""

    utt: str
    n_samples: int = 0
    alignment: Alignment | None = None
    reason: str = ""


def prepare_audio(
    data: Path,
    output: Path,
    fs: int,
    conf: AudioConf,
    max_dropped: float = 0.05,
    nj: int = 1,
    language: str = "en-us",
    token_type: str = "phn",
    pipes: bool = False,
) -> dict[str, dict[str, str]]:
    """Writes `<output>/<set>/` for train, dev and test, and `<output>/report.txt`.

    With `pipes`, commands in wav.scp (`sox a.wav -t wav - |`) are run, as Kaldi does.

    Returns:
        By set, the reason of every dropped utterance.

    Raises:
        UserError: Stage 1 is missing, or more than the share `max_dropped` of all utterances is lost;
            `output` then stays as it was, but for dropped.txt, which names them.
    """
    output = output.absolute()
    for name in SETS:
        require([data / name / table for table in REQUIRED], "stage 1")
    read_whole(data, 1, AUDIO)
    note = audio_note(data, output, fs, conf)
    recordings = {name: read_recordings(data / name, language, token_type, pipes) for name in SETS}
    totals = {name: len(own) for name, own in recordings.items()}
    dropped: dict[str, dict[str, str]] = {}
    sources = [data / name / WAV_SCP for name in SETS]
    for own in recordings.values():
        sources += [Path(recording.wav) for recording in own]
    with locked(output):
        with whole_sets(output, SETS, AUDIO, sources) as directories:
            tasks = []
            for name in SETS:
                tasks += [(recording, directories[name] / "audio") for recording in recordings[name]]
            # One pool of processes for all sets: its results come in the order of the tasks. The list waits for all of
            # them, so that none writes on where an error clears the directories.
            conversions = iter(list(parallel_map(partial(_convert, fs=fs, conf=conf), tasks, nj, "stage 2")))
            for name in SETS:
                of_set = list(islice(conversions, totals[name]))
                dropped[name] = {conversion.utt: conversion.reason for conversion in of_set if conversion.reason}
                kept = [conversion for conversion in of_set if not conversion.reason]
                _write_tables(data / name, directories[name], output / name / "audio", kept)
            _check_loss(dropped, totals, max_dropped, output / DROPPED)
        remove(output / DROPPED)
        write_text(output / REPORT, _report(dropped, totals))
        write_note(output, note)
    return dropped


def _convert(task: tuple[Recording, Path], fs: int, conf: AudioConf) -> Conversion:
    recording, directory = task
    return convert(recording, directory, fs, conf)


def convert(recording: Recording, directory: Path, fs: int, conf: AudioConf) -> Conversion:
    """Converts one recording to a .flac in a directory, named after the utterance."""
    utt, alignment = recording.utt, recording.alignment
    try:
        if recording.fault or not speakable(recording.text):
            raise UnusableAudio(recording.fault or "empty text")
        if not recording.speaker:
            raise UnusableAudio("no speaker in utt2spk")
        with as_file(recording.wav) as path:
            samples = load(path, fs, conf.channels)
        start, end = _speech_section(samples, fs, conf, alignment)
        _check_length((end - start) / fs, recording.text, conf)
        samples = level(samples[start:end], fs, conf)
    except UnusableAudio as error:
        return Conversion(utt, reason=str(error))
    except UserError as error:
        return Conversion(utt, reason=f"unreadable: {error}")
    directory.mkdir(exist_ok=True)
    (directory / file_name(utt, ".flac")).write_bytes(encoded(samples, fs, "flac"))
    cropped = crop_alignment(alignment, start / fs, end / fs) if alignment else None
    return Conversion(utt, end - start, cropped)


def _check_length(seconds: float, text: str, conf: AudioConf) -> None:
    """Raises `UnusableAudio` where the speech is too short, too long, or too short for its text."""
    if seconds == 0 or not conf.min_seconds <= seconds <= conf.max_seconds:
        kind = "long" if seconds > conf.max_seconds else "short"
        raise UnusableAudio(f"too {kind}: {seconds:.2f} s, allowed {conf.min_seconds} to {conf.max_seconds} s")
    letters = sum(character.isalnum() for character in text)
    if letters > MOST_LETTERS * seconds:
        raise UnusableAudio(f"text too long for its recording: {letters} letters in {seconds:.2f} s")


def load(path: str, fs: int, channels: int | None = None) -> Samples:
    """Reads a recording (T_wav,) at `fs` Hz, without its offset and rumble; channels are averaged.

    Raises:
        UnusableAudio: What `read_audio` refuses, or it is silent, clipped or far beyond full scale, or has not
            `channels` channels (null: any number).
    """
    import soxr

    samples, recorded_fs = read_audio(path)
    recorded_channels = samples.shape[1]
    if channels is not None and recorded_channels != channels:
        expected = f"expected {channels} (audio_conf.channels: null takes any)"
        raise UnusableAudio(f"channel count: {recorded_channels}, {expected}")
    clipped = np.mean(np.abs(samples) >= FULL_SCALE, axis=0).max()
    if clipped > MOST_CLIPPED:
        raise UnusableAudio(f"clipped: {clipped:.1%} of the samples are at full scale")
    check_amplitude(samples)
    # After the test for clipping, which must see what was recorded
    mono = without_rumble(without_offset(samples, recorded_fs).mean(axis=1), recorded_fs)
    if 20 * np.log10(np.abs(mono).max() + 1e-12) < SILENT_DBFS:
        raise UnusableAudio("silent")
    resampled = mono if recorded_fs == fs else soxr.resample(mono, recorded_fs, fs)
    if not len(resampled):
        raise UnusableAudio(f"empty recording: {len(mono)} samples at {recorded_fs} Hz are none at {fs} Hz")
    return resampled


def prepared(path: str, fs: int, conf: AudioConf) -> Samples:
    """Reads a recording (T_wav,) at `fs` Hz, trimmed and leveled as stage 2 does.

    Raises:
        UnusableAudio: See `load`.
    """
    samples = load(path, fs, conf.channels)
    start, end = _speech_section(samples, fs, conf, None)
    return level(samples[start:end], fs, conf)


def frame_levels(samples: Samples, fs: int) -> Samples:
    """RMS level in dB of frames of 25 ms every 10 ms (T,), zeros beyond the ends."""
    size, hop = round(FRAME_S * fs), round(HOP_S * fs)
    padded = np.pad(samples, (size // 2, size))
    power = np.lib.stride_tricks.sliding_window_view(padded**2, size)[::hop].mean(axis=1)
    return 10 * np.log10(power + 1e-12)


def _speech_section(samples: Samples, fs: int, conf: AudioConf, alignment: Alignment | None) -> tuple[int, int]:
    """First and last sample to keep; the end of the last aligned phone is never cut."""
    if conf.trim_db is None:
        return 0, len(samples)
    levels = frame_levels(samples, fs)
    active = np.flatnonzero(levels > levels.max() - conf.trim_db)
    hop, margin = round(HOP_S * fs), conf.margin_s * fs
    first = active[0] * hop - margin
    last = active[-1] * hop + margin
    if alignment:
        _, end_of_last_phone = alignment[-1]
        last = max(last, end_of_last_phone * fs)
    return max(0, round(first)), min(round(last), len(samples))


def level(samples: Samples, fs: int, conf: AudioConf) -> Samples:
    """Brings the RMS over active frames to `level_dbfs`, or lower where peaks would be cut."""
    gain = 1.0
    if conf.level_dbfs is not None:
        levels = frame_levels(samples, fs)
        active = levels[levels > levels.max() - (conf.trim_db or ACTIVE_DB)]
        active_power = np.mean(10 ** (active / 10))
        active_dbfs = 10 * np.log10(active_power)
        gain = 10 ** ((conf.level_dbfs - active_dbfs) / 20)
    return samples * min(gain, PEAK / np.abs(samples).max())


def _write_tables(source: Path, target: Path, audio: Path, kept: Sequence[Conversion]) -> None:
    """Writes the tables of one set; `audio` is the directory's name after the renaming."""
    write_table(target / WAV_SCP, {conversion.utt: audio / file_name(conversion.utt, ".flac") for conversion in kept})
    write_table(target / NUM_SAMPLES, {conversion.utt: conversion.n_samples for conversion in kept})
    write_table(target / TEXT, _select(read_texts(source / TEXT), kept))
    utt2spk = _select(read_labels(source / UTT2SPK, CLASS_LABELS["speaker"]), kept)
    write_table(target / UTT2SPK, utt2spk)
    write_table(target / SPK2UTT, invert(utt2spk))
    for file, table in {UTT2EMO: {}, **label_tables(source)}.items():  # stage 7 reads this one, if only an empty one
        write_table(target / file, _select(table, kept))
    media = _select(read_visual(source / VISUAL_SCP), kept)
    if media:
        write_table(target / MEDIA_SCP, {utt: Path(place).absolute() for utt, place in media.items()})
    aligned = {conversion.utt: format_alignment(conversion.alignment) for conversion in kept if conversion.alignment}
    if aligned:
        write_table(target / ALIGNMENT, aligned)


def _select(table: Mapping[str, str], kept: Sequence[Conversion]) -> dict[str, str]:
    """Takes the lines of the utterances that are kept; an unlabelled one has none."""
    return {conversion.utt: table[conversion.utt] for conversion in kept if conversion.utt in table}


def _check_loss(
    dropped: Mapping[str, Mapping[str, str]], totals: Mapping[str, int], max_dropped: float, path: Path
) -> None:
    """Stops where too much, or a whole set, cannot be used; `path` then lists it."""
    reasons: dict[str, str] = {}
    for of_set in dropped.values():
        reasons.update(of_set)
    total = sum(totals.values())
    whole_set = any(len(dropped[name]) == totals[name] for name in totals)
    if len(reasons) <= max_dropped * total and not whole_set:
        return
    write_text(path, _report(dropped, totals))
    some = "; ".join(f"{utt}: {reasons[utt]}" for utt in sorted(reasons)[:MOST_NAMED])
    raise UserError(
        f"stage 2: {len(reasons)} of {total} utterances cannot be used ({some}; all: {path}), more than "
        f"{max_dropped:.0%} or a whole set: repair them, or change audio_conf or --max_dropped"
    )


def _report(dropped: Mapping[str, Mapping[str, str]], totals: Mapping[str, int]) -> str:
    lines = []
    for name, reasons in dropped.items():
        kinds = Counter(reason.partition(":")[0] for reason in reasons.values())
        counted = "".join(f", {kinds[kind]} {kind}" for kind in sorted(kinds))
        lines.append(f"{name}: {totals[name] - len(reasons)} of {totals[name]} utterances kept{counted}")
        lines += [f"  dropped {utt}: {reason}" for utt, reason in sorted(reasons.items())]
    return "\n".join(lines) + "\n"
