"""Stage 2: one sampling rate, one level, no outer silence; what cannot be used is dropped by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.corpora.alignment import Alignment, crop_alignment, format_alignment, parse_alignment
from espnet_mtl.corpora.base import speakable
from espnet_mtl.corpora.split import SETS
from espnet_mtl.data.kaldi import invert, read_optional, read_table, write_table
from espnet_mtl.data.options import AudioConf
from espnet_mtl.errors import UserError
from espnet_mtl.labels import LABEL_FILES
from espnet_mtl.system.files import remove, require, whole_directory, write_text
from espnet_mtl.system.processes import parallel_map

Samples = NDArray[np.float64]
FRAME_S, HOP_S = 0.025, 0.010
SILENT_DBFS = -70.0
PEAK = 0.98
FULL_SCALE, MOST_CLIPPED = 0.999, 0.01
MOST_LETTERS = 40
"""Letters per second beyond which a text cannot be that of its recording; speech has up to 25."""
REQUIRED = ("wav.scp", "text", "utt2spk")


@dataclass(frozen=True)
class Item:
    """What stage 1 says of one utterance."""

    utt: str
    wav: str
    text: str
    speaker: str
    alignment: Alignment | None


@dataclass(frozen=True)
class Result:
    """Number of samples written, or why nothing was."""

    utt: str
    n_samples: int = 0
    alignment: Alignment | None = None
    reason: str = ""


class Unusable(Exception):
    """Why an utterance is dropped."""


def prepare_audio(
    data: Path, output: Path, fs: int, conf: AudioConf, max_dropped: float = 0.05, nj: int = 1
) -> dict[str, dict[str, str]]:
    """Writes `<output>/<set>/` for train, dev and test, and `<output>/report.txt`.

    Returns:
        By set, the reason of every dropped utterance.

    Raises:
        UserError: Stage 1 is missing, or more than the share `max_dropped` of all utterances is lost;
            `output` then stays as it was, but for dropped.txt, which names them.
    """
    output = output.absolute()
    require([data / name / table for name in SETS for table in REQUIRED], "stage 1")
    items = {name: read_items(data / name) for name in SETS}
    dropped: dict[str, dict[str, str]] = {}
    with ExitStack() as stack:
        directories = {name: stack.enter_context(whole_directory(output / name)) for name in SETS}
        tasks = [(item, directories[name] / "audio") for name in SETS for item in items[name]]
        done = iter(list(parallel_map(partial(_convert, fs=fs, conf=conf), tasks, nj, "stage 2")))
        for name in SETS:
            results = list(islice(done, len(items[name])))
            dropped[name] = {result.utt: result.reason for result in results if result.reason}
            kept = [result for result in results if not result.reason]
            _write_tables(data / name, directories[name], output / name / "audio", kept)
        totals = {name: len(group) for name, group in items.items()}
        _check_loss(dropped, totals, max_dropped, output / "dropped.txt")
    remove(output / "dropped.txt")
    write_text(output / "report.txt", _report(dropped, totals))
    return dropped


def read_items(directory: Path) -> list[Item]:
    """Reads what stage 1 wrote for one set; a missing text reads as an empty one."""
    wavs, texts = read_table(directory / "wav.scp", "stage 1"), _texts(directory / "text")
    speakers = read_table(directory / "utt2spk", "stage 1")
    path = directory / "alignment"
    alignments = {utt: parse_alignment(line, f"{path}: {utt}") for utt, line in read_optional(path).items()}
    return [
        Item(utt, wav, texts.get(utt, ""), speakers.get(utt, ""), alignments.get(utt))
        for utt, wav in sorted(wavs.items())
    ]


def _texts(path: Path) -> dict[str, str]:
    """Reads the table `text`; a line may hold a key alone: that utterance is dropped by name later."""
    lines = (line.strip().partition(" ") for line in path.read_text(encoding="utf-8").splitlines())
    return {utt: text.strip() for utt, _, text in lines if utt}


def _convert(task: tuple[Item, Path], fs: int, conf: AudioConf) -> Result:
    return convert(*task, fs, conf)


def convert(item: Item, directory: Path, fs: int, conf: AudioConf) -> Result:
    """Converts one recording to `<directory>/<utt>.flac`."""
    import soundfile

    try:
        if not speakable(item.text) or not item.speaker:
            raise Unusable("no speaker in utt2spk" if speakable(item.text) else "empty text")
        samples = load(item.wav, fs, conf.channels)
        start, end = _speech_section(samples, fs, conf, item.alignment)
        seconds = (end - start) / fs
        if not conf.min_seconds <= seconds <= conf.max_seconds:
            kind = "short" if seconds < conf.min_seconds else "long"
            raise Unusable(f"too {kind}: {seconds:.2f} s, allowed {conf.min_seconds} to {conf.max_seconds} s")
        letters = sum(map(str.isalnum, item.text))
        if letters > MOST_LETTERS * seconds:
            raise Unusable(f"text too long for its recording: {letters} letters in {seconds:.2f} s")
        samples = level(samples[start:end], fs, conf)
    except Unusable as error:
        return Result(item.utt, reason=str(error))
    directory.mkdir(exist_ok=True)
    soundfile.write(directory / f"{item.utt}.flac", samples, fs, subtype="PCM_16")
    alignment = crop_alignment(item.alignment, start / fs, end / fs) if item.alignment else None
    return Result(item.utt, end - start, alignment)


def load(path: str, fs: int, channels: int | None = None) -> Samples:
    """Reads a recording (T_wav,) at `fs` Hz; channels are averaged.

    Raises:
        Unusable: It cannot be read, is empty, silent or clipped, has not `channels` channels (null: any number), or
            holds numbers that are not finite.
    """
    import soundfile
    import soxr

    try:
        samples, recorded_fs = soundfile.read(path, dtype="float64", always_2d=True)
    except (soundfile.LibsndfileError, OSError, ValueError, MemoryError) as error:  # the last two: a false length
        raise Unusable(f"unreadable: {error}") from error
    if not np.isfinite(samples).all():
        raise Unusable("not finite: NaN or infinity among the samples")
    if channels not in (None, samples.shape[1]):
        raise Unusable(f"channel count: {samples.shape[1]}, expected {channels} (audio_conf.channels: null takes any)")
    if len(samples) and (clipped := np.mean(np.abs(samples) >= FULL_SCALE, axis=0).max()) > MOST_CLIPPED:
        raise Unusable(f"clipped: {clipped:.1%} of the samples are at full scale")
    mono = samples.mean(axis=1)
    if not len(mono) or 20 * np.log10(np.abs(mono - mono.mean()).max() + 1e-12) < SILENT_DBFS:
        raise Unusable("silent" if len(mono) else "empty recording")
    return mono if recorded_fs == fs else soxr.resample(mono, recorded_fs, fs)


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
    start = max(0, round(active[0] * hop - margin))
    end = round(max(active[-1] * hop + margin, alignment[-1][1] * fs if alignment else 0))
    return start, min(end, len(samples))


def level(samples: Samples, fs: int, conf: AudioConf) -> Samples:
    """Brings the RMS over active frames to `level_dbfs`, or lower where peaks would be cut."""
    gain = 1.0
    if conf.level_dbfs is not None:
        levels = frame_levels(samples, fs)
        active = levels[levels > levels.max() - (conf.trim_db or 40.0)]
        gain = 10 ** ((conf.level_dbfs - 10 * np.log10(np.mean(10 ** (active / 10)))) / 20)
    return samples * min(gain, PEAK / np.abs(samples).max())


def _write_tables(source: Path, target: Path, audio: Path, kept: list[Result]) -> None:
    """Writes the tables of one set; `audio` is the directory's name after the renaming."""
    write_table(target / "wav.scp", {result.utt: audio / f"{result.utt}.flac" for result in kept})
    write_table(target / "utt2num_samples", {result.utt: result.n_samples for result in kept})
    write_table(target / "text", _select(_texts(source / "text"), kept))
    utt2spk = _select(read_table(source / "utt2spk"), kept)
    write_table(target / "utt2spk", utt2spk)
    write_table(target / "spk2utt", invert(utt2spk))
    for table in set(LABEL_FILES) - {"utt2spk"}:
        if (source / table).is_file():
            write_table(target / table, _select(read_table(source / table), kept))
    aligned = {result.utt: format_alignment(result.alignment) for result in kept if result.alignment}
    if aligned:
        write_table(target / "alignment", aligned)


