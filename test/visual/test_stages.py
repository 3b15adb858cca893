"""What is seen, through stages 1 to 3: any share of the utterances may lack it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import kaldiio
import numpy as np
import pytest
from face_media import portrait, scene, write_sound, write_video
from PIL import Image
from tiny_stages import CONFIG, SECONDS, SETS, config_file, run_stage, write_data

from espnet_mtl.config.load import load_train_config
from espnet_mtl.config.overrides import check_same_data
from espnet_mtl.config.schema import complete
from espnet_mtl.data.arks import Matrices
from espnet_mtl.data.extraction import seen, visual
from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.data.provenance.check import check_stages
from espnet_mtl.errors import UserError
from espnet_mtl.visual import faces

ROWS = [("ab", "s1", "sad")] * 4
CROPS = {"visual_extract": "crops", "visual_extract_conf": {"rate": 10.0, "size": 32}}
FRAMES = round(SECONDS * 25)


def add_faces(data: Path) -> dict[str, str]:
    """Gives utterances of stage 1 something to look at; returns the kind of reason for which each is dropped."""
    media = data / "media"
    media.mkdir()
    video = write_video(media / "a.mp4", (portrait(seed=seed) for seed in range(FRAMES)))
    Image.fromarray(portrait()).save(media / "a.png")
    Image.fromarray(scene()).save(media / "nobody.png")
    np.savez(media / "a.npz", crops=np.full((8, 40, 40), 128, np.uint8), rate=10)
    (media / "text.mp4").write_text("Good morning.")
    short = write_video(media / "short.mp4", [portrait()] * 3)
    kaldiio.save_ark(str(media / "a.ark"), {"one": np.zeros((2, 16 * 16), np.float32)})
    scp = {
        "train": {0: video, 1: media / "a.png", 2: media / "text.mp4"},
        "dev": {0: media / "a.npz", 1: short, 2: media / "nobody.png", 3: f"{media}/a.ark:4"},
        "test": {0: f"{media}/a.ark:99", 1: write_sound(media / "sound.mp4"), 3: media / "none.flv"},
    }
    for name, places in scp.items():
        write_table(data / name / "visual.scp", {f"s1_{name}_{place}": path for place, path in places.items()})
    return {
        "s1_train_2": "unreadable",
        "s1_dev_1": "wrong length",
        "s1_dev_2": "no face",
        "s1_test_0": "unreadable",
        "s1_test_1": "no video stream",
        "s1_test_3": "missing",
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A directory in which stages 2 and 3 have run, and why the visual part of utterances was dropped."""
    work = tmp_path_factory.mktemp("seen")
    write_data(work / "data", dict.fromkeys(SETS, ROWS))
    dropped = add_faces(work / "data")
    for stage in (2, 3, 4):
        run_stage(stage, work, CROPS)
    return work, dropped


@pytest.fixture
def work(made, tmp_path):
    """A copy of it."""
    shutil.copytree(made[0], tmp_path / "work")
    return tmp_path / "work"


def keep_only(table: Path, endings: tuple[str, ...]) -> None:
    """Leaves out the lines whose paths end otherwise."""
    write_table(table, {utt: place for utt, place in read_table(table).items() if place.endswith(endings)})


def check(work: Path, change: dict) -> None:
    """What stage 5 does before it trains."""
    check_stages(work / "dump/raw", load_train_config(config_file(work, change)), "phn", 5, work / "exp/stats")


def test_those_that_are_seen_have_vectors_and_the_others_stay(made):
    work, dropped = made
    for name in SETS:
        dump = work / "dump/raw" / name
        given = set(read_table(work / "data" / name / "visual.scp"))
        assert set(read_table(dump / "feats.scp")) == {f"s1_{name}_{place}" for place in range(4)}
        assert set(read_table(dump / "visual.scp")) == given - set(dropped)
    train, dev = (Matrices(work / "dump/raw" / name / "visual.scp") for name in ("train", "dev"))
    assert dict(train.shapes())["s1_train_0"] == (8, 32 * 32)
    assert dict(train.shapes())["s1_train_1"] == (1, 32 * 32)
    np.testing.assert_allclose(dev["s1_dev_0"], 128 / 255, atol=1e-5)
    assert dict(dev.shapes())["s1_dev_3"] == (2, 32 * 32)
    note = json.loads((work / "dump/raw/visual.json").read_text())
    assert note == {"extractor": "crops", "shape": [32, 32], "rate": 10.0, "weights": None}


