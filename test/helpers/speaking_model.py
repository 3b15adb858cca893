"""A tiny model that speaks."""

from functools import partial

import pytest
import torch
import yaml

from espnet_mtl.text.espeak import phonemize


def speaking_model(make_args, folder, *marks, options=None, **overrides):
    """Builds a `Text2Speech` of a tiny model, in a folder, that knows the phones of "good morning", and `marks`."""
    from espnet_mtl.inference.text2speech import Text2Speech
    from espnet_mtl.tasks.tts import MTLTTSTask

    torch.manual_seed(0)
    phones = sorted(set(phonemize("good morning", "en-us")))
    args = make_args(token_list=["<blank>", "<unk>", *phones, *marks, "<sos/eos>"], **overrides)
    model = MTLTTSTask.build_model(args)
    if args.tts == "fastspeech2":
        torch.nn.init.constant_(model.tts.duration_predictor.linear.bias, 1.5)
    (folder / "config.yaml").write_text(yaml.safe_dump(vars(args)), encoding="utf-8")
    torch.save(model.state_dict(), folder / "model.pth")
    options = {"griffin_lim_iters": 2, **(options or {})}
    return Text2Speech(folder / "config.yaml", folder / "model.pth", **options)


@pytest.fixture
def make_tts(make_args, tmp_path):
    """Builds a `Text2Speech`, see `speaking_model`."""
    return partial(speaking_model, make_args, tmp_path)


@pytest.fixture
def tts(make_tts):
    """A `Text2Speech` with two speakers and three emotions."""
    return make_tts()


@pytest.fixture
def make_seeing(make_tts):
    """Builds a model that learned from faces, with an encoder whose posterior is not flat."""

    def make(shape=(6,), extract="embedding", reference=True, conf=None, weights=None):
        style = {"channels": 8, "reference": reference, "visual": {"channels": 8}}
        seeing = {"visual_extract": extract, "visual_extract_conf": conf or {}, "visual_shape": list(shape)}
        seeing["visual_weights"] = weights
        tasks = {"tts": {"weight": 1.0}}
        tts = make_tts(style_conf=style, tasks=tasks, **seeing)
        torch.nn.init.normal_(tts.model.style.visual.query.weight, std=3.0)
        return tts

    return make
