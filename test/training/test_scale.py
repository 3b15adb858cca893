"""What keeps millions of utterances affordable: checks that are not repeated, shared label files, tables in parts."""

import json
import os
import re
import shutil
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import yaml
from tiny_stages import TRAINABLE, run_stage, write_data

from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.data.provenance.notes import read_note, write_note
from espnet_mtl.errors import UserError
from espnet_mtl.text.tokens import Tokenizer
from espnet_mtl.training import inputs
from espnet_mtl.training.dataset import TrainPaths, written_labels
from espnet_mtl.training.inputs import check_inputs
from espnet_mtl.training.splits import part_of, split_table
from espnet_mtl.training.vocoder.predictions import Predictor

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


DAMAGED = ["", "{", "[]", '"x"', '{"tables": "x"}', '{"tables": "x", "archives": {}}', "[" * 100_000]
ARCHIVES = ("[]", "{}3", "null", "[[1.5, 2]]", '{"a\\u0000": 1}', '{"\\ud800": 1}')
DAMAGED += [f'{{"tables": "TABLES", "archives": {archives}}}' for archives in ARCHIVES]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_note_of_the_check_is_made_again(work, looked, content):
    check(work)
    (note,) = (work / "exp/shared").glob("checked_*")
    note.write_text(content.replace("TABLES", json.loads(note.read_text())["tables"]))
    check(work)
    check(work)
    assert looked == ["train", "dev"] * 2


def test_experiments_share_label_files(work, monkeypatch):
    for tag in ("one", "two"):
        run_stage(5, work, {**SHORT, "num_iters_per_epoch": 1}, base=TRAINABLE, tag=tag)
        monkeypatch.setattr(
            "espnet_mtl.training.label_files.write_table", None
        )  # a second time, nothing may be written
    (labels,) = (work / "exp/shared/labels").glob("[!.]*")
    configs = [yaml.safe_load((work / f"exp/{tag}/config.yaml").read_text()) for tag in ("one", "two")]
    for config in configs:
        assert [f"{labels}/train/emotion", "emotion", "text"] in config["train_data_path_and_name_and_type"]


def test_other_labels_have_other_files(work):
    before = paths_in(work).label_files.file("train", "emotion", "phn")
    assert paths_in(work).label_files.file("train", "emotion", "phn") == before
    table = read_table(work / "dump/raw/train/utt2emo")
    write_table(work / "dump/raw/train/utt2emo", dict.fromkeys(table, "sad"))
    assert paths_in(work).label_files.file("train", "emotion", "phn") != before


def test_labels_are_measured_again_where_archives_without_a_note_are_written_in_place(work):
    before = paths_in(work).label_files.made_for("phn")
    (archive,) = {line.rpartition(":")[0] for line in read_table(work / "dump/raw/train/pitch.scp").values()}
    content = bytearray(Path(archive).read_bytes())
    content[-1] ^= 1
    Path(archive).write_bytes(content)
    assert paths_in(work).label_files.made_for("phn") == before  # the note of stage 3 stands for the archive
    (work / "dump/raw/stage_3.json").unlink()
    without_note = paths_in(work).label_files.made_for("phn")
    os.utime(archive, ns=(1, 1))
    assert paths_in(work).label_files.made_for("phn") not in (before, without_note)


@pytest.mark.parametrize("damage", ["gone", "emptied", "no note", "bad note"])
def test_a_label_whose_files_are_damaged_is_written_again(work, damage):
    files = paths_in(work).label_files
    files.write(["emotion"], Tokenizer("phn"))
    file = files.file("dev", "emotion", "phn")
    note = files.made_for("phn") / "emotion.json"
    match damage:
        case "gone":
            file.unlink()
        case "emptied":
            file.write_bytes(b"")
        case "no note":
            note.unlink()
            file.write_text("s1_dev_0 happy\n")
        case _:
            note.write_bytes(b"\xff\xfe")
    assert files.write(["emotion"], Tokenizer("phn")) == []
    assert list(read_table(file).values()) == ["sad", "happy"]