def _select(table: Mapping[str, str], kept: list[Result]) -> dict[str, str]:
    return {result.utt: table[result.utt] for result in kept if result.utt in table}


def _check_loss(
    dropped: Mapping[str, Mapping[str, str]], totals: Mapping[str, int], max_dropped: float, path: Path
) -> None:
    lost = {utt: reason for group in dropped.values() for utt, reason in group.items()}
    total = sum(totals.values())
    if len(lost) > max_dropped * total or any(len(dropped[name]) == totals[name] for name in totals):
        write_text(path, _report(dropped, totals))
        some = "; ".join(f"{utt}: {reason}" for utt, reason in sorted(lost.items())[:5])
        raise UserError(
            f"stage 2: {len(lost)} of {total} utterances cannot be used ({some}; all: {path}), more than "
            f"{max_dropped:.0%} or a whole set: repair them, or change audio_conf or --max_dropped"
        )


def _report(dropped: Mapping[str, Mapping[str, str]], totals: Mapping[str, int]) -> str:
    lines = []
    for name, group in dropped.items():
        kinds = Counter(reason.partition(":")[0] for reason in group.values())
        counted = "".join(f", {kinds[kind]} {kind}" for kind in sorted(kinds))
        lines.append(f"{name}: {totals[name] - len(group)} of {totals[name]} utterances kept{counted}")
        lines += [f"  dropped {utt}: {reason}" for utt, reason in sorted(group.items())]
    return "\n".join(lines) + "\n"
