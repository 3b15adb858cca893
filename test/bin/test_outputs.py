"""A directory that cannot be written to is told before the work is done whose result would go there."""

from importlib import import_module
from pathlib import Path

import pytest

from espnet_mtl.errors import UserError

CONF = Path(__file__).parents[2] / "egs2/mtl_tts/conf"
COMMANDS = {
    "listen": "--test mos --system none --output {output}",
    "label": "--data none --output {output}",
    "compare": f"exp/a exp/b --dump none --inference_config {CONF}/decode.yaml --output {{output}}",
    "ablate": f"{CONF}/train_fastspeech2.yaml --output {{output}}",
    "stages.evaluate": "--reference none --hypothesis none --output {output}",
}

FILES = {"listen": "answers.csv", "label": "utt2emo", "compare": "metrics.json", "stages.evaluate": "metrics.json"}


@pytest.mark.parametrize("command", COMMANDS)
def test_it_is_told_first(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    main = import_module(f"espnet_mtl.bin.{command}").main
    words = COMMANDS[command].format(output=tmp_path / "file/there").split()
    with pytest.raises(UserError, match=f"{tmp_path}/file is a file, so that nothing can be below it"):
        main(words)


@pytest.mark.parametrize(("command", "file"), FILES.items())
def test_so_is_a_directory_in_the_place_of_its_file(command, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there" / file).mkdir(parents=True)
    words = COMMANDS[command].format(output=tmp_path / "there").split()
    with pytest.raises(UserError, match=f"{file} is a directory: name a file"):
        import_module(f"espnet_mtl.bin.{command}").main(words)
