"""A scp file from a stranger: no entry of it runs a command, reads the standard input, or loads a pickle."""

import os
import pickle
import shutil
import sys
from pathlib import Path

import kaldiio
import numpy as np
import pytest

from espnet_mtl.bin.stages.prepare_audio import main as prepare_audio
from espnet_mtl.data.arks import Matrices, load_matrix
from espnet_mtl.data.kaldi import read_scp, read_table, write_table
from espnet_mtl.errors import UserError
from espnet_mtl.evaluation.encoders import styles_of_recordings
from espnet_mtl.evaluation.external import read_hypothesis
from espnet_mtl.evaluation.judge import Judge
from espnet_mtl.evaluation.speech_set import read_speech_set
from espnet_mtl.inference.sets.teacher import _utterances

CONF = Path(__file__).parents[2] / "egs2/mtl_tts/conf/train_fastspeech2.yaml"
ENTRIES = ("touch {mark}; cat {file} |", "touch {mark} |", " |touch {mark}", "| touch {mark}", "touch {mark} | ")
STANDARD_INPUT = ("-", "ark:-", "ark,t:-")


@pytest.fixture
def mark(tmp_path):
    """A file that only a command of an entry would make; the test fails where it is there in the end."""
    path = tmp_path / "made_by_a_command"
    yield path
    assert not path.exists(), "a command ran"


@pytest.fixture
def stranger(tmp_path, corpus):
    """A copy of natural test speech, to be changed."""
    return Path(shutil.copytree(corpus / "dump/raw/test", tmp_path / "stranger/test"))


def replace_entry(scp, entry, mark):
    """Puts an entry in the place of the first one of a scp file; returns its utterance."""
    lines = scp.read_text().splitlines()
    utt, file = lines[0].split(maxsplit=1)
    lines[0] = f"{utt} {entry.format(mark=mark, file=file.rpartition(':')[0] or file)}"
    scp.write_text("\n".join(lines) + "\n")
    return utt


@pytest.mark.parametrize("entry", [*ENTRIES, *STANDARD_INPUT])
def test_the_one_reader_of_scp_files(stranger, mark, entry):
    utt = replace_entry(stranger / "feats.scp", entry, mark)
    for read in (read_scp, Matrices):
        with pytest.raises(UserError, match=rf"feats.scp:1: utterance {utt}.*(only files are read|standard input)"):
            read(stranger / "feats.scp")


@pytest.mark.parametrize("entry", ENTRIES)
def test_recordings_of_an_evaluation(stranger, corpus, mark, entry):
    replace_entry(stranger / "wav.scp", entry, mark)
    with pytest.raises(UserError, match=r"wav.scp:1: .*only files are read here, no pipes"):
        read_speech_set(stranger, "stage 2")
    reference = read_speech_set(corpus / "dump/raw/test", "stage 2")
    for hypothesis in (stranger, stranger / "wav.scp"):
        with pytest.raises(UserError, match=r"wav.scp:1: .*no pipes"):
            read_hypothesis(hypothesis, reference)


@pytest.mark.parametrize("entry", ENTRIES)
def test_features_of_an_evaluation(stranger, corpus, mark, entry):
    replace_entry(stranger / "pitch.scp", entry, mark)
    with pytest.raises(UserError, match=r"pitch.scp:1: .*no pipes"):
        read_speech_set(stranger, "stage 2").tokens()
    replace_entry(stranger / "feats.scp", entry, mark)
    speech = read_speech_set(stranger, "stage 2")
    with pytest.raises(UserError, match=r"feats.scp:1: .*no pipes"):
        styles_of_recordings(None, speech)
    judge = Judge(None, speech, stranger / "judge", 16000, {"features": {}}, "en-us", 1)
    with pytest.raises(UserError, match=r"feats.scp:1: .*no pipes"):
        _ = judge.natural_vocoded


@pytest.mark.parametrize("entry", ENTRIES)
def test_features_for_a_teacher(stranger, mark, entry):
    replace_entry(stranger / "feats.scp", entry, mark)
    args = type("Args", (), {"token_type": "char"})
    with pytest.raises(UserError, match=r"feats.scp:1: .*no pipes"):
        list(_utterances(stranger, args))


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mknod, (str(self.path),)


def test_an_archive_of_pickles(tmp_path, mark):
    """kaldiio unpickles what begins with PKL."""
    (tmp_path / "a.ark").write_bytes(b"a PKL" + pickle.dumps(Touch(mark)))
    with pytest.raises(UserError, match=r"here: no Kaldi matrix at .*a.ark:2"):
        load_matrix(f"{tmp_path}/a.ark:2", "here")


