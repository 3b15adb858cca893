"""The one reader of audio files: bounded in memory whatever a header claims, and what is wrong is said in one line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.errors import UserError

Samples = NDArray[np.float64]

RATES = (4000, 768000)
"""Sampling rates in Hz that are read: a claim beyond them is a broken header, and would be resampled to any length."""
MOST_SAMPLES = 2**27
"""Samples of all channels: 1 GiB in memory, 46 minutes at 48 kHz."""
LOUDEST = 10.0
"""Largest amplitude relative to full scale: files of floats may go beyond 1, but sound does not go that far."""
RUMBLE_HZ = 25.0
"""Below this, nobody speaks: wind, steps and motors move a microphone at 2 to 15 Hz."""
RUMBLE_DB, RUMBLE_SHARE = 60.0, 0.1
"""Rumble never ends: it is what is nearer to the loudest frame than this in all but a share of the frames."""
RUMBLE_EDGE_S = 0.1
FRAME_S = 0.025
ROUNDING_POWER = 2.0**-30
"""Power of the smallest step of 16 bits: frames that move less tell no more."""
MISSING_S = 0.05
"""Seconds that a file may have less than its header says."""
STREAMED_BYTES = 0x7FF00000
"""A program that writes a WAV file into a pipe cannot know its size, and claims at least this."""
CLAIM = re.compile(r"^ *(?:data|SSND|Data Size|riff|Riff size) *: (\d+) \(should be (\d+)\)", re.MULTILINE)
"""What libsndfile logs of a WAV, AIFF, AU, W64 or RF64 file that is cut off: the bytes claimed, and those there."""
OPEN_END = "Last page lacks an end-of-stream bit"
"""What libsndfile logs of an Ogg file that is cut off."""
MP3_BIT_RATES = {
    1: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""kbit/s of layer III by version of MPEG (2.5 has those of 2); a frame's header counts from 1."""
MP3_RATES = {0: (11025, 12000, 8000), 2: (22050, 24000, 16000), 3: (44100, 48000, 32000)}
"""Hz by a header's number of the version: 2.5, 2 and 1."""
MP3_COUNTS = (b"Xing", b"Info", b"VBRI")
"""Marks of a first frame that holds no sound, but their number."""


class UnusableAudio(Exception):
    """Why an audio file cannot be used, as `kind: details`."""


def read_audio(path: str | Path) -> tuple[Samples, int]:
    """Reads samples (T, C), as they were recorded, and the sampling rate in Hz.

    Raises:
        UnusableAudio: There is no such file, it is no audio, broken, cut off, empty or too large, or its samples are no
            sound.
    """
    import soundfile

    if not Path(path).is_file():  # to open a pipe would wait for somebody to write into it
        raise UnusableAudio(f"unreadable: {'not a file' if Path(path).exists() else 'no such file'}: {path}")
    try:
        with soundfile.SoundFile(path) as file:
            _check_header(file.samplerate, file.channels, file.frames)
            samples = file.read(dtype="float64", always_2d=True)
            fs, log = file.samplerate, file.extra_info
            claimed = _claimed_frames(file.frames, log)
            if file.format == "MP3":
                claimed = _check_mp3(Path(path), claimed, fs)
    # TypeError: a name that ends in .raw, whose format nobody knows
    except (soundfile.LibsndfileError, OSError, ValueError, TypeError, MemoryError) as error:
        raise UnusableAudio(f"unreadable: {error}") from error
    if OPEN_END in log:
        raise UnusableAudio(f"cut off: after {len(samples) / fs:.2f} s, no page says that it is the last one")
    if claimed - len(samples) > MISSING_S * fs:
        raise UnusableAudio(f"cut off: {len(samples) / fs:.2f} s of the {claimed / fs:.2f} s that its header says")
    if not len(samples):
        raise UnusableAudio("empty recording")
    if not np.isfinite(samples).all():
        raise UnusableAudio("not finite: NaN or infinity among the samples")
    return samples, fs


