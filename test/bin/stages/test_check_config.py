from pathlib import Path

import pytest

from espnet_mtl.bin.stages.check_config import main
from espnet_mtl.data.provenance.notes import Note, write_note
from espnet_mtl.errors import UserError
from test.test_run_sh import Recipe

CONFIG = str(Path(__file__).parents[3] / "egs2/mtl_tts/conf/train_fastspeech2.yaml")


def test_what_is_right_passes():
    main([CONFIG, "--", "--max_epoch", "5", "--tasks", "emotion.weight=1"])


def test_the_corpus_that_is_named_is_that_of_stage_1(tmp_path):
    write_note(tmp_path, Note(1, {"csv": {}}))
    main([CONFIG, "--data", str(tmp_path), "--corpus", "csv"])
    with pytest.raises(UserError, match=rf"{tmp_path} is of the corpus csv, not nemo: run stage 1 again, or say csv"):
        main([CONFIG, "--data", str(tmp_path), "--corpus", "nemo"])


@pytest.mark.parametrize(("stage", "asked"), [("1", False), ("2", True)])
def test_later_stages_of_the_recipe_ask_for_it(tmp_path, stage, asked):
    recipe = Recipe(tmp_path)
    recipe.run("--stage", stage, "--corpus", "csv", FAIL_AT="*check_config*")
    assert ("--data data --corpus csv --" in recipe.noted()[-1]) == asked
    recipe.run("--stage", stage, FAIL_AT="*check_config*")
    assert "--corpus" not in recipe.noted()[-1]


def test_every_file_and_option_is_checked(tmp_path):
    (tmp_path / "bad.yaml").write_text("max_epochs: 3\n")
    with pytest.raises(UserError, match=r"bad.yaml.*max_epochs"):
        main([CONFIG, str(tmp_path / "bad.yaml")])
    with pytest.raises(UserError, match=r"training option '--max_epochs': did you mean --max_epoch"):
        main([CONFIG, "--", "--max_epochs=3"])


def test_the_decoding_configuration_and_its_options_are_checked():
    decoding = str(Path(CONFIG).parent / "decode.yaml")
    words = [CONFIG, "--inference_config", decoding, "--", "--max_epoch", "7", "--"]
    main([*words, "--griffin_lim_iters", "4"])
    with pytest.raises(UserError, match=r"decode.yaml: .*did you mean griffin_lim_iters"):
        main([*words, "--griffin_lim_iter", "4"])
    with pytest.raises(UserError, match=r"gone.pkl: no such file \(vocoder_file\)"):
        main([*words, "--vocoder_file", "gone.pkl"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--scheduler_conf", "first_cycle_steps=60"], r"warmup_steps \(100\) must be below first_cycle_steps \(60\)"),
        (["--scheduler_conf=warmup=3"], r"key of scheduler_conf \(\w+\) 'warmup': did you mean warmup_steps"),
        (["--tasks", "emotion.wieght=1"], "key of tasks.emotion 'wieght': did you mean weight"),
        (["--max_epoch", "5", "--weighting", "fixd"], "weighting 'fixd': did you mean fixed"),
        (["--tts_conf", "{adims: 3}"], "key of tts_conf 'adims': did you mean adim"),
        (["--max_epoch", "abc"], "max_epoch: a whole number of at least 1, got 'abc'"),
        (["--max_epoch"], "argument --max_epoch: expected one argument"),
        (["--accum_grad", "0"], "accum_grad: a whole number of at least 1, got 0"),
        (["--tasks", "emotion.weight={"], "expected the node content"),
        (["--feats_extract_conf", "hop_length=128"], "feats_extract_conf: stages 1 to 4 go by the configuration"),
        (["--language=pl"], "language: stages 1 to 4 go by the configuration"),
    ],
)
def test_what_options_change_is_checked(options, words):
    with pytest.raises(UserError, match=f"train_fastspeech2.yaml with {' '.join(options)}: .*{words}"):
        main([CONFIG, "--", *options])


def test_a_schedule_that_ends_too_soon_is_told(capsys):
    main([CONFIG, "--", "--max_epoch", "5"])
    assert capsys.readouterr().err == ""
    main([CONFIG, "--", "--max_epoch", "10"])
    assert "starts again after 1400 of 2000 steps: --scheduler_conf first_cycle_steps=2000" in capsys.readouterr().err


def test_a_training_as_long_as_the_data_is_right(tmp_path):
    single = CONFIG.replace("train_fastspeech2", "train_fastspeech2_single")  # none of its tasks waits for a part of it
    (tmp_path / "long.yaml").write_text(f"base: {single}\nnum_iters_per_epoch: null\n")
    main([str(tmp_path / "long.yaml")])


def test_words_that_are_no_option_are_named():
    with pytest.raises(UserError, match=r"training option 'max_epoch': did you mean --max_epoch"):
        main([CONFIG, "--", "max_epoch", "4"])
    with pytest.raises(UserError, match=r"training option '-max_epoch': did you mean --max_epoch"):
        main([CONFIG, "--", "--accum_grad", "2", "-max_epoch", "4"])


def test_all_configurations_share_the_data_of_the_first_stages(tmp_path):
    (tmp_path / "mine.yaml").write_text(f"base: {CONFIG}\nfeats_extract_conf: {{fs: 22050}}\n")
    main([str(tmp_path / "mine.yaml")])
    with pytest.raises(UserError, match=r"feats_extract_conf.*: other than in .*mine.yaml"):
        main([str(tmp_path / "mine.yaml"), CONFIG])
