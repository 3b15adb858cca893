"""What keeps millions of utterances affordable: checks that are not repeated, shared label files, tables in parts."""

import os
import re
import shutil
from pathlib import Path

import pytest
import yaml
from tiny_stages import TRAINABLE, run_stage, write_data

from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.errors import UserError
from espnet_mtl.training import inputs
from espnet_mtl.training.dataset import TrainPaths
from espnet_mtl.training.inputs import check_inputs
from espnet_mtl.training.splits import part_of, split_tables

ROWS = [("ab", "s1", "sad"), ("ab", "s2", "happy"), ("ba", "s1", "happy"), ("ba", "s2", "sad")]
ROWS += [("aab", speaker, emotion) for _, speaker, emotion in ROWS]
SHORT = {"num_iters_per_epoch": 4, "batch_size": 2}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A directory in which stages 2 to 4 have run."""
    work = tmp_path_factory.mktemp("scale")
    write_data(work / "data", {"train": ROWS, "dev": ROWS[:2], "test": ROWS[:1]})
    for stage in (2, 3, 4):
        run_stage(stage, work, SHORT, base=TRAINABLE)
    return work


@pytest.fixture
def work(made, tmp_path):
    """A copy of it, whose tables of features name the files of the copy."""
    shutil.copytree(made, tmp_path / "work")
    for scp in (tmp_path / "work/dump/raw").glob("*/[!w]*.scp"):
        scp.write_text(scp.read_text().replace(str(made), str(tmp_path / "work")))
    return tmp_path / "work"


@pytest.fixture
def looked(monkeypatch):
    """The sets whose every line and matrix was looked at."""
    seen = []

    class Noted(inputs.FeatureSet):
        def __init__(self, dump, token_type):
            seen.append(dump.name)
            super().__init__(dump, token_type)

    monkeypatch.setattr(inputs, "FeatureSet", Noted)
    return seen


def paths_in(work, **others):
    places = {"dump": "dump/raw", "token_list": "dump/token_list", "tables": "dump/tables", "stats": "exp/stats"}
    return TrainPaths(**{key: work / place for key, place in places.items()}, output=work / "exp/it", **others)


def check(work):
    check_inputs(paths_in(work), "fastspeech2", "phn")


def test_what_was_checked_is_not_looked_at_again(work, looked):
    check(work)
    check(work)
    assert looked == ["train", "dev"]
    check_inputs(paths_in(work), "tacotron2", "phn")
    assert looked == ["train", "dev"] * 2


@pytest.mark.parametrize("table", ["dump/raw/dev/durations", "dump/raw/train/pitch.scp", "exp/stats/train/text_shape"])
def test_a_changed_table_is_looked_at(work, table):
    check(work)
    path = work / table
    state = path.stat()
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[1:], lines[0][:-1]]) + "\n")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))  # its time does not tell
    with pytest.raises(UserError, match=path.name):
        check(work)
    with pytest.raises(UserError, match=path.name):
        check(work)


def test_a_changed_archive_is_looked_at(work):
    check(work)
    place = read_table(work / "dump/raw/train/feats.scp")
    (archive,) = {Path(line.rpartition(":")[0]) for line in place.values()}
    content = archive.read_bytes()
    archive.write_bytes(content[:-50])
    with pytest.raises(UserError, match="it is cut off"):
        check(work)
    archive.write_bytes(content)
    check(work)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"tables": "x"}', '{"tables": "x", "archives": {}}'])
def test_a_damaged_note_of_the_check_is_made_again(work, looked, content):
    check(work)
    (note,) = (work / "exp/stats").glob("checked_*")
    note.write_text(content)
    check(work)
    check(work)
    assert looked == ["train", "dev"] * 2


def test_experiments_share_label_files(work, monkeypatch):
    for tag in ("one", "two"):
        run_stage(5, work, {**SHORT, "num_iters_per_epoch": 1}, base=TRAINABLE, tag=tag)
        monkeypatch.setattr("espnet_mtl.training.dataset.write_table", None)  # a second time, nothing may be written
    (labels,) = (work / "exp/stats/labels").glob("[!.]*")
    configs = [yaml.safe_load((work / f"exp/{tag}/config.yaml").read_text()) for tag in ("one", "two")]
    for config in configs:
        assert [f"{labels}/train/emotion", "emotion", "text"] in config["train_data_path_and_name_and_type"]


def test_other_labels_have_other_files(work):
    before = paths_in(work).label_file("train", "emotion", "phn")
    assert paths_in(work).label_file("train", "emotion", "phn") == before
    table = read_table(work / "dump/raw/train/utt2emo")
    write_table(work / "dump/raw/train/utt2emo", dict.fromkeys(table, "sad"))
    assert paths_in(work).label_file("train", "emotion", "phn") != before


def test_every_line_is_in_one_part(tmp_path):
    utts = [f"ü{number:04}" for number in range(300)]
    write_table(tmp_path / "text", dict.fromkeys(utts, "ab c"))
    write_table(tmp_path / "more", {utt: utt for utt in utts})
    split_tables([(tmp_path / name, tmp_path / f"{name}_parts") for name in ("text", "more")], 3)
    assert (tmp_path / "text_parts/num_splits").read_text() == "3\n"
    found = []
    for part in range(3):
        text, more = (read_table(tmp_path / f"{name}_parts/split.{part}") for name in ("text", "more"))
        assert list(text) == list(more) == [utt for utt in utts if part_of(utt, 3) == part]
        assert more == {utt: utt for utt in text}
        assert 60 < len(text) < 140
        found += text
    assert sorted(found) == utts


def test_more_parts_than_lines(tmp_path):
    write_table(tmp_path / "text", {"a": "x", "b": "x"})
    with pytest.raises(UserError, match=r"--num_splits 9: .*text has too few lines \(2\): take fewer splits"):
        split_tables([(tmp_path / "text", tmp_path / "parts")], 9)
    assert not (tmp_path / "parts").exists()


def test_parts_are_trained_on_in_turn(work):
    settings = {**SHORT, "batch_size": 2, "num_iters_per_epoch": None, "max_epoch": 2}
    run_stage(5, work, settings, base=TRAINABLE, options=["--num_splits", "2"])
    log = (work / "exp/model/train.log").read_text()
    for epoch in (1, 2):
        text = log.partition(f"{epoch}/2epoch started")[2].partition(f"{epoch}epoch results")[0]
        assert text.count("th iter-factory") == 2
        assert sum(map(int, re.findall(r"N-batch=(\d+), batch_size=2", text))) == 4