def measure(path: str | Path) -> tuple[int, int, int]:
    """Returns samples of a channel, channels and sampling rate in Hz of an audio file, as its header has them.

    Raises:
        UserError: There is no such file, or it is no audio.
    """
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            return file.frames, file.channels, file.samplerate
    except (soundfile.LibsndfileError, OSError, ValueError, TypeError) as error:
        raise UserError(f"{path} cannot be read as audio: {error}") from error


def _check_header(fs: int, channels: int, frames: int) -> None:
    if not RATES[0] <= fs <= RATES[1]:
        raise UnusableAudio(f"sampling rate: {fs} Hz, allowed {RATES[0]} to {RATES[1]} Hz")
    if frames * channels > MOST_SAMPLES:
        raise UnusableAudio(f"too large: {frames} samples of {channels} channels, allowed {MOST_SAMPLES} in all")


def _claimed_frames(frames: int, log: str) -> int:
    """Returns how many frames the header claims: libsndfile reads what is there, and logs the claim."""
    found = CLAIM.search(log)
    if not found:
        return frames
    claimed, there = (int(number) for number in found.groups())
    if claimed >= STREAMED_BYTES or not there:
        return frames
    return round(frames * claimed / there)


def _check_mp3(path: Path, guessed: int, fs: int) -> int:
    """Returns how many samples of one channel an MP3 file has, where its header says nothing: else what was `guessed`.

    Raises:
        UnusableAudio: It ends within a frame, or libsndfile would stop early.
    """
    counted = _uncounted_samples(path.read_bytes())
    if counted is None:
        return guessed
    samples, cut_off = counted
    if cut_off:
        raise UnusableAudio(f"cut off: after {samples / fs:.2f} s, in the midst of a frame")
    if samples - guessed > MISSING_S * fs:
        raise UnusableAudio("unknown length: no header of this MP3 file tells it: convert it to .flac or .wav")
    return samples


@dataclass(frozen=True)
class Mp3Frame:
    """A frame of MPEG audio, layer III: its size in bytes, and its samples of one channel."""

    size: int
    samples: int


def _uncounted_samples(data: bytes) -> tuple[int, bool] | None:
    """Counts the samples of whole frames of an MP3 file, and tells whether the last frame is cut off.

    A file that was written into a pipe has no count of its own: libsndfile then guesses it from the first frame.

    Returns:
        None where the file has a count of its own, or begins with something else than frames.
    """
    start = _after_id3(data)
    frame = _mp3_frame(data, start)
    if frame is None or any(mark in data[start : start + frame.size] for mark in MP3_COUNTS):
        return None
    samples = 0
    while frame is not None:
        start += frame.size
        if start > len(data):
            return samples, True
        samples += frame.samples
        frame = _mp3_frame(data, start)
    return samples, False


def _after_id3(data: bytes) -> int:
    """Returns where the sound begins: behind a tag of ID3v2, whose size is four numbers of 7 bits."""
    if data[:3] != b"ID3":
        return 0
    size = 0
    for number in data[6:10]:
        size = size * 128 + number
    return 10 + size


