import math

import pytest
import torch

from espnet_mtl.inference.pytorch.vocoding import contour_of


def output(durations, hertz):
    return {"duration": torch.tensor(durations), "pitch_denorm": torch.tensor(hertz).log().unsqueeze(-1)}


def test_f0_moves_between_the_centres_of_tokens():
    contour = contour_of(output([4, 2, 4], [100.0, 200.0, 100.0]))
    assert len(contour) == 10
    assert float(contour[0]) == pytest.approx(math.log(100))  # before the first centre, at 2 frames
    assert float(contour[-1]) == pytest.approx(math.log(100))
    # Centres at 2 and 5 frames: frame 3 lies at 3.5, half of the way
    assert float(contour[3]) == pytest.approx(math.log(100) + math.log(2) / 2)
    assert float(contour.max()) < math.log(200) + 1e-6
    assert int(contour.argmax()) in (4, 5)


def test_tokens_without_frames_say_nothing():
    with_silent = contour_of(output([4, 0, 4], [100.0, 999.0, 150.0]))
    without = contour_of(output([4, 4], [100.0, 150.0]))
    torch.testing.assert_close(with_silent, without)


def test_models_without_pitch_have_no_contour():
    assert contour_of({"duration": torch.tensor([3, 3])}) is None
    assert contour_of(output([0, 0], [100.0, 100.0])) is None


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.7])
def test_durations_are_those_that_are_spoken(make_tts, alpha):
    tts = make_tts()
    output = tts("good morning", decode_conf={"alpha": alpha})
    assert int(output["duration"].sum()) == len(output["feat_gen"])
    assert len(contour_of(output)) == len(output["feat_gen"])
