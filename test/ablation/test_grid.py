import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from espnet_mtl.ablation.grid import Grid, Run, name_variants, to_csv, train_all
from espnet_mtl.config.load import load_train_config, merge
from espnet_mtl.errors import UserError

CONF = Path(__file__).parents[2] / "egs2/mtl_tts/conf"
VARIANTS = sorted((CONF / "ablation").glob("*.yaml"))
assert VARIANTS, f"no configuration in {CONF / 'ablation'}"


@pytest.mark.parametrize("path", VARIANTS, ids=lambda path: path.stem)
def test_shipped_variants_are_whole_configurations(path):
    config = load_train_config(path)
    assert "base" not in config
    assert config["feats_extract_conf"]["fs"] == 16000
    if path.stem not in ("single", "uw"):
        shipped = load_train_config(CONF / "train_fastspeech2.yaml")
        assert any(config[key] != shipped[key] for key in ("tasks", "weighting", "style_conf"))


def test_mappings_are_merged_and_null_takes_them_out():
    base = {"a": {"b": {"x": 1}, "c": [1, 2]}, "d": 3}
    assert merge(base, {"a": {"c": [3], "b": None}, "e": {"f": None}}) == {"a": {"c": [3]}, "d": 3, "e": {"f": None}}
    assert merge(base, {"d": None}) == {"a": {"b": {"x": 1}, "c": [1, 2]}, "d": None}
    assert base == {"a": {"b": {"x": 1}, "c": [1, 2]}, "d": 3}


def write(path, **content):
    path.write_text(yaml.safe_dump(content))
    return path


def test_mistakes_are_named(tmp_path):
    with pytest.raises(UserError, match=r"a.yaml: base: .*gone.yaml does not exist"):
        load_train_config(write(tmp_path / "a.yaml", base="gone.yaml"))
    with pytest.raises(UserError, match=r"a.yaml: is its own base"):
        load_train_config(write(tmp_path / "a.yaml", base="a.yaml"))
    with pytest.raises(UserError, match=r"a.yaml: base: the file of another configuration, got 3"):
        load_train_config(write(tmp_path / "a.yaml", base=3))
    with pytest.raises(UserError, match=r"a.yaml: unknown weighting 'fixd'"):
        load_train_config(write(tmp_path / "a.yaml", weighting="fixd"))
    with pytest.raises(UserError, match="two configurations have one name"):
        name_variants([tmp_path / "a.yaml", tmp_path / "b/a.yaml"])


def test_all_share_the_data(tmp_path, grid):
    ready = grid()
    write(tmp_path / "two.yaml", feats_extract_conf={"fmin": 20}, language="pl")
    with pytest.raises(UserError, match=r"two.yaml: language, feats_extract_conf: other than in .*one.yaml"):
        train_all(ready)
    assert not ready.exp.exists()


def test_options_are_checked_before_anything_is_trained(grid):
    ready = grid(train_args=["--weighting", "fixd"])
    with pytest.raises(UserError, match="with --weighting fixd: unknown weighting 'fixd'"):
        train_all(ready)
    assert not ready.exp.exists()


@pytest.fixture
def grid(tmp_path):
    def make(**options):
        configs = name_variants([write(tmp_path / f"{name}.yaml", language="en-us") for name in ("one", "two")])
        write(tmp_path / "decode.yaml")
        (tmp_path / "dump/raw/test").mkdir(parents=True, exist_ok=True)
        for name in ("durations", "wav.scp"):
            (tmp_path / "dump/raw/test" / name).touch()
        (tmp_path / "dump/raw/test/utt2spk").write_text("f1_a f1\n")
        places = {
            "dump": tmp_path / "dump/raw",
            "exp": tmp_path / "exp",
            "inference_configs": [tmp_path / "decode.yaml"],
        }
        return Grid(configs=configs, seeds=[1, 2], **{**places, **options})

    return make


def test_the_first_seed_of_all_comes_first(grid):
    assert [run.tag for run in grid().runs] == ["one_seed1", "two_seed1", "one_seed2", "two_seed2"]


FAKE = """
import sys, pathlib
module, options = sys.argv[3], dict(zip(sys.argv[4::2], sys.argv[5::2]))
if module.endswith("train"):
    exp = pathlib.Path(options["--output"])
    if exp.name == "two_seed1" and not (exp / "once").exists():
        (exp / "once").touch()
        sys.exit("out of memory")
    (exp / "config.yaml").write_text("{}")
    if not (exp / "latest.pth").exists():
        (exp / "latest.pth").touch()
else:
    decoded = pathlib.Path(options["--exp"]) / pathlib.Path(options["--inference_config"]).stem / options["--part"]
    decoded.mkdir(parents=True, exist_ok=True)
    (decoded / "wav.scp").touch()
"""