def test_data_that_change_while_they_are_read_are_told(work, monkeypatch):
    table = work / "dump/raw/train/utt2emo"
    before = table.read_bytes()

    def changing(function):
        def changed(*args, **options):
            write_table(table, dict.fromkeys(read_table(table), "happy"))
            return function(*args, **options)

        return changed

    message = "dump/raw has changed while {}: run the same command again"
    for place, when in (
        ("inputs._check_all", "it was checked"),
        ("label_files.LabelFiles._write_new", "label files were made"),
        ("train.read_in_parts", "the training was prepared"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(f"espnet_mtl.training.{place}", changing(attribute(place)))
            with pytest.raises(UserError, match=message.format(when)):
                run_stage(5, work, {**SHORT, "num_iters_per_epoch": 1}, base=TRAINABLE)
        table.write_bytes(before)
        assert not (work / "exp/model/train.log").exists()
    run_stage(5, work, {**SHORT, "num_iters_per_epoch": 1}, base=TRAINABLE)
    assert read_table(paths_in(work).label_files.file("train", "emotion", "phn")) == read_table(table)


@pytest.mark.parametrize("changed", ["dump/raw/stage_3.json", "dump/raw/train/feats.scp", "exp/stats/dev/text_shape"])
def test_data_that_change_while_another_training_is_waited_for_are_told(work, monkeypatch, changed):
    settings = {**SHORT, "num_iters_per_epoch": 1}
    run_stage(5, work, settings, base=TRAINABLE, tag="before")  # label files are there

    def change(output):
        path = work / changed
        if path.suffix == ".json":
            write_note(path.parent, replace(read_note(path.parent, 3), content="other"))
        else:
            path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))

    monkeypatch.setattr("espnet_mtl.training.train.repair", change)  # the first, when it waits no more
    with pytest.raises(UserError, match="has changed while the training was prepared: run the same command again"):
        run_stage(5, work, settings, base=TRAINABLE)
    assert not (work / "exp/model/train.log").exists()


def attribute(place):
    """Finds what belongs to a module of training, such as `train.read_in_parts`."""
    module, *names = place.split(".")
    found = import_module(f"espnet_mtl.training.{module}")
    for name in names:
        found = getattr(found, name)
    return found


@pytest.mark.parametrize("output", ["exp/shared", "exp/shared/labels", "exp/stats"])
def test_no_experiment_lies_among_what_is_shared(work, output):
    (work / output).mkdir(parents=True, exist_ok=True)
    (work / "link").symlink_to(work / output)
    for place in (work / output, work / "exp/stats/../.." / output, work / "link"):
        with pytest.raises(UserError, match="is not for an experiment: name another directory"):
            run_stage(5, work, SHORT, base=TRAINABLE, tag=place)


def test_a_key_that_espnet_would_read_otherwise_is_told(work):
    for part in ("train", "dev"):
        for path in [*(work / "dump/raw" / part).iterdir(), *(work / "exp/stats" / part).glob("*_shape")]:
            if path.is_file():
                path.write_text(path.read_text().replace("s1_train_0", "é_0"))
    (work / "dump/raw/stage_3.json").unlink()
    (work / "exp/stats/stage_4.json").unlink()
    check(work)
    energy = work / "dump/raw/train/energy.scp"
    energy.write_text(energy.read_text().replace("é", "e\u0301"))
    with pytest.raises(UserError, match=r"energy.scp:1: 'e\u0301_0' is not composed \(Unicode NFC\).*'é_0'"):
        check(work)


def test_labels_behind_a_link_to_nowhere_are_not_left_out(work):
    check(work)
    before = paths_in(work).label_files.content
    (work / "dump/raw/train/utt2vad").symlink_to(work / "nowhere")
    assert paths_in(work).label_files.content != before
    with pytest.raises(UserError, match="utt2vad"):
        check(work)


def test_stage_4_leaves_what_trainings_read(work):
    settings = {**SHORT, "num_iters_per_epoch": 2}
    run_stage(5, work, settings, base=TRAINABLE, options=["--num_splits", "2"])
    shared = work / "exp/shared"
    kept = {path: path.stat().st_ino for path in shared.rglob("*") if path.is_file() and path.parent != shared}
    table = read_table(work / "dump/raw/train/utt2emo")
    write_table(work / "dump/raw/train/utt2emo", dict.fromkeys(table, "sad"))
    run_stage(4, work, settings, base=TRAINABLE)
    run_stage(5, work, settings, base=TRAINABLE, options=["--num_splits", "2"], tag="of_other_data")
    assert len(kept) > 20
    assert all(path.stat().st_ino == inode for path, inode in kept.items())


def test_every_line_is_in_one_part(tmp_path):
    utts = [f"ü{number:04}" for number in range(300)]
    write_table(tmp_path / "text", dict.fromkeys(utts, "ab c"))
    write_table(tmp_path / "more", {utt: utt for utt in utts})
    text_parts, more_parts = (split_table(tmp_path / name, 3, tmp_path / "parts") for name in ("text", "more"))
    assert (text_parts / "num_splits").read_text() == "3\n"
    found = []
    for part in range(3):
        text, more = (read_table(directory / f"split.{part}") for directory in (text_parts, more_parts))
        assert list(text) == list(more) == [utt for utt in utts if part_of(utt, 3) == part]
        assert more == {utt: utt for utt in text}
        assert 60 < len(text) < 140
        found += text
    assert sorted(found) == utts


