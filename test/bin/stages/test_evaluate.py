import sys

import pytest

from espnet_mtl.bin.stages import evaluate
from espnet_mtl.errors import UserError


@pytest.mark.parametrize("option", ["--exp", "--dump", "--inference_config"])
def test_an_option_that_is_needed_is_named(option):
    options = {"--exp": "exp/x", "--dump": "dump/raw", "--inference_config": "decode.yaml"}
    del options[option]
    with pytest.raises(UserError, match=f"{option} is needed"):
        evaluate.main([part for pair in options.items() for part in pair])


def test_a_missing_experiment_is_one_line(tmp_path, monkeypatch, capsys):
    options = ["--exp", str(tmp_path / "exp/x"), "--dump", str(tmp_path), "--inference_config", "decode.yaml"]
    monkeypatch.setattr(sys, "argv", ["evaluate", *options])
    with pytest.raises(SystemExit) as stopped:
        evaluate.cli()
    assert stopped.value.code == 2
    assert capsys.readouterr().err.strip() == f"error: run stage 5 first: {tmp_path}/exp/x/config.yaml is missing"