def test_a_run_that_fails_is_named_and_the_others_go_on(grid, tmp_path, capfd):
    (tmp_path / "fake.py").write_text(FAKE)
    grid = grid(command=[sys.executable, str(tmp_path / "fake.py")], train_args=["--max_epoch", "1"], jobs=2)
    with pytest.raises(UserError, match=r"1 of 4 runs failed; call again to go on. See .*exp/two_seed1/ablation.log"):
        train_all(grid)
    assert "out of memory" in (grid.exp / "two_seed1/ablation.log").read_text()
    assert (grid.exp / "two_seed2/decode/test/wav.scp").is_file()
    assert "two_seed1: failed" in capfd.readouterr().out
    train_all(grid)
    assert (grid.exp / "two_seed1/decode/test/wav.scp").is_file()
    log = (grid.exp / "one_seed2/ablation.log").read_text()
    assert "--max_epoch 1 --seed 2" in log
    assert log.count("bin.stages.train") == 2
    assert log.count("bin.stages.decode") == 1
    assert (grid.exp / "one_seed2/ablation.yaml").is_file()


@pytest.mark.parametrize("changed", ["decode.yaml", "dump/raw/test/text", "exp/one_seed1/latest.pth"])
def test_speech_is_made_again_where_what_it_is_made_from_changes(grid, tmp_path, changed):
    (tmp_path / "fake.py").write_text(FAKE.replace("sys.exit", "print"))
    grid = grid(command=[sys.executable, str(tmp_path / "fake.py")])
    log = grid.exp / "one_seed1/ablation.log"
    train_all(grid)
    train_all(grid)
    assert log.read_text().count("bin.stages.decode") == 1
    (tmp_path / changed).write_text("griffin_lim_iters: 60")
    train_all(grid)
    assert log.read_text().count("bin.stages.decode") == 2


def test_every_model_speaks_by_every_decoding_configuration(grid, tmp_path):
    (tmp_path / "fake.py").write_text(FAKE.replace("sys.exit", "print"))
    decodings = [tmp_path / "decode.yaml", write(tmp_path / "slow.yaml", speed_control_alpha=2.0)]
    both = grid(command=[sys.executable, str(tmp_path / "fake.py")], inference_configs=decodings)
    assert list(both.variants) == ["one decode", "two decode", "one slow", "two slow"]
    train_all(both)
    for decoding in ("decode", "slow"):
        assert (both.exp / "two_seed2" / decoding / "test/wav.scp").is_file()


def test_models_that_cannot_speak_by_a_decoding_configuration_do_without(grid, tmp_path, capsys):
    seeing = {"visual_extract": "embedding", "style_conf": {"visual": {}}}
    ready = grid(inference_configs=[tmp_path / "decode.yaml", write(tmp_path / "face.yaml", style_from="face")])
    write(tmp_path / "two.yaml", language="en-us", **seeing)
    assert list(ready.variants) == ["one decode", "two decode", "two face"]
    assert "one has no encoder for" in capsys.readouterr().err
    alone = grid(inference_configs=[tmp_path / "face.yaml"])
    write(tmp_path / "two.yaml", language="en-us")
    with pytest.raises(UserError, match=r"face.yaml: style_from: face: no configuration has an encoder for it"):
        train_all(alone)


def test_rows_have_names_of_their_own(grid, tmp_path):
    ready = grid(inference_configs=[tmp_path / "decode.yaml", write(tmp_path / "c.yaml")])
    shared = {"configs": {"one": tmp_path / "one.yaml", "one b": tmp_path / "two.yaml"}}
    twice = replace(ready, **shared, inference_configs=[write(tmp_path / "b c.yaml"), tmp_path / "c.yaml"])
    with pytest.raises(UserError, match="two rows of the table would be called 'one b c'"):
        train_all(twice)
    natural = replace(ready, configs={"natural": tmp_path / "one.yaml"}, inference_configs=[tmp_path / "decode.yaml"])
    with pytest.raises(UserError, match="would be called 'natural'"):
        train_all(natural)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"speakers": ["nobody"]}, "unknown speakers 'nobody': Valid: f1"),
        ({"natural": Path("gone")}, "gone/test/wav.scp"),
        ({"inference_configs": [Path("typo.yaml")]}, "style_form"),
    ],
)
def test_who_judges_is_checked_before_anything_is_trained(grid, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "typo.yaml", style_form="face")
    with pytest.raises(UserError, match=message):
        train_all(replace(grid(), **options))
    assert not (tmp_path / "exp").exists()


def test_what_is_missing_is_named_before_training(grid):
    with pytest.raises(UserError, match=r"run stage 2 first: .*raw/dev/wav.scp is missing"):
        train_all(grid(part="dev"))


def test_nothing_is_trained_where_a_configuration_is_wrong(grid, tmp_path):
    grid = grid()
    write(tmp_path / "two.yaml", max_epochs=3)
    with pytest.raises(UserError, match=r"two.yaml: unknown key 'max_epochs'"):
        train_all(grid)
    assert not list(grid.exp.glob("*_seed*"))


def test_tables_quote_what_they_must():
    assert to_csv([{"a": 1, "b": "x,y"}]) == 'a,b\n1,"x,y"\n'
    assert Run("uw", 3).tag == "uw_seed3"
