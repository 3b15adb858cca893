"""Pictures, videos and arrays that are not what they seem: refused with one line, in bounded time and memory."""

import io
import os
import re
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from face_media import portrait, write_video
from PIL import Image
from tiny_stages import SETS, run_stage, write_data

from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.errors import UserError
from test.visual.test_arrays import claiming, saved
from test.visual.test_images import huge_png

CROPS = {"visual_extract": "crops", "visual_extract_conf": {"size": 16}}
USABLE = ""
FRAMES = [portrait(seed=seed) for seed in range(20)]


def zip_bomb(name: str, header: bytes, megabytes: int) -> bytes:
    """A zip whose one member is a header and then zeros."""
    written = io.BytesIO()
    with (
        zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w", force_zip64=True) as file,
    ):
        file.write(header)
        for _ in range(megabytes):
            file.write(bytes(2**20))
    return written.getvalue()


def long_header(megabytes: int) -> bytes:
    """The beginning of an .npy file whose header is so long."""
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", megabytes * 2**20)


def ten_hours(path: Path) -> bytes:
    """A short Matroska video that says it is of 10 hours."""
    content = write_video(path, FRAMES).read_bytes()
    at = content.index(b"\x44\x89\x88") + 3
    return content[:at] + struct.pack(">d", 36e6) + content[at + 8 :]


def contents(scratch: Path):
    """Yields the name of a file, what is in it, and what stage 3 says of it."""
    video = write_video(scratch / "a.mp4", FRAMES).read_bytes()
    middle = video.index(b"mdat") + 4
    yield "corrupt.mp4", video[:middle] + bytes(len(video) - middle), "unreadable|no face|cut off"
    yield "headless.mp4", video[200:], "unreadable"
    yield "text.mp4", b"Good morning.\n" * 100, "unreadable"
    yield "ten_hours.mkv", ten_hours(scratch / "a.mkv"), "too long"
    yield "huge.png", huge_png(20_000, 20_000), "too large: .*: at most 67108864 pixels"
    yield "bomb.npz", zip_bomb("crops.npy", claiming((4 * 10**9,), "|u1"), 100), "too large"
    yield "quiet_bomb.npz", zip_bomb("crops.npy", claiming((1, 16, 16), "|u1"), 100), USABLE
    yield "header_bomb.npz", zip_bomb("crops.npy", long_header(100), 100), "unreadable: .*: a header of"
    yield "objects.npy", saved(np.array([{}, None], dtype=object)), "unreadable: .* array of object"
    yield "times.npy", saved(np.array(["2020-01-01"], dtype="datetime64[D]")), "unreadable"
    gif = io.BytesIO()
    Image.new("L", (8, 8)).save(
        gif, "GIF", save_all=True, append_images=[Image.new("L", (8, 8), n) for n in range(200)]
    )
    yield "many.gif", gif.getvalue(), "unknown kind"
    yield "gif.png", gif.getvalue(), "unreadable"
    yield "gif.mp4", gif.getvalue(), "unreadable"
    for suffix in ("png", "jpg", "mp4", "npy", "npz", "mkv"):
        yield f"empty.{suffix}", b"", "unreadable: .*: it is empty"
    picture = io.BytesIO()
    Image.fromarray(portrait()).save(picture, "PNG")
    yield "blank in name.png", picture.getvalue(), USABLE
    yield "日本 – ü😀.png", picture.getvalue(), USABLE


def places(directory: Path):
    """Yields paths of what is no file with something in it, and what is said of it."""
    for suffix in ("png", "mp4", "npy", "npz", "ark"):
        pipe, loop, folder = (directory / f"{kind}.{suffix}" for kind in ("pipe", "loop", "folder"))
        os.mkfifo(pipe)
        loop.symlink_to(loop)
        folder.mkdir()
        yield pipe, "unreadable: .*: it is a pipe or a device"
        yield loop, "unreadable"
        yield folder, "unreadable"
    (directory / "round").symlink_to(directory / "round")
    yield directory / "round/face.png", "unreadable: .*symbolic links"
    yield Path(f"{directory}/{'long' * 100}.png"), "unreadable: .*File name too long"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Paths, and what is said of each."""
    scratch, directory = tmp_path_factory.mktemp("scratch"), tmp_path_factory.mktemp("hostile")
    found = dict(places(directory))
    for name, content, reason in contents(scratch):
        (directory / name).write_bytes(content)
        found[directory / name] = reason
    return found


def test_stage_3_drops_them_with_a_line_each(hostile, tmp_path):
    rows = [("ab", "s1", "sad")]
    write_data(tmp_path / "data", {**dict.fromkeys(SETS, rows), "train": rows * len(hostile)})
    utts = {f"s1_train_{number}": path for number, path in enumerate(hostile)}
    write_table(tmp_path / "data/train/visual.scp", utts)
    for stage in (2, 3):
        run_stage(stage, tmp_path, CROPS)
    seen = read_table(tmp_path / "dump/raw/train/visual.scp")
    report = (tmp_path / "dump/raw/visual_report.txt").read_text()
    for utt, path in utts.items():
        assert (utt in seen) == (hostile[path] == USABLE), path
        if utt not in seen:
            assert re.search(rf"^  dropped {utt}: ({hostile[path]}).*$", report, re.MULTILINE), path
    assert report.count("\n") == len(hostile) - len(seen) + len(SETS)


def test_no_model_is_led_astray(hostile, make_tts):
    seeing = {**CROPS, "visual_shape": [16, 16], "style_conf": {"channels": 8, "visual": {"channels": 8}}}
    tts = make_tts(tasks={"tts": {"weight": 1.0}}, **seeing)
    for path, reason in hostile.items():
        if reason == USABLE:
            assert len(tts("good morning", visual=path)["wav"])
            continue
        with pytest.raises(UserError) as error:
            tts("good morning", visual=path)
        message = str(error.value)
        assert re.match(rf"visual .*: ({reason})", message), message
        assert "\n" not in message
        assert path.name in message
