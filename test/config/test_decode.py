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
            "decode.yaml: .*griffin_lim_iters: a whole number from 1 to 10000, or null, got 0",
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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("griffin_lim_iters: 1000000000", "griffin_lim_iters: a whole number from 1 to 10000"),
        ("threshold: 1.5", "threshold: a number from 0 to 1"),
        ("maxlenratio: .inf", "maxlenratio: a number from 0 to 1000"),
        ("{minlenratio: 3, maxlenratio: 2}", r"minlenratio \(3.0\) must not be above maxlenratio \(2.0\)"),
        ("forward_window: -1", "forward_window: a whole number from 0 to 10000"),
    ],
)
def test_a_value_beyond_its_range_is_named(tmp_path, text, message):
    (tmp_path / "decode.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load_inference_config(tmp_path / "decode.yaml")
