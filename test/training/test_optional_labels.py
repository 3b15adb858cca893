"""Labels that few corpora have: from stage 2 to a head, and no matter where there are none."""

import shutil
from dataclasses import replace

import pytest
import yaml
from tiny_stages import HEAD, SETS, TRAINABLE, run_stage, write_data

from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.data.provenance.notes import read_note, write_note
from espnet_mtl.data.provenance.settings import STATISTICS
from espnet_mtl.errors import UserError
from espnet_mtl.labels import CLASS_LABELS

ROWS = [("ab", "s1", "sad"), ("ab", "s1", "happy")] * 2
OPTIONAL = {
    "intensity": ({0: "low", 1: "high"}, ["high", "low"]),
    "emotion_voice": ({0: "sad:0.5,angry:0.5", 2: "sad"}, ["angry", "sad"]),
    "emotion_face": ({1: "happy"}, ["happy"]),
}
"""Lines of a set by place, and the table of the classes."""
SHORT = {"num_iters_per_epoch": 2}
LEARNED = {name: {**HEAD, "tap": "shared", "label": name} for name in OPTIONAL}
PLAIN = {"tasks": {"tts": {"weight": 1.0}}}


def labelled(data):
    """What stage 1 writes for a corpus with all of them."""
    write_data(data, dict.fromkeys(SETS, ROWS))
    for name in SETS:
        for label, (lines, _) in OPTIONAL.items():
            table = {f"s1_{name}_{place}": line for place, line in lines.items()}
            write_table(data / name / CLASS_LABELS[label].file, table)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A directory in which stages 2 to 4 have run."""
    work = tmp_path_factory.mktemp("labels")
    labelled(work / "data")
    for stage in (2, 3, 4):
        run_stage(stage, work, SHORT, base=TRAINABLE)
    return work


@pytest.fixture
def work(made, tmp_path):
    """A copy of it."""
    shutil.copytree(made, tmp_path / "work")
    return tmp_path / "work"


def without_labels(work):
    """What a version made that knew none of these labels."""
    note = read_note(work / "exp/stats", STATISTICS)
    outputs = dict(note.outputs)
    for label in map(CLASS_LABELS.get, OPTIONAL):
        (work / f"dump/tables/{label.table}.txt").unlink()
        outputs = {place: digest for place, digest in outputs.items() if label.table not in place}
        for name in SETS:
            (work / "dump/raw" / name / label.file).unlink()
    write_note(work / "exp/stats", replace(note, outputs=outputs))


def test_each_is_learned_from_the_utterances_that_have_it(work):
    run_stage(5, work, {**SHORT, "tasks": {**PLAIN["tasks"], **LEARNED}}, base=TRAINABLE)
    config = yaml.safe_load((work / "exp/model/config.yaml").read_text())
    for name, (lines, classes) in OPTIONAL.items():
        assert config[CLASS_LABELS[name].table] == classes
        (file,) = (work / "exp/shared/labels").glob(f"*/train/{name}")
        written = read_table(file)
        known = {place: line for place, line in enumerate(written.values()) if line != "-"}
        assert known == lines
    log = (work / "exp/model/train.log").read_text()
    assert all(f"{name}_loss=" in log for name in OPTIONAL)


def test_a_dump_of_before_is_trained_on(work):
    without_labels(work)
    run_stage(5, work, {**SHORT, **PLAIN}, base=TRAINABLE)
    assert yaml.safe_load((work / "exp/model/config.yaml").read_text())["intensities"] == []


def test_a_task_whose_label_nobody_has_is_left_out(work, caplog):
    without_labels(work)
    task = {"strength": {**LEARNED["intensity"]}}
    run_stage(5, work, {**SHORT, "tasks": {**PLAIN["tasks"], **task}}, base=TRAINABLE)
    log = (work / "exp/model/train.log").read_text()
    assert "tasks.strength is left out: the data have no intensity labels" in log


def test_a_label_without_its_table_is_told(work):
    note = read_note(work / "exp/stats", STATISTICS)
    write_note(work / "exp/stats", replace(note, outputs={}))
    (work / "dump/tables/intensities.txt").unlink()
    with pytest.raises(UserError, match=r"run stage 4 first: .*intensities.txt"):
        run_stage(5, work, {**SHORT, **PLAIN}, base=TRAINABLE)
