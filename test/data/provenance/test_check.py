"""What lies there, and what does not go with it: every member of the kind is one line of a table below."""

import json
import shutil
from pathlib import Path

import pytest
from tiny_stages import CONFIG, SETS, config_file, run_stage, write_data

from espnet_mtl.bin.stages import prepare_data
from espnet_mtl.config.load import load_train_config
from espnet_mtl.data.provenance.check import check_corpora, check_stages, check_trained_on
from espnet_mtl.data.provenance.notes import Note, write_note
from espnet_mtl.errors import UserError

ROWS = [("ab", "s1", "sad")] * 2


def check(work: Path, change: dict | None = None, token_type: str = "phn", init_model: str | None = None) -> None:
    """What stage 5 does before it trains."""
    config = load_train_config(config_file(work, change or {}))
    check_stages(work / "dump/raw", config, token_type, 5, work / "exp/stats", init_model)


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """A directory in which stages 2 to 4 have run."""
    work = tmp_path_factory.mktemp("stages")
    write_data(work / "data", dict.fromkeys(SETS, ROWS))
    for stage in (2, 3, 4):
        run_stage(stage, work)
    return work


@pytest.fixture
def work(made, tmp_path) -> Path:
    """A copy of it."""
    shutil.copytree(made, tmp_path / "work")
    return tmp_path / "work"


def test_what_was_made_for_a_configuration_is_taken(work, capsys):
    check(work)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "change",
    [
        {"optim_conf": {"lr": 0.1}, "optim": "adam", "seed": 5},
        {"tasks": {**CONFIG["tasks"], "emotion": {"head": "classifier", "tap": "style", "label": "emotion"}}},
        {"tts_conf": {"adim": 96}},
        {"feats_extract_conf": {"n_fft": 1024, "window": "hann"}},  # ESPnet's defaults, spelt out
        {"durations": "given"},  # what "auto" came to
        {"aligner_conf": {"steps": 3}},  # there is none
        {"audio_conf": {"trim_db": 40.0}},
        {"tts": "tacotron2", "pitch_extract_conf": {"f0max": 300}},  # it uses no F0
    ],
    ids=str,
)
def test_what_these_stages_do_not_go_by_may_change(work, change):
    check(work, change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"feats_extract_conf": {"fs": 22050}},
            "stage 3 made features with feats_extract_conf.fs 16000, not 22050: run stages 2 to 4 again",
        ),
        (
            {"feats_extract_conf": {"n_mels": 100}},
            "stage 3 made features with feats_extract_conf.n_mels 80, not 100: run stages 3 to 4 again",
        ),
        ({"feats_extract_conf": {"hop_length": 200}}, "hop_length 256, not 200: run stages 3 to 4 again"),
        ({"feats_extract_conf": {"htk": True}}, "feats_extract_conf.htk False, not True: run stages 3 to 4 again"),
        ({"pitch_extract_conf": {"f0max": 300}}, "pitch_extract_conf.f0max 500, not 300: run stages 3 to 4 again"),
        ({"audio_conf": {"trim_db": 30}}, "stage 2 made audio with audio_conf.trim_db 40.0, not 30.0: run stages 2 to"),
        ({"durations": "learned"}, "stage 3 made features with durations given, not learned: run stages 3 to 4"),
        ({"language": "de"}, "stage 3 made features with language en-us, not de: run stages 3 to 4 again"),
        ({"cleaner": "tacotron"}, "with cleaner None, not tacotron: run stages 3 to 4 again"),
        ({"cleaner": "tacotron", "tts": "tacotron2"}, "with cleaner None, not tacotron: run stages 3 to 4 again"),
    ],
    ids=str,
)
@pytest.mark.parametrize("noted", [True, False])
def test_another_configuration_is_refused(work, change, words, noted):
    if not noted:  # as an earlier version left it: what can be measured is checked
        for note in work.rglob("stage_*.json"):
            note.unlink()
        key = next(iter(change.values()))
        if isinstance(key, dict) and not {"fs", "n_mels", "hop_length"} & set(key):
            pytest.skip("it cannot be measured")
    with pytest.raises(UserError) as raised:
        check(work, change)
    assert words in str(raised.value)