@pytest.mark.parametrize("kind", ["npy", "pickled npy", "text", "wav", "int vector"])
def test_what_is_no_matrix(tmp_path, kind):
    path = tmp_path / "a.ark"
    if "npy" in kind:
        with path.open("wb") as file:
            np.save(file, np.array([{}]) if kind == "pickled npy" else np.ones((2, 2)), allow_pickle=True)
    content = {"text": b" [\n  1 2\n  3 4 ]\n", "wav": b"RIFF\x24\x00\x00\x00WAVE", "int vector": b"\0B\4\1\0\0\0"}
    if kind in content:
        path.write_bytes(content[kind])
    with pytest.raises(UserError, match=r"here: no Kaldi matrix at"):
        load_matrix(str(path), "here")


@pytest.mark.skipif(sys.platform == "win32", reason="no such files")
@pytest.mark.parametrize("place", ["/dev/stdin", "/dev/zero", "fifo", ".", "missing.ark:3", "a" * 5000])
def test_what_is_no_file(tmp_path, place):
    """A pipe with a name would be waited for, and a device never ends."""
    if place == "fifo":
        os.mkfifo(tmp_path / place)
    with pytest.raises(UserError, match=r"here: .* (is missing|cannot be read)"):
        load_matrix(str(tmp_path / place), "here")


@pytest.mark.parametrize("rows", [2**31 - 1, -5, 0, 4])
def test_an_archive_that_claims_more_than_it_holds(tmp_path, rows):
    path = tmp_path / "a.ark"
    size = np.int32(rows).tobytes()
    path.write_bytes(b"\0BFM \4" + size + b"\4" + np.int32(80).tobytes() + bytes(100))
    with pytest.raises(UserError, match=r"here: (no Kaldi matrix at|.* ends within the matrix)"):
        load_matrix(str(path), "here")


def saved(path, array, method=None):
    """Writes an archive of one matrix; returns its scp file."""
    scp = path.with_suffix(".scp")
    with kaldiio.WriteHelper(f"ark,scp:{path},{scp}", compression_method=method) as writer:
        writer("a", array)
    return scp


def test_every_kind_of_matrix_is_read_as_kaldiio_reads_it(tmp_path):
    values = np.random.default_rng(0).normal(size=(9, 4)).astype("f")
    for method in (None, *range(1, 8)):
        scp = saved(tmp_path / f"{method}.ark", values, method)
        np.testing.assert_array_equal(Matrices(scp)["a"], kaldiio.load_scp(str(scp))["a"])
    for array in (values.astype(float), values[0], values[0].astype(float)):
        saved(tmp_path / "other.ark", array)
        np.testing.assert_array_equal(load_matrix(f"{tmp_path}/other.ark:2", "here"), array)


@pytest.fixture
def data(tmp_path, corpus):
    """What stage 1 leaves, a few recordings in each set."""
    for name in ("train", "dev", "test"):
        source = corpus / "dump/raw/test"
        for table in ("wav.scp", "text", "utt2spk", "utt2emo"):
            lines = list(read_table(source / table).items())
            write_table(tmp_path / "data" / name / table, dict(lines[:4]))
    return tmp_path / "data"


def stage_2(data, *options):
    command = [
        "--data",
        data,
        "--output",
        data.parent / "raw",
        "--train_config",
        CONF,
        "--max_dropped",
        "0.3",
        *options,
    ]
    prepare_audio(list(map(str, command)))


@pytest.mark.parametrize("entry", ENTRIES)
def test_stage_2_runs_no_commands_unless_it_is_told_to(data, mark, entry):
    replace_entry(data / "train/wav.scp", entry, mark)
    with pytest.raises(UserError, match=r"train/wav.scp:1: .*no pipes \(where .*, --allow_pipes true runs"):
        stage_2(data)
    assert not (data.parent / "raw/train").exists()


def test_stage_2_runs_commands_where_the_user_says_so(data, tmp_path):
    mark = tmp_path / "made_by_a_command"
    utt = replace_entry(data / "train/wav.scp", ENTRIES[0], mark)
    stage_2(data, "--allow_pipes", "true")
    assert mark.exists()
    assert utt in read_table(data.parent / "raw/train/wav.scp")


def test_a_command_that_fails_drops_its_utterance_by_name(data, tmp_path):
    utt = replace_entry(data / "train/wav.scp", "cat {mark} |", tmp_path / "nowhere")
    stage_2(data, "--allow_pipes", "true")
    report = (data.parent / "raw/report.txt").read_text()
    assert (
        f"  dropped {utt}: unreadable: 'cat {tmp_path}/nowhere' failed with status 1: cat: {tmp_path}/nowhere" in report
    )
