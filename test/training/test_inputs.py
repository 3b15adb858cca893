"""What stage 5 hands to ESPnet is checked first: a file that was damaged or does not fit is named with its line."""

import numpy as np
import pytest
from recipe import CONF

from espnet_mtl.data.arks import ark_writers
from espnet_mtl.data.kaldi import write_table
from espnet_mtl.data.stats import collect_stats, write_tables, write_token_list
from espnet_mtl.errors import UserError
from espnet_mtl.text.tokens import Tokenizer
from espnet_mtl.training.dataset import TrainPaths
from espnet_mtl.training.inputs import check_inputs
from espnet_mtl.training.train import train

UTTS = {"train": ("a_1", "a_2", "b_1"), "dev": ("a_3", "b_2")}


@pytest.fixture
def paths(tmp_path):
    """What stages 2 to 4 leave: utterances of three tokens and twelve frames."""
    paths = TrainPaths(*(tmp_path / name for name in ("dump", "token_list", "tables", "stats", "exp")))
    random = np.random.default_rng(0)
    for name, utts in UTTS.items():
        dump = paths.dump / name
        write_table(dump / "wav.scp", {utt: f"{utt}.flac" for utt in utts})
        write_table(dump / "phones", dict.fromkeys(utts, "h ə ."))
        write_table(dump / "durations", dict.fromkeys(utts, "3 4 4 1"))
        write_table(dump / "utt2spk", {utt: utt[0] for utt in utts})
        write_table(dump / "utt2lang", {utt: {"a": "de", "b": "pl"}[utt[0]] for utt in utts})
        write_table(dump / "utt2emo", {utts[0]: "sad"})
        with ark_writers(dump, ("feats", "pitch", "energy")) as writers:
            for utt in utts:
                writers["feats"](utt, random.normal(size=(12, 5)).astype("f"))
                writers["pitch"](utt, random.normal(size=(4, 1)).astype("f"))
                writers["energy"](utt, random.normal(size=(4, 1)).astype("f"))
    tokenizer = Tokenizer("phn")
    write_token_list(paths.dump, paths.token_list / "phn", tokenizer)
    write_tables(paths.dump, paths.tables)
    collect_stats(paths.dump, paths.stats, tokenizer)
    return paths


def check(paths):
    check_inputs(paths, "fastspeech2", "phn")


def test_what_stages_2_to_4_write_passes(paths):
    check(paths)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("dump/train/phones", "a_2 h", "a_9 h", "phones: no line for a_2, which is in wav"),
        ("dump/train/phones", "a_1", "\ufeffa_1", "phones:1: a byte order mark: save it as"),
        (
            "dump/dev/durations",
            "b_2 3 4 4 1",
            "b_2 3 4 4 2",
            r"feats.scp:2: utterance b_2: a matrix \(12, 5\), but by ",
        ),
        (
            "dump/dev/durations",
            "b_2 3 4 4 1",
            "b_2 3 4 5",
            r"pitch.scp:2: utterance b_2: a matrix \(4, 1\), but by dur",
        ),
        ("dump/dev/durations", "b_2 3 4 4 1", "b_2 3 4 4 x", r"durations:2: utterance b_2: expected whole numbers"),
        ("dump/train/pitch.scp", "a_2 ", "a_2 touch x; cat ", r"pitch.scp:2: utterance a_2: .* is missing"),
        ("dump/train/pitch.scp", "pitch.ark:4", "pitch.ark:5", r"pitch.scp:1: utterance a_1: no Kaldi matrix at"),
        ("dump/train/utt2spk", "b_1 b", "b_1 c", r"utt2spk:3: utterance b_1: unknown speaker 'c': .*speakers.txt"),
        ("dump/train/utt2spk", "b_1 b", "b_1 -", r"utt2spk:3: utterance b_1: speaker '-': this means no speaker"),
        ("dump/dev/utt2lang", "b_2 pl", "b_3 pl", "utt2lang: no line for b_2"),
        ("dump/dev/utt2lang", "b_2 pl", "b_2 pll", "utt2lang:2: .* unknown language 'pll'"),
        ("dump/train/utt2emo", "a_1 sad", "a_7 sad", r"utt2emo:1: utterance a_7 is not in wav.scp: correct the line"),
        ("dump/train/utt2emo", "a_1 sad", "a_1 sad:x", r"utt2emo:1: utterance a_1: label 'sad:x': 'x' is not a number"),
        ("stats/train/text_shape", "a_1", "\ufeffa_1", "text_shape:1: a byte order mark"),
        (
            "stats/train/speech_shape",
            "a_2 12,5",
            "a_2 12,6",
            r"speech_shape:2: utterance a_2: '12,6', but its features a",
        ),
        (
            "stats/train/speech_shape",
            "a_2 12,5",
            "a_2 twelve",
            r"speech_shape:2: utterance a_2: expected whole numbers",
        ),
        ("stats/dev/text_shape", "b_2 3\n", "", r"text_shape: no line for b_2"),
        ("stats/dev/text_shape", "b_2 3", "b_2 30", r"text_shape:2: utterance b_2: '30', but its features are 3"),
        ("token_list/phn/tokens.txt", "<unk>\n", "", r"tokens.txt: expected <blank>, <unk>, tokens and <sos/eos>"),
        ("token_list/phn/tokens.txt", "h\n", "h\nh\n", r"tokens.txt:\d: 'h' comes twice"),
        ("token_list/phn/tokens.txt", "h\n", "h\n\n", r"tokens.txt:\d: an empty line"),
        ("tables/speakers.txt", "b\n", "a\n", r"speakers.txt:2: 'a' comes twice"),
    ],
)
def test_a_line_that_does_not_fit_is_named(paths, tmp_path, file, old, new, message):
    path = tmp_path / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        check(paths)