def test_another_table_has_other_parts(tmp_path):
    table = tmp_path / "text"
    write_table(table, {"a": "x", "d": "x"})
    first = split_table(table, 2, tmp_path / "parts")
    assert split_table(table, 2, tmp_path / "parts") == first
    write_table(table, {"a": "y", "d": "x"})
    second = split_table(table, 2, tmp_path / "parts")
    lines = [sorted(path.read_text() for path in parts.glob("split.*")) for parts in (first, second)]
    assert lines == [["a x\n", "d x\n"], ["a y\n", "d x\n"]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_any_end_are_parted(tmp_path, end):
    (tmp_path / "text").write_bytes(f"a x{end}d x{end}".encode())
    parts = split_table(tmp_path / "text", 2, tmp_path / "parts")
    assert sorted(path.read_text() for path in parts.glob("split.*")) == ["a x\n", "d x\n"]


def test_parts_that_are_damaged_are_made_again(tmp_path):
    write_table(tmp_path / "text", {"a": "x", "d": "x"})
    parts = split_table(tmp_path / "text", 2, tmp_path / "parts")
    whole = {path.name: path.read_bytes() for path in parts.iterdir()}
    assert set(whole) == {"digests.json", "num_splits", "split.0", "split.1"}
    for name in whole:
        for damage in (Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-2])):
            damage(parts / name)
            split_table(tmp_path / "text", 2, tmp_path / "parts")
            assert {path.name: path.read_bytes() for path in parts.iterdir()} == whole


def test_a_table_that_changes_while_it_is_parted_is_told(tmp_path, monkeypatch):
    table = tmp_path / "text"
    write_table(table, {"a": "x", "d": "x"})

    def part_and_change(utt, number):
        write_table(table, {"a": "y", "d": "y"})
        return part_of(utt, number)

    monkeypatch.setattr("espnet_mtl.training.splits.part_of", part_and_change)
    with pytest.raises(UserError, match="text has changed while it was parted: run the same command again"):
        split_table(table, 2, tmp_path / "parts")
    assert not list(tmp_path.glob("parts/[!.]*"))


def test_more_parts_than_lines(tmp_path):
    write_table(tmp_path / "text", {"a": "x", "b": "x"})
    with pytest.raises(UserError, match=r"--num_splits 9: .*text has too few lines \(2\): take fewer splits"):
        split_table(tmp_path / "text", 9, tmp_path / "parts")
    assert not list(tmp_path.glob("parts/[!.]*"))


def test_more_parts_than_steps(work):
    message = r"--num_splits 3: num_iters_per_epoch 2 leaves parts out.*: --num_splits 2 is the most"
    with pytest.raises(UserError, match=message):
        run_stage(5, work, {**SHORT, "num_iters_per_epoch": 2}, base=TRAINABLE, options=["--num_splits", "3"])
    assert not (work / "exp/model").exists()


def test_a_training_goes_on_with_its_own_parts_only(work):
    for splits in ("1", "2"):
        run_stage(5, work, SHORT, base=TRAINABLE, options=["--num_splits", splits], tag=f"by_{splits}")
    with pytest.raises(UserError, match="other settings or data"):
        run_stage(5, work, SHORT, base=TRAINABLE, options=["--num_splits", "2"], tag="by_1")


def test_a_vocoder_is_trained_on_what_was_learned_in_parts(work):
    vocoder = {"steps": 1, "batch_size": 1, "discriminators": False}
    options = ["--num_splits", "2"]
    run_stage(5, work, {**SHORT, "num_iters_per_epoch": 2, "vocoder": vocoder}, base=TRAINABLE, options=options)
    exp = work / "exp/model"
    assert (exp / "vocoder.pth").is_file()
    in_parts = Predictor(exp / "config.yaml", exp / "latest.pth", "cpu")
    utts = in_parts.in_turn(read_table(work / "dump/raw/train/wav.scp"))
    assert [part_of(utt, 2) for utt in utts] == sorted(part_of(utt, 2) for utt in utts)
    assert part_of(utts[0], 2) != part_of(utts[-1], 2)
    config = yaml.safe_load((exp / "config.yaml").read_text())
    files = paths_in(work).inputs("train", "fastspeech2", "phn", written_labels(config["tasks"]))
    config |= {
        "multiple_iterator": False,
        "train_data_path_and_name_and_type": [[str(one), *rest] for one, *rest in files],
    }
    (exp / "whole.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    whole = Predictor(exp / "whole.yaml", exp / "latest.pth", "cpu")
    for found, wanted in zip(in_parts.predict(utts), whole.predict(utts), strict=True):
        assert np.array_equal(found, wanted)


def test_parts_are_trained_on_in_turn(work):
    settings = {**SHORT, "batch_size": 2, "num_iters_per_epoch": None, "max_epoch": 2}
    run_stage(5, work, settings, base=TRAINABLE, options=["--num_splits", "2"])
    log = (work / "exp/model/train.log").read_text()
    for epoch in (1, 2):
        text = log.partition(f"{epoch}/2epoch started")[2].partition(f"{epoch}epoch results")[0]
        assert text.count("th iter-factory") == 2
        assert sum(map(int, re.findall(r"N-batch=(\d+), batch_size=2", text))) == 4
