import json
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from espnet_mtl.bin.stages.pack import main
from espnet_mtl.data.provenance.notes import Note, write_note
from espnet_mtl.errors import UserError
from espnet_mtl.model.checkpoint import load_state
from espnet_mtl.system.files import locked
from espnet_mtl.training.experiment import noted_training
from espnet_mtl.zoo.archive import resolve
from espnet_mtl.zoo.pack import model_card, pack_model, portable

STATS = {"normalize_conf": "feats", "pitch_normalize_conf": "pitch", "energy_normalize_conf": "energy"}
MEMBERS = {
    "meta.yaml",
    "README.md",
    "exp/mtl/config.yaml",
    "exp/mtl/valid.loss.ave_2best.pth",
    "exp/mtl/feats_stats.npz",
    "exp/mtl/pitch_stats.npz",
    "exp/mtl/energy_stats.npz",
    "exp/mtl/decode.yaml",
    "exp/mtl/metrics.json",
}
FIGURE = {"value": 0.91, "low": 0.88, "high": 0.94}
ONE = {"value": 1.0, "low": 1.0, "high": 1.0}
METRICS = {
    "version": 2,
    "systems": {
        "natural": {"n_utterances": 40, "metrics": {"emotion_accuracy": ONE}},
        "natural vocoded": {"n_utterances": 40, "metrics": {"emotion_accuracy": None}},
        "mtl": {"n_utterances": 40, "metrics": {"emotion_accuracy": FIGURE, "mcd_db": None}},
    },
}


def make_experiment(recipe, **changes):
    """Writes exp/mtl as stages 4 to 7 leave it, with the paths of a training that ran in `recipe`."""
    exp, stats = recipe / "exp/mtl", recipe / "exp/stats/train"
    stats.mkdir(parents=True)
    (exp / "decode/test").mkdir(parents=True)
    for name in STATS.values():
        np.savez(stats / f"{name}_stats.npz", count=1, sum=np.ones(3), sum_square=np.ones(3))
    torch.save({"weight": torch.ones(2)}, exp / "valid.loss.ave_2best.pth")
    torch.save({"weight": torch.zeros(2)}, exp / "2epoch.pth")
    (exp / "valid.loss.ave.pth").symlink_to("valid.loss.ave_2best.pth")
    (exp / "latest.pth").symlink_to("2epoch.pth")
    (exp / "decode/test/metrics.json").write_text(json.dumps(METRICS))
    (recipe / "decode.yaml").write_text("griffin_lim_iters: 32\n")
    config = {
        "tts": "fastspeech2",
        "output_dir": str(exp),
        "config": "conf/train.yaml",
        "init_param": [f"{recipe.parent}/elsewhere/old.pth:tts:tts"],
        "dist_init_method": f"file://{recipe}/.dist_init",
        "train_data_path_and_name_and_type": [[f"{recipe}/dump/raw/train/text", "text", "text"]],
        "train_shape_file": ["exp/stats/train/text_shape"],
        "token_list": ["<blank>", "<unk>", "/", "/a", "<sos/eos>"],
        "speakers": ["f1", "f2"],
        "emotions": ["happy", "neutral"],
        "language": "en-us",
        "license": "cc0-1.0",
        "corpus": "demo",
        "tasks": {"tts": {"weight": 1.0}, "emotion": {"head": "classifier"}},
        "feats_extract_conf": {"fs": 16000},
        "bpemodel": None,
        "best_model_criterion": [["valid", "loss", "min"]],
        **{key: {"stats_file": str(stats / f"{name}_stats.npz")} for key, name in STATS.items()},
        **changes,
    }
    (exp / "config.yaml").write_text(yaml.safe_dump(config))
    return exp


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """An experiment that was packed by the command, from a directory that is not the recipe's."""
    recipe = tmp_path_factory.mktemp("machine") / "recipe"
    exp = make_experiment(recipe)
    main(["--exp", str(exp), "--inference_config", str(recipe / "decode.yaml"), "--onnx", "false"])
    return exp / "mtl.zip"