def test_the_report_counts_and_names_what_was_dropped(made):
    work, dropped = made
    report = (work / "dump/raw/visual_report.txt").read_text()
    assert "train: 2 of 4 utterances are seen, 1 have nothing to look at, 1 unreadable\n" in report
    assert "dev: 2 of 4 utterances are seen, 0 have nothing to look at, 1 no face, 1 wrong length\n" in report
    for utt, kind in dropped.items():
        assert f"  dropped {utt}: {kind}: " in report
    assert report.count("dropped") == len(dropped)
    assert re.search(r"wrong length: 0.10 s are seen of 0.\d\d s of speech", report)


def test_standard_error_has_one_line_of_it(work, capsys):
    run_stage(3, work, CROPS)
    said = [line for line in capsys.readouterr().err.splitlines() if "dropped" in line]
    (line,) = said
    for count in ("6 utterances", "2 unreadable", "1 no face", "1 missing", "visual_report.txt"):
        assert count in line


def test_the_number_of_processes_does_not_matter(work):
    dumps = [work / "dump/raw" / name for name in SETS]
    config = complete({**CONFIG, **CROPS})
    content = visual.extract_visual(dumps, config, 1)
    assert content
    assert visual.extract_visual(dumps, config, 2) == content


def test_without_visual_extract_nothing_is_read_and_what_was_made_is_gone(work, monkeypatch):
    shutil.rmtree(work / "data/media")
    monkeypatch.setattr(seen, "read_visual", lambda _: pytest.fail("a table was read"))
    run_stage(3, work)
    dump = work / "dump/raw"
    left = [path for path in dump.rglob("visual*") if not path.name.startswith(".")]
    assert left == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"visual_extract": "expression"}, "visual_extract crops, not expression: run stages 3 to 4 again"),
        ({**CROPS, "visual_extract_conf": {"size": 32}}, "visual_extract_conf.rate 10.0, not 5.0: run stages 3 to 4"),
    ],
)
def test_other_settings_make_it_stale(work, change, words):
    check(work, CROPS)
    check(work, {})  # who asks for nothing does not care
    with pytest.raises(UserError, match=words):
        check(work, change)


def test_a_changed_video_makes_it_stale(work, tmp_path):
    # The dump's notes name the original's files by relative paths, so that they are those of the copy
    shutil.rmtree(work)
    write_data(work / "data", dict.fromkeys(SETS, ROWS))
    add_faces(work / "data")
    for stage in (2, 3, 4):
        run_stage(stage, work, CROPS)
    check(work, CROPS)
    write_video(work / "data/media/a.mp4", [portrait("sad")] * FRAMES)
    with pytest.raises(
        UserError, match=r"media/a.mp4 has changed since stage 3 made features of it: run stages 3 to 4"
    ):
        check(work, CROPS)
    check(work, {})


def test_another_table_of_stage_1_makes_stage_2_stale(work):
    table = work / "data/dev/visual.scp"
    table.write_text(table.read_text().replace("s1_dev_2", "s1_dev_0", 1).partition("\n")[2])
    with pytest.raises(UserError, match=r"data/dev/visual.scp has changed since stage 2 made audio of it"):
        check(work, {})


def test_a_dump_without_it_is_told(work):
    run_stage(3, work)
    run_stage(4, work)
    check(work, {})
    with pytest.raises(UserError, match="stage 3 made features with visual_extract None, not crops: run stages 3 to 4"):
        check(work, CROPS)


KILLED = """
import os, signal, sys
from espnet_mtl.bin.stages import extract_features
from espnet_mtl.data.extraction import seen, visual
visual._report = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
extract_features.main(sys.argv[1:])
"""


def test_a_stage_that_was_killed_is_told_and_runs_again(work):
    arguments = ["--dump", work / "dump/raw", "--train_config", config_file(work, CROPS), "--nj", "1"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], env=environment, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not json.loads((work / "dump/raw/stage_3.json").read_text())["finished"]
    assert not (work / "dump/raw/visual.json").exists()
    with pytest.raises(UserError, match="run stage 3 first"):
        check(work, CROPS)
    for stage in (3, 4):
        run_stage(stage, work, CROPS)
    check(work, CROPS)


