"""Audio files whose headers lie, and samples that are no sound: refused by name, in bounded time and memory."""

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_mtl.data.audio import AudioConf, Recording, convert
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.analysis import Recording as Judged
from espnet_mtl.system.audio_files import MOST_SAMPLES, UnusableAudio, read_audio, read_mono

FS = 16000
TONE = 0.2 * np.sin(2 * np.pi * 200 * np.arange(FS) / FS)
PCM = (TONE * 2**15).astype("<i2").tobytes()


def wav(data=PCM, claimed=None, channels=1, fs=FS, bits=16, code=1):
    """A WAV file whose header may say anything."""
    frame = channels * bits // 8
    claimed = len(data) if claimed is None else claimed
    riff = struct.pack("<4sI4s", b"RIFF", 36 + len(data), b"WAVE")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, code, channels, fs, fs, frame % 2**16, bits)
    return riff + form + struct.pack("<4sI", b"data", claimed) + data


def encoded(path: Path, samples=TONE, **options) -> bytes:
    soundfile.write(path, samples, FS, **options)
    return path.read_bytes()


def with_claim(flac: bytes, count: int) -> bytes:
    """Sets the 36 bits of a FLAC file that count its samples."""
    high = flac[21] & 0xF0 | count >> 32
    return flac[:21] + bytes([high]) + struct.pack(">I", count & 0xFFFFFFFF) + flac[26:]


def uncounted_mp3(path: Path, bit_rate: str) -> bytes:
    """An MP3 file of 5 s whose first frame does not count the others, as where it was written into a pipe."""
    quiet_and_loud = np.tile(np.concatenate([TONE / 1000, TONE]), 3)[: 5 * FS]
    content = encoded(path, quiet_and_loud[::-1], bitrate_mode=bit_rate, compression_level=0.5)
    return content.replace(b"Xing", bytes(4), 1).replace(b"Info", bytes(4), 1)


def cases(directory: Path):
    """Name, content, and what is said of it."""
    flac = encoded(directory / "source.flac")
    ogg = encoded(directory / "source.ogg")
    spike = np.where(np.arange(FS) == 50, 1e30, TONE)
    halves = {}
    for suffix in ("aiff", "au", "w64", "rf64", "ogg"):
        long = encoded(directory / f"long.{suffix}", np.tile(TONE, 5))
        halves[f"half.{suffix}"] = (long[: len(long) // 2], "cut off|unreadable|empty recording")
    mp3 = uncounted_mp3(directory / "source.mp3", "VARIABLE")
    return {
        **halves,
        "mp3_half.mp3": (mp3[: len(mp3) // 2], r"cut off: after 2\.\d\d s, in the midst of a frame"),
        "mp3_uncounted.mp3": (mp3, "unknown length: no header of this MP3"),
        "flac_claim.flac": (with_claim(flac, 2**36 - 1), "too large: 68719476735 samples"),
        "flac_claims_most.flac": (with_claim(flac, MOST_SAMPLES), "unreadable|cut off"),
        "flac_half.flac": (flac[: len(flac) // 2], "unreadable"),
        "ogg_half.ogg": (ogg[: len(ogg) // 2], "unreadable|cut off"),
        "wav_half.wav": (wav(claimed=2 * len(PCM)), "cut off: 1.00 s of the 2.00 s"),
        "wav_claim.wav": (wav(PCM[:100], claimed=2**31), "too short"),
        "empty_chunk.wav": (wav(b""), "empty recording"),
        "rate_0.wav": (wav(fs=0), "unreadable"),
        "rate_31.wav": (wav(fs=2**31), "unreadable|sampling rate"),
        "rate_8.wav": (wav(fs=8), "sampling rate: 8 Hz, allowed 4000 to 768000 Hz"),
        "rate_max.wav": (wav(fs=2**31 - 1), "sampling rate: 2147483647 Hz"),
        "no_channel.wav": (wav(channels=0), "unreadable"),
        "channels.wav": (wav(channels=1000), "channel count: 1000, expected 1"),
        "more_channels.wav": (wav(channels=65535), "unreadable"),
        "unknown_code.wav": (wav(code=0x7F), "unreadable"),
        "spike.wav": (encoded(directory / "s.wav", spike, subtype="FLOAT"), "beyond full scale: a sample of 1e"),
        "spike_64.wav": (encoded(directory / "s.wav", spike**9, subtype="DOUBLE"), "beyond full scale|not finite"),
        "text.wav": (b"no audio at all", "unreadable"),
        "nameless.raw": (PCM, "unreadable"),
    }


def test_stage_2_drops_it_by_name_with_the_reason(tmp_path):
    said = {}
    for name, (content, expected) in cases(tmp_path).items():
        (tmp_path / name).write_bytes(content)
        recording = Recording("u1", str(tmp_path / name), "Words.", "s", None)
        said[name] = (convert(recording, tmp_path / "out", FS, AudioConf()).reason, expected)
    wrong = {name: both for name, both in said.items() if not re.match(both[1], both[0])}
    assert wrong == {}
    assert not (tmp_path / "out").exists()


def test_elsewhere_it_is_an_error_that_names_the_file(tmp_path):
    for name, (content, expected) in cases(tmp_path).items():
        (tmp_path / name).write_bytes(content)
        if expected in ("too short", "channel count: 1000, expected 1"):
            continue
        with pytest.raises(UserError, match=rf"{name} cannot be read as audio: ({expected})"):
            Judged(str(tmp_path / name)).read()


@pytest.mark.parametrize("around", [(b"", b""), (b"ID3\4\0\0\0\0\1\2" + bytes(130), b"TAG" + bytes(125))])
def test_an_mp3_without_a_count_is_read_where_its_length_can_be_told(tmp_path, around):
    before, after = around
    (tmp_path / "a.mp3").write_bytes(before + uncounted_mp3(tmp_path / "a.mp3", "CONSTANT") + after)
    samples, fs = read_audio(tmp_path / "a.mp3")
    assert len(samples) / fs == pytest.approx(5, abs=0.2)


def test_a_directory_and_a_pipe_are_no_recordings(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    for path in (tmp_path, tmp_path / "pipe.wav", Path("/dev/zero")):
        with pytest.raises(UnusableAudio, match="unreadable: not a file"):
            read_audio(path)


def test_a_program_that_wrote_into_a_pipe_could_not_know_the_length(tmp_path):
    for claimed in (2**32 - 1, 2**31 - 2**12):
        (tmp_path / "a.wav").write_bytes(wav(claimed=claimed))
        assert len(read_mono(tmp_path / "a.wav")[0]) == FS


@pytest.mark.parametrize("count", [2**27 + 1, 2**31, 2**36 - 1])
def test_memory_is_bounded_by_what_is_there_and_not_by_the_claim(tmp_path, count):
    """A process that may have 2 GiB reads a small file that claims more."""
    flac = encoded(tmp_path / "a.flac")
    (tmp_path / "a.flac").write_bytes(with_claim(flac, count))
    code = f"""
import resource
import soundfile
from espnet_mtl.system.audio_files import UnusableAudio, read_audio
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
try:
    read_audio({str(tmp_path / "a.flac")!r})
except UnusableAudio as error:
    print(error)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith(f"too large: {count} samples"), done.stderr
