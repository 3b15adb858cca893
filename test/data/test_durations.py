"""Where durations come from: the corpus, a teacher, or an aligner."""

import json

import numpy as np
import pytest
import soundfile

from espnet_mtl.config.schema import complete
from espnet_mtl.corpora.alignment import parse_alignment
from espnet_mtl.data.durations import alignment_shares, boundary_errors, check_shares
from espnet_mtl.data.features import extract_features
from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.data.utterances import TokenizedUtterance
from espnet_mtl.errors import UserError

FS, TONES = 16000, {"a": 300, "b": 900, "c": 2000, "d": 3500}
CONF = {"steps": 200, "batch_size": 8, "dim": 32, "lr": 0.005, "seed": 1}


def make_dump(directory, n=24, alignment=True, text=None):
    """Utterances of four characters, each a tone; with their ends."""
    random = np.random.default_rng(0)
    tables = {name: {} for name in ("wav.scp", "text", "utt2spk", "alignment")}
    directory.mkdir(parents=True)
    for number in range(n):
        said, utt = "".join(random.permutation(list(TONES))), f"s_{number:02d}"
        lengths = random.integers(1600, 4000, 4)
        wave = np.concatenate(
            [np.sin(2 * np.pi * TONES[c] / FS * np.arange(k)) for c, k in zip(said, lengths, strict=True)]
        )
        path = directory / f"{utt}.flac"
        soundfile.write(path, 0.2 * wave + 0.003 * random.normal(size=len(wave)), FS)
        ends = " ".join(f"{c}:{end:.4f}" for c, end in zip(said, np.cumsum(lengths) / FS, strict=True))
        row = (path, text or said, "s", ends)
        for table, value in zip(tables.values(), row, strict=True):
            table[utt] = value
    for name, table in tables.items():
        if alignment or name != "alignment":
            write_table(directory / name, table)
    return directory


def config(**keys):
    return complete({"aligner_conf": CONF, **keys})


def note(dump):
    return json.loads((dump.parent / "durations.json").read_text())


def test_an_aligner_finds_what_the_corpus_does_not_give(tmp_path):
    dump = make_dump(tmp_path / "train")
    extract_features([dump], config(), 2, "char")
    assert note(dump)["durations"] == "learned"
    assert note(dump)["boundary_error_ms"] <= 32  # two frames
    durations = {utt: list(map(int, line.split())) for utt, line in read_table(dump / "durations").items()}
    assert {len(own) for own in durations.values()} == {5}
    assert not (dump / "phones").exists()
    assert not (tmp_path / ".aligner.tmp").exists()


def test_times_of_the_corpus_go_first_where_they_are_those_of_the_tokens(tmp_path):
    dump = make_dump(tmp_path / "train", n=2)
    extract_features([dump], config(), 1)
    assert note(dump) == {"durations": "given", "token_type": "phn", "language": "en-us"}
    with pytest.raises(UserError, match=r"token type 'char'.*set durations: learned"):
        extract_features([dump], config(durations="given"), 1, "char")
    bare = make_dump(tmp_path / "bare", n=2, alignment=False)
    with pytest.raises(UserError, match=r"alignment is missing.*set durations: learned"):
        extract_features([bare], config(durations="given"), 1)


def test_a_corpus_that_lacks_some_times_is_aligned(tmp_path, capsys):
    dump = make_dump(tmp_path / "train", text="Ja, gut.")
    times = read_table(dump / "alignment")
    write_table(dump / "alignment", dict(list(times.items())[:5]))
    extract_features([dump], config(), 1)
    assert note(dump)["durations"] == "learned"
    assert "boundary_error_ms" not in note(dump)  # other phones than the corpus'
    said = capsys.readouterr().err
    assert f"{dump / 'alignment'}: no times of s_05 (19 such utterances in all sets)" in said


def test_times_of_no_recording_are_refused_before_an_aligner_takes_their_place(tmp_path):
    dump = make_dump(tmp_path / "train", n=2)
    first, second = (dump / "alignment").read_text().splitlines()
    # A space is gone: the first phone has become part of the id
    (dump / "alignment").write_text(f"{first}\n{second.replace(' ', '', 1)}\n")
    with pytest.raises(UserError, match=r"alignment:2: utterance s_01.* is not in wav.scp"):
        extract_features([dump], config(), 1)


def test_what_a_killed_aligner_left_is_cleared(tmp_path):
    dump = make_dump(tmp_path / "train")
    (tmp_path / ".aligner.tmp").mkdir()
    (tmp_path / ".aligner.tmp/feats.ark").touch()
    extract_features([dump], config(), 1, "char")
    assert not (tmp_path / ".aligner.tmp").exists()


