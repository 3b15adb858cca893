import pytest

from espnet_mtl.vocoder.choice import vocoder_arguments

OWN = "exp/model/vocoder.pth"


@pytest.mark.parametrize(
    ("options", "vocoder", "config", "file"),
    [
        ({}, None, None, OWN),
        ({"vocoder": "source_filter"}, "source_filter", None, OWN),
        ({"vocoder": "source_filter", "griffin_lim_iters": 8}, "source_filter", None, OWN),
        ({"vocoder": "griffin_lim"}, "griffin_lim", None, None),
        ({"griffin_lim_iters": 8}, None, {"griffin_lim_iters": 8}, None),
        ({"vocoder_file": "other.pth"}, None, None, "other.pth"),
        ({"vocoder_file": "other.pkl", "vocoder_config": "config.yml"}, None, "config.yml", "other.pkl"),
        ({"vocoder_file": "other.pkl", "griffin_lim_iters": 8}, None, {"griffin_lim_iters": 8}, "other.pkl"),
    ],
)
def test_what_is_said_goes_before_what_was_trained_with_the_model(options, vocoder, config, file):
    assert vocoder_arguments(options, OWN) == {"vocoder": vocoder, "vocoder_config": config, "vocoder_file": file}


def test_a_model_without_a_vocoder_has_none():
    assert vocoder_arguments({}, None)["vocoder_file"] is None
