"""What the card of a packed model says of faces, and what its archive knows of their extractor."""

import re

import pytest
import yaml

from espnet_mtl.visual.extractors.build import weights_digest
from espnet_mtl.zoo.pack import model_card, pack_model
from test.zoo.test_pack import contents, make_experiment

VISUAL = {"style_conf": {"visual": {}}, "speakers": ["f1", "f2"], "emotions": ["happy", "sad"], "tts": "fastspeech2"}
SEEING = {**VISUAL, "feats_extract_conf": {"fs": 16000}}


def card(extractor, shape, **conf):
    made = {"visual_extract": extractor, "visual_extract_conf": conf, "visual_shape": shape}
    return model_card("seeing", "seeing.zip", {**SEEING, **made, "visual_weights": weights_digest(extractor)}, {})


@pytest.mark.parametrize(
    ("extractor", "shape", "conf", "line"),
    [
        (
            "expression",
            [128],
            {},
            "`expression`: 128 numbers a frame, 5 frames a second; "
            "mini-Xception with the weights of fer 25.10.3 (MIT, 242 kB)",
        ),
        ("crops", [32, 32], {"rate": 7.5}, "`crops`: 32 x 32 pixels a frame, 7.5 frames a second; no weights"),
        ("embedding", [6], {}, "`embedding`: 6 numbers a frame, any frame rate; no weights"),
    ],
)
def test_the_extractor_is_named(extractor, shape, conf, line):
    assert f"\n| Faces | {line} |\n" in card(extractor, shape, **conf)


def test_how_it_speaks_with_a_face():
    seen = card("expression", [128])
    assert 'tts("Hello there.", speaker="f2", visual="face.png")["wav"]' in seen
    assert "a picture, a video or an array" in seen
    assert "`--visual face.png`" in seen
    given = card("embedding", [6])
    assert 'visual="face.npy"' in given
    assert "picture" not in given
    for text in (seen, given):
        for code in re.findall("```python\n(.*?)```", text, re.DOTALL):
            compile(code, "README.md", "exec")


def test_why_the_weights_are_not_in_the_archive():
    seen = card("expression", [128])
    assert "The weights of mini-Xception come with espnet_mtl and are not in this archive." in seen
    assert f"SHA-256 {weights_digest('expression')}" in seen
    without = card("crops", [32, 32])
    assert "is a part of espnet_mtl, and has no weights." in without
    assert "SHA-256" not in without


def test_a_model_that_sees_nothing():
    blind = {**SEEING, "style_conf": {}, "visual_extract": "crops", "visual_extract_conf": {}, "visual_shape": None}
    for config in (blind, {**SEEING, "style_conf": {"visual": None}}):
        assert "ace" not in re.sub("[Ss]pace", "", model_card("blind", "blind.zip", config, {}))


def test_the_digest_is_in_the_archive(tmp_path):
    digest = weights_digest("expression")
    seen = {"visual_extract": "expression", "visual_shape": [128], "visual_weights": digest}
    exp = make_experiment(tmp_path, style_conf={"visual": {}}, visual_extract_conf={}, **seen)
    packed = contents(pack_model(exp))
    config = yaml.safe_load(packed["exp/mtl/config.yaml"])
    assert {key: config[key] for key in seen} == seen
    assert "| Faces | `expression`: 128 numbers" in packed["README.md"].decode()