def test_phones_by_espeak_in_each_utterances_language(tmp_path, capsys):
    dump = make_dump(tmp_path / "train", n=4, alignment=False, text="Ja, gut.")
    write_table(dump / "utt2lang", {"s_00": "de", "s_01": "en-us", "s_02": "de", "s_03": "de"})
    extract_features([dump], config(), 1)
    assert "no times of" not in capsys.readouterr().err  # the corpus gives none at all
    phones = read_table(dump / "phones")
    assert phones["s_00"] == phones["s_02"] != phones["s_01"]
    assert phones["s_00"].split()[-1] == "."
    assert "," in phones["s_00"].split()
    assert len(read_table(dump / "durations")["s_00"].split()) == len(phones["s_00"].split()) + 1


def test_a_text_that_does_not_fit_its_recording_is_named(tmp_path):
    dump = make_dump(tmp_path / "train", n=2, text="a" * 500)
    with pytest.raises(UserError, match=r"utterance s_00: 500 tokens in \d+ frames: is its text right"):
        extract_features([dump], config(), 1, "char")
    assert not (dump / "durations").exists()
    write_table(dump / "text", {"s_00": "abc", "s_01": "?!"})
    with pytest.raises(UserError, match="utterance s_01: nothing to speak"):
        extract_features([dump], config(durations="learned"), 1)


def test_durations_of_a_teacher_go_before_all_others(tmp_path):
    dump, teacher = make_dump(tmp_path / "train", n=2), tmp_path / "teacher"
    frames = {utt: 1 + len(soundfile.read(path)[0]) // 256 for utt, path in read_table(dump / "wav.scp").items()}
    write_table(teacher / "train/durations", {utt: f"3 4 5 6 {total - 18}" for utt, total in frames.items()})
    extract_features([dump], config(), 1, teacher=teacher)
    assert read_table(dump / "durations")["s_01"].split()[:4] == ["3", "4", "5", "6"]
    assert note(dump)["durations"] == "teacher"
    assert note(dump)["boundary_error_ms"] > 20
    write_table(teacher / "train/durations", {"s_00": "3 4 5 6 7", "s_01": "3 4 5"})
    with pytest.raises(UserError, match=r"train/durations: s_01 has 3 durations, but 4 tokens \+ 1 end"):
        extract_features([dump], config(), 1, teacher=teacher)
    write_table(teacher / "train/durations", {utt: f"3 4 5 6 {total - 18.5}" for utt, total in frames.items()})
    with pytest.raises(UserError, match=r"utterance s_00: expected whole numbers"):
        extract_features([dump], config(), 1, teacher=teacher)
    write_table(dump / "utt2num_samples", {utt: 256 * (total - 1) for utt, total in frames.items()})
    write_table(teacher / "train/durations", {utt: f"3 4 5 6 {total}" for utt, total in frames.items()})
    with pytest.raises(UserError, match=r"s_00 has \d+ frames, but its recording \d+: the teacher read another one"):
        extract_features([dump], config(), 1, teacher=teacher)
    write_table(teacher / "train/durations", {utt: f"3 4 5 6 {total - 17}" for utt, total in frames.items()})
    with pytest.raises(UserError, match=r"s_00 has \d+ frames, but its recording \d+: the teacher read another one"):
        extract_features([dump], config(), 1, teacher=teacher)
    write_table(teacher / "train/durations", {utt: f"3 4 5 6 {total - 19}" for utt, total in frames.items()})
    extract_features([dump], config(), 1, teacher=teacher)
    write_table(teacher / "train/durations", {utt: f"3 4 5 6 {total - 26}" for utt, total in frames.items()})
    with pytest.raises(UserError, match=r"train/durations: its \d+ frames are \d+% fewer than those of the recordings"):
        extract_features([dump], config(), 1, teacher=teacher)
    with pytest.raises(UserError, match=r"run bin.teacher first: .*none/train/durations is missing"):
        extract_features([dump], config(), 1, teacher=tmp_path / "none")


def test_an_alignment_that_is_none_stops_it():
    check_shares(alignment_shares([[3, 4, 5, 2], [6, 1, 8, 2]]))
    with pytest.raises(UserError, match=r"did not learn: 100% of the tokens have one frame .* 77% of the frames"):
        check_shares(alignment_shares([[1, 1, 1, 10]]))


def test_boundary_errors_leave_pauses_out():
    alignment = parse_alignment("a:0.100 pau:0.200 b:0.300")
    utterance = TokenizedUtterance("u", "", "", ("a", ",", "b", "."), (0.11, 0.2, 0.28, 0.3))
    assert boundary_errors(utterance, alignment) == pytest.approx([10, 20])
    assert boundary_errors(TokenizedUtterance("u", "", "", ("a", "c"), (0.1, 0.2)), alignment) == []
