"""The sound of videos."""

import numpy as np
import pytest
import soundfile
from face_media import portrait, write_film, write_sound, write_video

from espnet_mtl.errors import UserError
from espnet_mtl.system.audio_files import UnusableAudio
from espnet_mtl.system.imports import extras
from espnet_mtl.visual import soundtrack
from espnet_mtl.visual.soundtrack import write_soundtrack

FS = 48000


def sine(seconds=1.0, channels=1, amplitude=0.3):
    wave = amplitude * np.sin(2 * np.pi * 440 * np.arange(round(FS * seconds)) / FS)
    return np.tile(wave, (channels, 1)).astype(np.float32)


def pitch(samples, fs):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return np.argmax(spectrum) * fs / len(samples)


@pytest.mark.parametrize(("layout", "channels"), [("mono", 1), ("stereo", 2), ("5.1", 6)])
def test_channels_are_mixed_and_the_rate_stays(tmp_path, layout, channels):
    film = write_film(tmp_path / "a.mp4", sine(channels=channels, amplitude=0.1), FS, layout)
    write_soundtrack(film, tmp_path / "a.wav", most_seconds=60)
    samples, fs = soundfile.read(tmp_path / "a.wav", always_2d=True)
    assert (fs, samples.shape[1]) == (FS, 1)
    assert len(samples) == pytest.approx(FS, abs=0.05 * FS)
    middle = samples[FS // 4 : -FS // 4, 0]
    assert pitch(middle, fs) == pytest.approx(440, abs=5)
    assert 0.02 < np.abs(middle).max() < 1


def test_sound_without_a_video_is_sound(tmp_path):
    write_soundtrack(write_sound(tmp_path / "a.mp4"), tmp_path / "a.wav", most_seconds=60)
    assert soundfile.info(tmp_path / "a.wav").duration == pytest.approx(1, abs=0.1)


def cut(path, share):
    data = path.read_bytes()
    path.write_bytes(data[: round(len(data) * share)])
    return path


def test_what_has_no_usable_sound_is_refused_in_one_line(tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("Good morning.\n" * 99)
    for path, reason in {
        tmp_path / "none.mp4": "missing: ",
        text: "unreadable: .*Invalid data",
        write_video(tmp_path / "silent.mp4", [portrait()]): "no sound: ",
        write_film(tmp_path / "long.mp4", sine(2.5), FS): "too long: .*, at most 2 s",
        cut(write_film(tmp_path / "cut.mp4", sine(1.5), FS), 0.5): "unreadable: ",
    }.items():
        with pytest.raises(UnusableAudio, match=f"^{reason}") as error:
            write_soundtrack(path, tmp_path / "a.wav", most_seconds=2)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)
        assert not (tmp_path / "a.wav").exists()


@pytest.mark.parametrize(
    ("claimed", "reason"),
    [(None, r"^too long: .*, at most 2 s"), (1, r"^too long: .*, at most 2 s"), (1.9, "cut off: .* of the 1.90 s")],
)
def test_what_a_header_claims_is_held_against_what_is_decoded(tmp_path, monkeypatch, claimed, reason):
    film = write_film(tmp_path / "a.mp4", sine(1.2 if claimed == 1.9 else 2.5), FS)
    monkeypatch.setattr(soundtrack, "claimed_seconds", lambda container, stream: claimed)
    with pytest.raises(UnusableAudio, match=reason):
        write_soundtrack(film, tmp_path / "a.wav", most_seconds=2)
    assert not (tmp_path / "a.wav").exists()


def test_without_pyav_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(extras, "is_installed", lambda package: False)
    with pytest.raises(UserError, match=r"av is not installed: pip install 'espnet_mtl\[visual\]'"):
        write_soundtrack(tmp_path / "a.mp4", tmp_path / "a.wav", most_seconds=2)
