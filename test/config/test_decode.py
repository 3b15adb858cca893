import pytest

from espnet_mtl.config.decode import load_inference_config
from espnet_mtl.errors import UserError


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "decode.yaml"
    path.write_text("griffin_lim_iters: 32\nvocoder_file: null\n")
    return path


def test_options_override_the_file(path):
    assert load_inference_config(path, ["--griffin_lim_iters", "4"]) == {"griffin_lim_iters": 4}


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["--griffin_lim_iter", "3"], "did you mean griffin_lim_iters"),
        (["--griffin_lim_iters"], "pairs"),
        (
            ["--griffin_lim_iters", "0"],
            "decode.yaml: .*griffin_lim_iters: a whole number of at least 1, or null, got 0",
        ),
        (["--griffin_lim_iters", "{"], r"--griffin_lim_iters: '\{' is no YAML value"),
        (["--vocoder_file", "3"], "vocoder_file: the path of a file, or null, got 3"),
        (["--dtype", "int8"], "dtype 'int8': .*Valid: float16, float32, float64"),
        (["--speed_control_alpha", "-1"], "speed_control_alpha: a number from 0.1 to 10, or null, got -1"),
        (["--speed_control_alpha", "11"], "speed_control_alpha: a number from 0.1 to 10, or null, got 11"),
    ],
)
def test_mistakes_name_what_is_valid(path, overrides, words):
    with pytest.raises(UserError, match=words):
        load_inference_config(path, overrides)