def contents(path):
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_archive_holds_model_config_all_statistics_card_and_figures(packed):
    assert set(contents(packed)) == MEMBERS
    assert not [path for path in packed.parent.glob(".*") if path.suffix != ".lock"]


def test_archive_knows_nothing_of_the_training_machine(packed):
    machine = str(packed.parents[3])
    for name, content in contents(packed).items():
        assert machine.encode() not in content, name


def test_packed_config(packed):
    config = yaml.safe_load(contents(packed)["exp/mtl/config.yaml"])
    assert {config[key]["stats_file"] for key in STATS} == {name for name in MEMBERS if name.endswith(".npz")}
    assert config["token_list"] == ["<blank>", "<unk>", "/", "/a", "<sos/eos>"]
    assert config["init_param"] == ["old.pth:tts:tts"]
    assert config["train_shape_file"] == ["exp/stats/train/text_shape"]


def test_packed_model_loads_in_a_process_that_never_saw_the_recipe(packed, tmp_path):
    moved = tmp_path / "there/renamed.zip"
    moved.parent.mkdir()
    moved.write_bytes(packed.read_bytes())
    code = (
        "import numpy, yaml, espnet_mtl.zoo.archive\n"
        "files = espnet_mtl.zoo.archive.resolve('renamed.zip', 'cache')\n"
        "config = yaml.safe_load(open(files['train_config']).read())\n"
        f"for key in {list(STATS)}: numpy.load(config[key]['stats_file'])['sum']\n"
        "print(files['model_file'])"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=moved.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert load_state(done.stdout.strip())["weight"].tolist() == [1, 1]


def test_model_downloader_of_espnet_unpacks_it(packed, tmp_path):
    import warnings

    from espnet_model_zoo.downloader import ModelDownloader

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        files = ModelDownloader(tmp_path).download_and_unpack(str(packed))
    assert set(files) == {"train_config", "model_file"}
    config = yaml.safe_load(Path(files["train_config"]).read_text())
    assert all(Path(config[key]["stats_file"]).is_file() for key in STATS)


def test_packing_again_gives_the_same_content_and_takes_the_old_ones_place(packed, tmp_path):
    again = pack_model(packed.parent, tmp_path / "mtl.zip", packed.parents[2] / "decode.yaml")
    first, second = contents(packed), contents(again)
    for content in (first, second):
        meta = yaml.safe_load(content.pop("meta.yaml"))
        assert meta.pop("timestamp")
        content["meta"] = meta
    assert first == second


def test_statistics_that_were_recorded_relative_to_the_recipe_and_bpe_model(tmp_path, monkeypatch):
    paths = {key: {"stats_file": f"exp/stats/train/{name}_stats.npz"} for key, name in STATS.items()}
    exp = make_experiment(tmp_path / "recipe", **paths, token_type="bpe", bpemodel="exp/stats/train/bpe.model")
    (tmp_path / "recipe/exp/stats/train/bpe.model").write_text("pieces")
    monkeypatch.chdir(tmp_path / "recipe")
    path = pack_model("exp/mtl", "out/model.tgz")
    files = resolve(path, tmp_path / "cache")
    config = yaml.safe_load(Path(files["train_config"]).read_text())
    assert Path(config["bpemodel"]).read_text() == "pieces"
    assert load_state(files["model_file"])["weight"].tolist() == [1, 1]
    assert [path.name for path in Path("out").iterdir() if path.suffix != ".lock"] == ["model.tgz"]
    assert Path.cwd() == exp.parents[1]


def test_a_training_that_was_cut_off_is_told_on_the_card(tmp_path, capsys):
    exp = make_experiment(tmp_path, max_epoch=7)
    with noted_training(exp, tmp_path / "dump/raw"):
        pack_model(exp)
    assert "exp/mtl: its training was cut off, or goes on, at epoch 2 of 7" in capsys.readouterr().err
    card = contents(exp / "mtl.zip")["README.md"].decode()
    assert "| Training | cut off: epoch 2 of 7 |" in card


def test_figures_of_an_older_model_are_not_packed(tmp_path):
    exp = make_experiment(tmp_path)
    speech = exp / "decode/test"
    write_note(speech, Note(6, {"model_file": "1epoch.pth", "model": "another digest"}))
    with pytest.raises(UserError, match=r"stage 6 spoke with 1epoch.pth .*: run stages 6 and 7 again"):
        pack_model(exp, inference_config=tmp_path / "decode.yaml")
    assert not (exp / "mtl.zip").exists()
    (speech / "metrics.json").unlink()
    pack_model(exp, inference_config=tmp_path / "decode.yaml")


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("exp/mtl/config.yaml", r"run stage 5 first: .*config\.yaml"),
        ("exp/stats/train/energy_stats.npz", r"run stages 4 and 5 first: .*energy_stats\.npz"),
        ("decode.yaml", r"decode\.yaml is missing"),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_written(tmp_path, gone, message):
    exp = make_experiment(tmp_path)
    (tmp_path / gone).unlink()
    with pytest.raises(UserError, match=message):
        pack_model(exp, inference_config=tmp_path / "decode.yaml")
    assert not list(exp.glob("*mtl.zip*"))


def test_failure_keeps_the_old_archive(tmp_path, monkeypatch):
    exp = make_experiment(tmp_path)
    (exp / "mtl.zip").write_text("old")
    (exp / ".mtl.zip.tmp").mkdir()
    (exp / ".mtl.zip.tmp/left").write_text("by a killed run")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(UserError, match="ESPnet's pack failed"):
        pack_model(exp)
    assert (exp / "mtl.zip").read_text() == "old"
    assert not (exp / ".mtl.zip.tmp").exists()


def test_two_packs_of_one_model_take_turns(tmp_path, capsys):
    exp = make_experiment(tmp_path)
    with locked(exp / "mtl.zip"):
        thread = threading.Thread(target=pack_model, args=[exp])
        thread.start()
        thread.join(0.5)
        assert not (exp / ".mtl.zip.tmp").exists()
    thread.join()
    assert (exp / "mtl.zip").is_file()
    assert "waiting for another process" in capsys.readouterr().err


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    exp = make_experiment(tmp_path)
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho 'OSError: [Errno 28] No space left on device' >&2; exit 1\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    with pytest.raises(OSError, match=rf"No space left on device: '{exp}/.*mtl\.zip'"):
        pack_model(exp)
    assert not (exp / ".mtl.zip.tmp").exists()


def test_unknown_suffix(tmp_path):
    with pytest.raises(UserError, match=r"\.zip, \.tar"):
        pack_model(make_experiment(tmp_path), tmp_path / "model.rar")


def test_model_card_says_what_the_model_is_and_how_to_use_it(packed):
    card = contents(packed)["README.md"].decode()
    front = yaml.safe_load(card.split("---")[1])
    assert front == {"tags": ["espnet", "audio", "text-to-speech"], "language": ["en"], "license": "cc0-1.0"}
    assert "| Speakers | f1, f2 |" in card
    assert "| Emotions | happy, neutral |" in card
    assert "| emotion_accuracy | 0.91 [0.88, 0.94] | 1 [1, 1] |  |" in card
    assert "| mcd_db |  |  |  |" in card
    assert 'tts("Hello there.", speaker="f2", emotion="happy")["wav"]' in card
    assert "--model mtl.zip --text 'Hello there.' --speaker f2 --emotion happy --output hello.wav" in card


def test_model_card_of_a_bare_model():
    card = model_card("single", "single.zip", {"tts": "fastspeech2", "feats_extract_conf": {"fs": 24000}}, {})
    assert "Figures" not in card
    assert "| Emotions | none |" in card
    assert "unknown (set `license` in the training config)" in card
    assert 'tts("Hello there.")["wav"]' in card


def test_code_of_the_model_card_is_python(packed):
    code = contents(packed)["README.md"].decode().split("```python\n")[1].split("```")[0]
    compile(code, "README.md", "exec")


def test_portable_config_below_the_current_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = portable({"output_dir": f"{tmp_path}/exp/mtl", "log": "/var/log/x.txt", "delimiter": "/", "n": 3}, "exp")
    assert config == {"output_dir": "exp/mtl", "log": "x.txt", "delimiter": "/", "n": 3}
