import os
import subprocess
import sys

import av
import numpy as np
import pytest
from face_media import RATE, portrait, write_sound, write_video

from espnet_mtl.visual import videos
from espnet_mtl.visual.unusable import UnusableVisual
from espnet_mtl.visual.videos import Limits, read_video

GREYS = np.linspace(20, 220, 50)
"""Of the 50 frames of a video of 2 s."""


def plain(grey: float, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width), grey, np.uint8)


def read(path, rate: float = 5, most_seconds: float = 60) -> list[np.ndarray]:
    return list(read_video(path, rate, Limits.of(most_seconds)))


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "mpeg4"), ("a.flv", "flv"), ("a.mkv", "mpeg4"), ("a.avi", "mpeg4")],
)
def test_frames_are_those_of_the_times_that_the_rate_says(tmp_path, name, codec):
    frames = read(write_video(tmp_path / name, map(plain, GREYS), codec=codec))
    assert [frame.shape for frame in frames] == [(48, 64)] * 10
    middles = [frame.mean() for frame in frames]
    np.testing.assert_allclose(middles, GREYS[::5], atol=6)


def test_a_frame_stands_until_the_next_one(tmp_path):
    path = write_video(tmp_path / "slow.mkv", [plain(50), plain(200)], times=[0, 1])
    greys = [round(float(frame.mean()), -1) for frame in read(path)]
    assert greys == [50] + [200] * 5


def test_large_frames_are_shrunk(tmp_path):
    (frame,) = read(write_video(tmp_path / "large.mp4", [plain(90, 720, 1280)]))
    assert frame.shape == (360, 640)


def test_what_is_no_video_is_refused_in_one_line(tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("Good morning.\n" * 99)
    empty = tmp_path / "empty.mp4"
    empty.touch()
    for path, reason in {
        tmp_path / "none.mp4": "missing: ",
        tmp_path: "unreadable: .*it is a directory",
        text: "unreadable: .*Invalid data",
        empty: "unreadable: .*it is empty",
        write_sound(tmp_path / "sound.mp4"): "no video stream: ",
    }.items():
        with pytest.raises(UnusableVisual, match=f"^{reason}") as error:
            read(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(UnusableVisual, match=r"^unreadable: .*it is a pipe or a device, expected a file"):
        read(tmp_path / "pipe.mp4")


def test_a_corrupt_video_is_refused(tmp_path):
    whole = write_video(tmp_path / "whole.mp4", map(plain, GREYS)).read_bytes()
    without_index = tmp_path / "half.mp4"
    without_index.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnusableVisual, match=r"^unreadable"):
        read(without_index)
    path = write_video(tmp_path / "whole.mkv", (portrait(seed=seed) for seed in range(50)))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnusableVisual, match=r"^cut off: .*mkv: [01]\.\d\d s of the 2.00 s"):
        read(path)


def test_ten_hours_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    path = write_video(tmp_path / "long.mp4", [plain(1), plain(2), plain(3)], times=[0, 18000, 36000])
    monkeypatch.setattr(videos, "_grey", lambda _: pytest.fail("a frame was decoded"))
    with pytest.raises(UnusableVisual, match=r"^too long: .*: 36000 s, at most 60 s \(max_seconds\)"):
        read(path)


def test_a_video_that_does_not_say_how_long_it_is_is_left_when_it_gets_there(tmp_path, monkeypatch):
    path = write_video(tmp_path / "long.mkv", map(plain, GREYS))
    monkeypatch.setattr(videos, "claimed_seconds", lambda *_: None)
    read(path, most_seconds=2.1)
    with pytest.raises(UnusableVisual, match=r"^too long: .*at most 1 s"):
        read(path, most_seconds=1)


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    path = write_video(tmp_path / "large.mp4", [plain(1)])
    monkeypatch.setattr(videos, "MOST_PIXELS", 64 * 48 - 1)
    monkeypatch.setattr(videos, "MOST_FRAMES_A_SECOND", 0)  # a frame that is decoded would divide by it
    with pytest.raises(UnusableVisual, match=r"^too large: .*: 64 x 48 pixels, at most 3071"):
        read(path)


def decoded(path, limits, converted):
    """Frames that are decoded before a video is refused for the pixels of all its frames."""
    converted.clear()
    with pytest.raises(UnusableVisual, match=r"^too large: .*: its frames have more than 0 million pixels in all$"):
        list(read_video(path, RATE, limits))
    return len(converted)


@pytest.fixture
def converted(monkeypatch):
    """The frames that are looked at."""
    frames = []
    monkeypatch.setattr(videos, "_grey", lambda frame: frames.append(frame) or plain(0))
    return frames


def test_the_pixels_of_all_frames_are_limited(tmp_path, converted):
    frame = 64 * 48
    told = write_video(tmp_path / "told.mp4", map(plain, GREYS))
    untold = write_video(tmp_path / "untold.mkv", map(plain, GREYS))
    for path in (told, untold):
        assert len(list(read_video(path, RATE, Limits(60, 50 * frame)))) == 50
    few = Limits(60, 50 * frame - 1)
    assert decoded(told, few, converted) == 0  # its header says how many frames it has
    assert decoded(untold, few, converted) == 49


def test_the_largest_videos_that_are_taken():
    """Of phones and cameras in stage 3, and of a request with a clip of 20 s."""
    assert Limits.of(60).pixels >= 4096 * 2160 * 60 * 60
    asked = Limits.of(60).within(20)
    assert asked.seconds == 20
    assert 1920 * 1088 * 60 * 20 <= asked.pixels < 4096 * 4096 * 240
    assert Limits.of(1).within(20) == Limits.of(1)  # the model's own are smaller


def test_a_frame_that_stands_long_is_converted_once(tmp_path, converted):
    path = write_video(tmp_path / "slow.mkv", [plain(50), plain(200)], times=[0, 1])
    assert len(read(path)) == 6
    assert len(converted) == 2


LISTS = {
    "list.mp4": "ffconcat version 1.0\nfile secret.ts\n",
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.ts\n#EXT-X-ENDLIST\n",
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_that_names_other_files_opens_none(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "secret.ts", [plain(1)])
    (tmp_path / name).write_text(LISTS[name])
    with av.open(name) as container:  # what FFmpeg does with it, left to itself
        assert len(list(container.decode(video=0))) == 1
    with pytest.raises(UnusableVisual, match=r"^unreadable"):
        read(tmp_path / name)


MEMORY = """
import sys
from pathlib import Path
from espnet_mtl.visual.videos import Limits, read_video
for _ in read_video(Path(sys.argv[1]), 25, Limits.of(3600)):
    pass
status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
print(status["VmHWM"].split()[0])
"""


def test_memory_does_not_grow_with_the_length(tmp_path):
    """Frames of 0.3 MB: all of the long video's would be 220 MB."""
    peaks = []
    for count in (25, 750):
        path = write_video(tmp_path / f"{count}.mp4", (plain(index % 250, 480, 640) for index in range(count)))
        done = subprocess.run([sys.executable, "-c", MEMORY, path], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout) / 1024)
    assert peaks[1] < peaks[0] + 30