def test_a_command_is_not_run(paths, tmp_path):
    mark = tmp_path / "made_by_a_command"
    for name in ("feats.scp", "pitch.scp", "energy.scp"):
        path = paths.dump / "dev" / name
        before = path.read_text()
        path.write_text(before.replace("a_3 ", f"a_3 touch {mark}; cat ", 1).replace("\n", " |\n", 1))
        with pytest.raises(UserError, match=rf"{name}:1: utterance a_3: a command .*no pipes"):
            check(paths)
        path.write_text(before)
    assert not mark.exists()


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def statistics(**changed):
    arrays = {"count": 9, "sum": np.zeros(5, "f"), "sum_square": np.ones(5, "f"), **changed}
    return {name: value for name, value in arrays.items() if value is not None}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (statistics(sum=None), "no array 'sum'"),
        (statistics(sum=np.zeros(6)), r"sum is \(6,\), but of these features it is \(5,\)"),
        (statistics(sum_square=np.full(5, np.nan)), "sum_square holds what is no finite number"),
        (statistics(sum=np.array(["x"] * 5)), "sum holds what is no finite number"),
        (statistics(count=0), "count is below 1"),
    ],
)
def test_statistics_that_do_not_fit(paths, arrays, message):
    np.savez(paths.stats / "train/feats_stats.npz", **arrays)
    with pytest.raises(UserError, match=rf"feats_stats.npz: .*{message}.*run stage 4 again"):
        check(paths)


@pytest.mark.parametrize("damage", ["cut", "overwritten", "empty", "npy", "pickle", "bomb"])
def test_damaged_statistics(paths, tmp_path, damage):
    path, mark = paths.stats / "train/pitch_stats.npz", tmp_path / "made_by_a_pickle"
    whole = path.read_bytes()
    if damage == "pickle":
        np.savez(path, **statistics(sum=np.array([Touch(mark)], dtype=object)))
    elif damage == "bomb":
        np.savez_compressed(path, **statistics(sum=np.zeros(2**26, "i1")))
    elif damage == "npy":
        with path.open("wb") as file:
            np.save(file, np.zeros(5))
    else:
        middle = len(whole) // 2
        damaged = {
            "cut": whole[:middle],
            "overwritten": whole[:middle] + bytes(40) + whole[middle + 40 :],
            "empty": b"",
        }
        path.write_bytes(damaged[damage])
    with pytest.raises(UserError, match=r"pitch_stats.npz( is damaged, or holds no arrays|: arrays of \d+ bytes)"):
        check(paths)
    assert not mark.exists()


def test_training_checks_before_it_begins(paths, tmp_path, monkeypatch):
    """A command in a table of the dump is refused by stage 5 itself, and nothing is written."""
    scp, mark = paths.dump / "dev/pitch.scp", tmp_path / "made_by_a_command"
    scp.write_text(scp.read_text().replace("a_3 ", f"a_3 touch {mark}; cat ", 1).replace("\n", " |\n", 1))
    monkeypatch.setattr("espnet_mtl.training.train.check_stages", lambda *arguments: None)  # other settings made it
    with pytest.raises(UserError, match=r"pitch.scp:1: utterance a_3: a command .*no pipes"):
        train(str(CONF / "train_fastspeech2.yaml"), paths, "phn", 0, [])
    assert not mark.exists()
    assert not paths.output.exists()