def test_a_dump_of_an_earlier_version_is_taken_and_told(work, capsys):
    for note in work.rglob("stage_*.json"):
        note.unlink()
    check(work)
    (line,) = capsys.readouterr().err.splitlines()
    assert "stage_2.json" in line
    assert "An earlier version made this" in line


def test_token_types_must_agree(work):
    with pytest.raises(UserError, match="made statistics with token_type phn, not char: run stages 3 to 4 again"):
        check(work, token_type="char")
    with pytest.raises(UserError, match="stage 3 made features with token_type phn, not char: run stage 3 again"):
        run_stage(4, work, token_type="char")
    # A backbone that finds the times by itself takes any, once stage 4 has read them.
    tacotron = {"tts": "tacotron2"}
    with pytest.raises(UserError, match="stage 4 made statistics with token_type phn, not char: run stage 4 again"):
        check(work, tacotron, token_type="char")
    run_stage(4, work, tacotron, token_type="char")
    check(work, tacotron, token_type="char")
    with pytest.raises(UserError, match="stage 4 made statistics with token_type char, not phn: run stage 4 again"):
        check(work)


def test_fine_tuning_needs_the_statistics_of_its_model(work):
    with pytest.raises(UserError, match="stage 4 made statistics with --init_model none, not abc: run stage 4 again"):
        check(work, init_model="abc")


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("data/train/text", r"data/train/text has changed since stage 2 made audio of it \(to go on with .*again"),
        ("data/dev/utt2emo", "data/dev/utt2emo has changed since stage 2 made audio of it .*run stages 2 to 4 again"),
        ("data/test/utt2vad", "data/test/utt2vad has changed since stage 2"),  # it was not there
        ("dump/raw/test/text", "test/text has changed since stage 3 made features of it: run stages 3 to 4 again"),
        ("dump/raw/train/phones", "train/phones has changed since stage 4 made statistics of it: run stage 4 again"),
        ("dump/raw/dev/durations", "dev/durations has changed since stage 4"),
        ("dump/raw/train/utt2spk", "train/utt2spk has changed since stage 4 .*: run stages 3 to 4 again"),
        ("dump/tables/speakers.txt", "tables/speakers.txt is not as stage 4 wrote it: run stage 4 again"),
        ("dump/token_list/phn/tokens.txt", "tokens.txt is not as stage 4 wrote it: run stage 4 again"),
        ("exp/stats/train/pitch_stats.npz", "pitch_stats.npz is not as stage 4 wrote it: run stage 4 again"),
    ],
)
def test_a_changed_file_is_refused(work, file, words):
    path = work / file
    path.write_bytes((path.read_bytes() if path.exists() else b"") + b"x y\n")
    with pytest.raises(UserError, match=words):
        check(work)


def test_changed_times_are_refused(work):
    path = work / "dump/raw/train/alignment"
    path.write_text(path.read_text().replace("0.4", "0.3"))
    with pytest.raises(UserError, match=r"train/alignment has changed since stage 3 .*: run stages 3 to 4 again"):
        check(work)


def test_data_that_are_gone_are_not_missed(work):
    shutil.rmtree(work / "data")
    check(work)


def test_a_stage_that_runs_again_with_the_same_result_makes_nothing_stale(work):
    for stage in (2, 3):
        run_stage(stage, work)
    for name in ("text", "utt2spk"):
        (work / "data/train" / name).touch()
    check(work)


def test_a_stage_that_runs_again_with_another_result_makes_the_next_one_stale(work):
    changed = {"pitch_extract_conf": {"f0max": 140}}  # the same tables, other F0
    run_stage(3, work, changed)
    with pytest.raises(UserError, match=r"stage 3 has made something else since stage 4 .*: run stage 4 again"):
        check(work, changed)
    run_stage(4, work, changed)
    check(work, changed)


def test_stage_1_notes_its_settings_and_its_end(tmp_path):
    work = tmp_path
    (work / "recordings").mkdir()
    write_data(work / "made", dict.fromkeys(SETS, ROWS))
    rows = ["path,text,speaker,split"]
    rows += [f"{wav},word,s1,{wav.parents[1].name}" for wav in sorted((work / "made").glob("*/wav/*.wav"))]
    (work / "recordings/metadata.csv").write_text("\n".join(rows))
    (work / "csv.yaml").write_text(f"root: {work}/recordings\n")
    words = ["--corpus", "csv", "--local", str(work), "--output", str(work / "data")]
    prepare_data.main(words)
    note = json.loads((work / "data/stage_1.json").read_text())
    assert note["settings"] == {"csv": {"root": f"{work}/recordings"}}
    run_stage(2, work, {"durations": "learned"})
    (work / "data/stage_1.json").write_text(json.dumps({"stage": 1, "finished": False}))
    with pytest.raises(UserError, match=r"stage 1 was cut off while it wrote .*data: run stage 1 again"):
        run_stage(2, work)