def test_nobody_has_anything_to_look_at(tmp_path):
    write_data(tmp_path / "data", dict.fromkeys(SETS, ROWS[:2]))
    run_stage(2, tmp_path, CROPS)
    with pytest.raises(UserError, match=r"visual_extract: crops, but no utterance has a picture.*visual.scp"):
        run_stage(3, tmp_path, CROPS)
    assert not (tmp_path / "dump/raw/train/feats.scp").exists()


def test_nothing_can_be_made_of_any(work):
    for name in SETS:
        keep_only(work / "dump/raw" / name / "media.scp", (".mp4", ".png", ".flv"))
    with pytest.raises(
        UserError, match=r"visual_extract: embedding: nothing could be made of 7 utterances, 7 no embed"
    ):
        run_stage(3, work, {"visual_extract": "embedding"})


def test_vectors_of_two_sizes_do_not_go_together(tmp_path):
    write_data(tmp_path / "data", dict.fromkeys(SETS, ROWS[:3]))
    np.save(tmp_path / "0.npy", np.ones(7))
    np.save(tmp_path / "1.npy", np.ones(5))
    np.save(tmp_path / "2.npy", np.full(7, 1e300))  # beyond single precision
    places = {f"s1_train_{number}": tmp_path / f"{number}.npy" for number in range(3)}
    write_table(tmp_path / "data/train/visual.scp", places)
    for stage in (2, 3):
        run_stage(stage, tmp_path, {"visual_extract": "embedding"})
    assert set(read_table(tmp_path / "dump/raw/train/visual.scp")) == {"s1_train_0"}
    assert "dropped s1_train_2: not finite: " in (tmp_path / "dump/raw/visual_report.txt").read_text()
    assert (
        "wrong shape: vectors of 5 numbers, where others have 7"
        in (tmp_path / "dump/raw/visual_report.txt").read_text()
    )
    assert json.loads((tmp_path / "dump/raw/visual.json").read_text())["shape"] == [7]


def test_opencv_is_asked_for_before_any_work_and_only_where_it_is_needed(work, monkeypatch):
    faces.import_opencv.cache_clear()
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UserError, match="OpenCV"):
        run_stage(3, work, CROPS)
    check(work, CROPS)  # what was there is there
    for name in SETS:
        keep_only(work / "dump/raw" / name / "media.scp", (".npz", ".ark:4"))
    run_stage(3, work, CROPS)
    monkeypatch.undo()
    faces.import_opencv.cache_clear()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("s1_train_9 a.mp4\n", r"visual.scp:1: utterance s1_train_9 is not in wav.scp"),
        ("s1_train_0 touch hacked |\n", r"visual.scp:1: utterance s1_train_0: a command"),
        ("s1_train_0 -\n", "standard input"),
        ("s1_train_0\n", r"visual.scp:1: expected '<key> <value>'"),
    ],
)
def test_mistakes_in_a_table_written_by_hand(tmp_path, line, message):
    write_data(tmp_path / "data", dict.fromkeys(SETS, ROWS[:1]))
    (tmp_path / "data/train/visual.scp").write_text(line)
    with pytest.raises(UserError, match=message):
        run_stage(2, tmp_path)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"visual_extract": "crop"}, "unknown visual_extract 'crop': did you mean crops.*expression"),
        ({"visual_extract": 3}, "unknown visual_extract 3: Valid: crops"),
        ({"visual_extract": "crops", "visual_extract_conf": {"side": 3}}, "key of visual_extract_conf 'side'.*size"),
        ({"visual_extract": "crops", "visual_extract_conf": {"size": 8}}, "size: a whole number from 16 to 128, got 8"),
        ({"visual_extract": "expression", "visual_extract_conf": {"rate": 0}}, "rate: .*above 0, up to 60, got 0"),
        ({"visual_extract_conf": {"rate": 3}}, "visual_extract_conf has no effect without visual_extract: .*crops"),
    ],
)
def test_mistakes_in_the_configuration(keys, message):
    with pytest.raises(UserError, match=message):
        complete(keys)


def test_models_that_ask_for_nothing_share_the_data_of_those_that_do():
    crops, nothing = complete(CROPS), complete({})
    check_same_data({Path("a"): nothing, Path("b"): crops, Path("c"): nothing, Path("d"): crops})
    with pytest.raises(UserError, match=r"^c: visual_extract, visual_extract_conf: other than in b"):
        check_same_data({Path("a"): nothing, Path("b"): crops, Path("c"): complete({"visual_extract": "expression"})})
