import sys

import pytest

from espnet_mtl.bin import compare
from espnet_mtl.bin.stages import evaluate
from espnet_mtl.errors import UserError


def test_experiments_and_output_are_needed():
    with pytest.raises(UserError, match="the following arguments are required: --output"):
        compare.main(["exp/a", "--dump", "dump/raw", "--inference_config", "decode.yaml"])


def test_experiments_of_one_name_are_an_error(tmp_path, monkeypatch, capsys):
    options = ["--dump", str(tmp_path), "--inference_config", "decode.yaml", "--output", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["compare", "a/exp", "b/exp", *options])
    with pytest.raises(SystemExit) as stopped:
        compare.cli()
    assert stopped.value.code == 2
    assert "different names: a/exp, b/exp" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_recordings_of_another_system_need_an_output():
    with pytest.raises(UserError, match="--output is needed"):
        evaluate.main(["--reference", "dump/raw/test", "--hypothesis", "x"])


@pytest.mark.parametrize(
    ("main", "words"),
    [
        (evaluate.main, "--reference none --hypothesis none"),
        (compare.main, "exp/a exp/b --dump none --inference_config conf/decode.yaml"),
    ],
    ids=["evaluate", "compare"],
)
def test_a_whisper_model_that_there_is_not_is_told_before_anything_is_read(main, words, tmp_path):
    with pytest.raises(UserError, match=r"--whisper .*'smal': did you mean small"):
        main([*words.split(), "--output", str(tmp_path), "--whisper", "smal"])