@pytest.mark.parametrize("stage", [2, 3, 4])
def test_a_stage_that_was_cut_off_is_noticed(work, stage):
    directory = work / ("exp/stats" if stage == 4 else "dump/raw")
    (directory / f"stage_{stage}.json").write_text(json.dumps({"stage": stage, "finished": False}))
    with pytest.raises(UserError, match=f"stage {stage} was cut off"):
        check(work)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"stage": 3}', '{"stage": 2, "inputs": 3}', "\xff"])
def test_a_damaged_note_names_its_stage(work, content):
    (work / "dump/raw/stage_2.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=r"stage_2.json"):
        check(work)


def test_a_set_that_is_not_there_stops_stage_4(work):
    shutil.rmtree(work / "dump/raw/test")
    with pytest.raises(UserError, match=r"run stage 3 first: .*test/pitch.scp is missing"):
        run_stage(4, work)


def test_texts_that_were_edited_have_other_tokens_than_times(work):
    path = work / "dump/raw/train/phones"
    path.write_text(path.read_text().replace("a b", "a b b"))
    with pytest.raises(UserError, match=r"train/phones: s1_train_0 has 3 tokens, but stage 3 found the times of 2"):
        run_stage(4, work)


def test_a_dump_of_another_signal_is_not_judged(work):
    config = load_train_config(config_file(work, {}))
    check_trained_on(work / "dump/raw", config, "phn", Path("exp/model"))
    config = load_train_config(config_file(work, {"feats_extract_conf": {"fs": 22050}}))
    message = "stage 3 made features with feats_extract_conf.fs 16000, not 22050, as exp/model was trained with"
    with pytest.raises(UserError, match=message):
        check_trained_on(work / "dump/raw", config, "phn", Path("exp/model"))


def test_a_set_whose_texts_were_edited_is_not_spoken(work):
    config = load_train_config(config_file(work, {}))
    (work / "dump/raw/train/text").write_text("s1_train_0 other\n")
    check_trained_on(work / "dump/raw", config, "phn", Path("exp/model"), "test")
    (work / "dump/raw/test/text").write_text("s1_test_0 other\n")
    with pytest.raises(UserError, match="test/text has changed since stage 3 made features of it: run stage 3 again"):
        check_trained_on(work / "dump/raw", config, "phn", Path("exp/model"), "test")


def test_a_copy_whose_original_was_made_anew(work, tmp_path):
    for stage in (2, 3):
        run_stage(stage, work)
    copy = shutil.copytree(work / "dump", tmp_path / "copy")
    config = load_train_config(config_file(work, {}))
    check_stages(copy / "raw", config, "phn", 4)  # what its tables name is still what it was made of
    run_stage(3, work)
    check_stages(copy / "raw", config, "phn", 4)
    labels = work / "data/train/utt2emo"
    labels.write_text(labels.read_text().replace("sad", "happy"))
    for stage in (2, 3):
        run_stage(stage, work)
    message = (
        r"copy/raw/train/wav.scp names files of .*work/dump/raw, which stage 2 has made anew since .*: run stages 2"
    )
    with pytest.raises(UserError, match=message):
        check_stages(copy / "raw", config, "phn", 4)
    with pytest.raises(UserError, match=message):
        check_trained_on(copy / "raw", config, "phn", work / "exp/model")


def test_the_corpus_that_stage_1_prepared(tmp_path):
    check_corpora(tmp_path / "none", ["demo"])  # directories of the user's own have no note
    write_note(tmp_path, Note(1, {"csv": {}, "nemo": {}}))
    check_corpora(tmp_path, ["nemo", "csv"])
    with pytest.raises(UserError, match=r"is of the corpus csv\+nemo, not demo: run stage 1 again, or say csv\+nemo"):
        check_corpora(tmp_path, ["demo"])
