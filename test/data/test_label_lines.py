"""A line that is no label is refused with its file, wherever a stage reads it; so is a file that is not UTF-8."""

import numpy as np
import pytest
import soundfile

from espnet_mtl.corpora.base import Utterance
from espnet_mtl.corpora.split import SplitPolicy
from espnet_mtl.data.audio import prepare_audio
from espnet_mtl.data.continuous import read_continuous
from espnet_mtl.data.kaldi import read_labels, write_table
from espnet_mtl.data.options import AudioConf
from espnet_mtl.data.prepare import write_directory
from espnet_mtl.data.stats import write_tables
from espnet_mtl.data.utterances import FROM_ALIGNER, read_utterances
from espnet_mtl.errors import UserError
from espnet_mtl.labels import CLASS_LABELS, LABEL_FILES
from espnet_mtl.registry import CORPORA
from espnet_mtl.text.tokens import Tokenizer

NO_LABELS = {
    "happy:high": "'high' is not a number",
    "happy:0.8,happy:0.2": "'happy' comes twice",
    "sad:0.3,neutral": "'neutral' has no weight",
    "sad:-1,neutral:1": "the weight of 'sad' is -1.0",
    "sad:0": "expected 'name'",
    "-,sad": "'-' means no label",
    "sad:0.5:0.5": "the name 'sad:0.5' holds",
}


@pytest.fixture
def data(tmp_path):
    """What stage 1 leaves: one recording in each set."""
    wave = 0.1 * np.sin(np.arange(16000) * 0.1)
    soundfile.write(tmp_path / "a.wav", wave, 16000)
    for name in ("train", "dev", "test"):
        directory = tmp_path / "data" / name
        write_table(directory / "wav.scp", {"a_1": tmp_path / "a.wav"})
        write_table(directory / "text", {"a_1": "one"})
        write_table(directory / "utt2spk", {"a_1": "a"})
    return tmp_path / "data"


@pytest.mark.parametrize("line", NO_LABELS)
def test_stage_1_names_the_line_of_the_users_table(tmp_path, line):
    (tmp_path / "metadata.csv").write_text(f'path,text,emotion\na.wav,One.,sad\nb.wav,Two.,"{line}"\n')
    with pytest.raises(UserError, match=rf"metadata.csv:3: emotion: .*{NO_LABELS[line]}"):
        CORPORA.load("csv")(root=tmp_path).utterances()


def test_stage_1_names_the_utterance_of_any_corpus(tmp_path):
    bad = Utterance("a_1", "a", "One.", "one", "happy:high", audio=tmp_path / "a.wav")
    with pytest.raises(UserError, match=r"utterance a_1: label 'happy:high': 'high' is not a number"):
        write_directory(tmp_path, [bad])
    assert not (tmp_path / "utt2emo").exists()


@pytest.mark.parametrize("line", NO_LABELS)
def test_stage_2_names_file_and_utterance(data, tmp_path, line):
    write_table(data / "dev/utt2emo", {"a_1": line})
    with pytest.raises(UserError, match=rf"data/dev/utt2emo:1: utterance a_1: .*{NO_LABELS[line]}"):
        prepare_audio(data, tmp_path / "raw", 16000, AudioConf())
    assert not [path for path in (tmp_path / "raw").glob("*") if not path.name.endswith(".lock")]


def test_stage_2_wants_a_speaker_of_every_utterance(data, tmp_path):
    write_table(data / "dev/utt2spk", {"a_1": "-"})
    with pytest.raises(UserError, match=r"data/dev/utt2spk:1: utterance a_1: speaker '-': this means no speaker"):
        prepare_audio(data, tmp_path / "raw", 16000, AudioConf())


def test_stage_2_reads_numbers(data, tmp_path):
    write_table(data / "dev/utt2vad", {"a_1": "1 2 x"})
    with pytest.raises(UserError, match=r"data/dev/utt2vad:1: utterance a_1: vad '1 2 x': expected 3 numbers"):
        prepare_audio(data, tmp_path / "raw", 16000, AudioConf())


@pytest.mark.parametrize("line", NO_LABELS)
def test_stage_4_names_file_and_utterance(data, tmp_path, line):
    write_table(data / "train/utt2emo", {"a_1": line})
    with pytest.raises(UserError, match=rf"data/train/utt2emo:1: utterance a_1: .*{NO_LABELS[line]}"):
        write_tables(data, tmp_path / "tables")
    assert not (tmp_path / "tables").exists()


@pytest.mark.parametrize("table", ["wav.scp", "text", *LABEL_FILES])
def test_a_table_in_another_encoding_is_named_with_its_line(data, tmp_path, table):
    (data / "train" / table).write_bytes("a_0 x\na_1 Grüße\n".encode("latin-1"))
    with pytest.raises(UserError, match=rf"data/train/{table}:2: not UTF-8: .*save it as UTF-8"):
        prepare_audio(data, tmp_path / "raw", 16000, AudioConf())


@pytest.mark.parametrize("table", ["wav.scp", "text", "utt2lang"])
def test_stage_3_names_it_too(data, table):
    (data / "train" / table).write_bytes("a_1 Grüße\n".encode("latin-1"))
    with pytest.raises(UserError, match=rf"data/train/{table}:1: not UTF-8"):
        read_utterances(data / "train", Tokenizer("char"), FROM_ALIGNER)
    (data / "train/utt2vad").write_bytes("a_1 ü\n".encode("latin-1"))
    with pytest.raises(UserError, match="utt2vad:1: not UTF-8"):
        read_continuous(data / "train", ["vad"], Tokenizer("char"))


@pytest.mark.parametrize("name", ["csv", "nemo", "emodb"])
def test_a_corpus_table_in_another_encoding_is_named_with_its_line(tmp_path, name):
    header = "path,text,utt_id,speaker,emotion\n"
    (tmp_path / "metadata.csv").write_bytes((header + "a.wav,Grüße,a,b,c\n").encode("latin-1"))
    with pytest.raises(UserError, match=r"metadata.csv:2: not UTF-8: .*save it as UTF-8"):
        CORPORA.load(name)(root=tmp_path).utterances()


def test_a_policy_of_no_numbers_is_refused():
    with pytest.raises(UserError, match=r"seed of the split: expected a whole number, 0 or more, got 0\.5"):
        SplitPolicy(1, 1, seed=0.5)


def test_two_names_of_one_form_are_told_apart_by_their_lines(data):
    (data / "train/utt2spk").write_text("a_1 a b\na_2 a_b\na_3 c\n")
    with pytest.raises(UserError, match=r"utt2spk:2: utterance a_2: speaker 'a_b': 'a b' \(.*:1: utterance a_1\)"):
        read_labels(data / "train/utt2spk", CLASS_LABELS["speaker"])
    (data / "train/utt2spk").write_text("a_1 é\na_2 e\u0301\na_3 e\u200b\u0301\n")
    assert set(read_labels(data / "train/utt2spk", CLASS_LABELS["speaker"]).values()) == {"é"}