def _mp3_frame(data: bytes, start: int) -> Mp3Frame | None:
    """Reads the header of a frame; None where there is none, but a tag or the file's end."""
    header = int.from_bytes(data[start : start + 4])
    version, layer, bit_rate, rate = header >> 19 & 3, header >> 17 & 3, header >> 12 & 15, header >> 10 & 3
    if header >> 21 != 0x7FF or version == 1 or layer != 1 or bit_rate in (0, 15) or rate == 3:
        return None
    samples = 1152 if version == 3 else 576
    kbits = MP3_BIT_RATES[1 if version == 3 else 2][bit_rate - 1]
    padding = header >> 9 & 1
    return Mp3Frame(samples // 8 * kbits * 1000 // MP3_RATES[version][rate] + padding, samples)


def without_offset(samples: Samples, fs: int) -> Samples:
    """Takes direct current, which cheap microphones add, out of samples (T, C): it is no sound.

    Levels, and what is silent, would else be measured with it. It is the mean of each channel, in which short frames
    weigh the more, the less they move: the mean of one-sided speech would lift the silence around it, and a high-pass
    filter would smear its onset.
    """
    size = min(round(FRAME_S * fs), len(samples))
    count = len(samples) // size
    frames = samples[: count * size].reshape(count, size, samples.shape[1])
    weights = 1 / (frames.var(axis=1) + ROUNDING_POWER)
    offset = (weights * frames.mean(axis=1)).sum(axis=0) / weights.sum(axis=0)
    return samples - offset


def without_rumble(samples: NDArray[np.float64], fs: int) -> NDArray[np.float64]:
    """Takes rumble out of samples (T,), where there is any, with a filter that delays nothing.

    What is silent, and the level, would else be measured with it. Other recordings stay as they are: the filter would
    smear hard onsets by some 20 ms. Of speech without rumble it would change neither the ends nor, by more than 0.2 dB,
    the level.
    """
    filtered = _high_pass(samples, fs)
    steady = np.quantile(_powers(samples - filtered, fs), RUMBLE_SHARE)
    loudest = _powers(filtered, fs).max()
    return filtered if steady > loudest * 10 ** (-RUMBLE_DB / 10) else samples


def _high_pass(samples: NDArray[np.float64], fs: int) -> NDArray[np.float64]:
    """Filters samples (T,) with a Butterworth filter of order 4, forth and back, as `scipy.signal.sosfiltfilt` does.

    The spectrum is multiplied by |H|² = 1 / (1 + (tan(π fc / fs) / tan(π f / fs))^8), so that SciPy need not be there.
    """
    edge = min(len(samples) - 1, round(RUMBLE_EDGE_S * fs))
    extended = np.pad(samples, edge, mode="reflect", reflect_type="odd")
    size = 2 ** (len(extended) - 1).bit_length()  # of other sizes, a transform may take 30 times as long
    frequencies = np.fft.rfftfreq(size, 1 / fs)[1:]
    gains = 1 / (1 + (np.tan(np.pi * RUMBLE_HZ / fs) / np.tan(np.pi * frequencies / fs)) ** 8)
    spectrum = np.fft.rfft(extended, size) * np.append(0.0, gains)
    return np.fft.irfft(spectrum, size)[edge : edge + len(samples)]


def _powers(samples: NDArray[np.float64], fs: int) -> NDArray[np.float64]:
    """Returns the power of short frames of samples (T,)."""
    size = min(round(FRAME_S * fs), len(samples))
    count = len(samples) // size
    return (samples[: count * size].reshape(count, size) ** 2).mean(axis=1)


def read_channels(path: str | Path, keep_offset: bool = False) -> tuple[Samples, int]:
    """Reads samples (T, C), without their offset unless it is to stay, and the sampling rate in Hz.

    Raises:
        UserError: What `read_audio` refuses, or samples far beyond full scale.
    """
    try:
        samples, fs = read_audio(path)
        check_amplitude(samples)
    except UnusableAudio as error:
        raise UserError(f"{path} cannot be read as audio: {error}") from error
    return samples if keep_offset else without_offset(samples, fs), fs


def check_amplitude(samples: Samples) -> None:
    """Raises `UnusableAudio` for samples that are no sound, such as a float of 1e30."""
    peak = np.abs(samples).max()
    if peak > LOUDEST:
        raise UnusableAudio(f"beyond full scale: a sample of {peak:g} times full scale")


def read_mono(path: str | Path, keep_offset: bool = False) -> tuple[Samples, int]:
    """Reads samples (T,) of a file of one channel, and the sampling rate in Hz; see `read_channels`.

    Raises:
        UserError: What `read_channels` refuses, or more than one channel.
    """
    samples, fs = read_channels(path, keep_offset)
    if samples.shape[1] > 1:
        raise UserError(f"{path}: expected one channel of audio, got {samples.shape[1]}")
    return samples[:, 0], fs
