"""Several texts at a time are said as each of them is alone."""

import threading
from itertools import chain

import numpy as np
import pytest
import torch
from tiny_backbones import TINY, with_backbone

from espnet_mtl import Controls
from espnet_mtl.errors import UserError
from espnet_mtl.inference.buckets import buckets
from espnet_mtl.inference.pytorch.batches import BatchedFastSpeech2

TEXTS = ["good morning", "good", "good morning, good morning. good", "morning good morning"]
CONTROLS = [
    Controls(speaker="m1", emotion="sad"),
    Controls(emotion={"happy": 0.3, "sad": 0.7}, intensity=1.4, rate=1.3, energy=-6),
    Controls(speaker={"f1": 0.4, "m1": 0.6}, pitch=3, pitch_range=1.5, pause=0.3),
    Controls(),
]
TTS = {"tts": {"weight": 1.0}}
TOLD = {"head": "regressor", "tap": "shared"}
CONFORMER = {
    **TINY["fastspeech2"],
    **{"encoder_type": "conformer", "decoder_type": "conformer", "conformer_rel_pos_type": "latest"},
    **{"conformer_pos_enc_layer_type": "rel_pos", "conformer_self_attn_layer_type": "rel_selfattn"},
    **{"use_cnn_in_conformer": True, "conformer_dec_kernel_size": 7, "postnet_layers": 1, "postnet_chans": 8},
}
MODELS = {
    "conformer": {
        "tts_conf": CONFORMER,
        "style_conf": {"channels": 8, "restore_range": ["pitch", "mel"]},
        "tasks": {**TTS, **{f"{name}_range": {**TOLD, "label": f"{name}_range"} for name in ("pitch", "mel")}},
    },
    "transformer": {"tts_conf": {**TINY["fastspeech2"], "pitch_embed_kernel_size": 3, "energy_embed_kernel_size": 3}},
    "float64": {"options": {"dtype": "float64"}},
}


@pytest.mark.parametrize("model", MODELS)
def test_each_is_said_as_it_is_alone(make_tts, model):
    tts = make_tts(",", ".", **MODELS[model])
    together = tts.batch(TEXTS, controls=CONTROLS)
    for text, controls, found in zip(TEXTS, CONTROLS, together, strict=True):
        expected = tts(text, controls=controls)
        assert found.keys() == expected.keys()
        assert found["duration"].tolist() == expected["duration"].tolist()
        for name in ("feat_gen", "feat_gen_denorm", "pitch", "pitch_denorm", "energy", "energy_denorm"):
            torch.testing.assert_close(found[name], expected[name], rtol=1e-4, atol=1e-4, msg=name)
        assert len(found["wav"]) == len(expected["wav"])
        np.testing.assert_array_equal(found["prosody"].gain, expected["prosody"].gain)
        assert found["prosody"].timed_words == expected["prosody"].timed_words


@pytest.fixture
def sizes(monkeypatch):
    """How many texts the network was given at a time."""
    found = []
    call = BatchedFastSpeech2.__call__

    def count(self, requests, alpha):
        found.append(len(requests))
        return call(self, requests, alpha)

    monkeypatch.setattr(BatchedFastSpeech2, "__call__", count)
    return found


def test_they_go_through_the_network_together(tts, sizes):
    assert len(tts.batch(["good morning"] * 5, batch_size=2, vocode=False)) == 5
    assert sizes == [2, 2]  # the last one is alone


def test_threads_may_share_a_model(make_tts):
    tts = make_tts(",", ".", **MODELS["conformer"])
    expected = [output["feat_gen"] for output in tts.batch(TEXTS, vocode=False)]
    found = {}

    def speak(number):
        found[number] = [tts.batch(TEXTS, vocode=False) for _ in range(5)]

    threads = [threading.Thread(target=speak, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for outputs in chain.from_iterable(found.values()):
        for output, mel in zip(outputs, expected, strict=True):
            torch.testing.assert_close(output["feat_gen"], mel)


def test_one_control_for_all(tts):
    quiet = tts.batch(TEXTS[:2], energy=-20.0)
    loud = tts.batch(TEXTS[:2])
    for one, other in zip(quiet, loud, strict=True):
        torch.testing.assert_close(one["wav"], other["wav"] * 0.1)


def test_no_texts(tts):
    assert tts.batch([]) == []


@pytest.mark.parametrize("backbone", ["tacotron2", "jets"])
def test_other_backbones_say_one_behind_the_other(make_tts, backbone):
    tts = make_tts(**with_backbone(backbone), tasks=TTS, style_conf={"reference": False})
    texts = ["good morning", "good"]
    for text, found in zip(texts, tts.batch(texts, emotion="sad"), strict=True):
        assert torch.equal(found["wav"], tts(text, emotion="sad")["wav"])


def test_slow_texts_count_as_long_ones(make_tts, sizes):
    tts = make_tts(options={"max_tokens": 40})
    texts = ["good morning"] * 4
    tts.batch(texts, vocode=False)
    tts.batch(texts, vocode=False, rate=0.3)
    assert sizes == [4, 2, 2]


def test_a_part_keeps_no_memory_of_the_others(tts):
    for output in tts.batch(["good", "good morning"], vocode=False):
        mel = output["feat_gen_denorm"]
        assert mel.untyped_storage().nbytes() == mel.nbytes


@pytest.mark.parametrize("batch_size", [1, 16])
def test_what_the_network_does_not_say_is_named(tts, batch_size):
    torch.nn.init.constant_(tts.model.tts.duration_predictor.linear.bias, -5)
    message = r"texts\[1\]: the model predicts 0 frames for 4 tokens, which is no speech"
    with pytest.raises(UserError, match=message):
        tts.batch(["good morning", "good"], batch_size=batch_size)


def test_groups_are_of_similar_length_and_bounded():
    assert list(buckets([5, 1, 9, 2, 6], 2, 100)) == [[1, 3], [0, 4], [2]]
    # 3 of 6 take as much as one of 10.4, 2 of 6 as one of 8.5
    assert list(buckets([6, 6, 6], 16, 10)) == [[0, 1], [2]]
    assert list(buckets([50], 16, 10)) == [[0]]
    assert list(buckets([], 16, 10)) == []


MISTAKES = {
    "a text": ("good", {}, "texts: expected a list of texts, got 'good'"),
    "number": (["good", 3], {}, r"texts\[1\]: text: "),
    "empty": (["good", " "], {}, r"texts\[1\]: text: there is nothing to say"),
    "markup": (["<speak>good</speak>"], {}, r"texts\[0\]: text: this is markup, which Text2Speech.stream reads"),
    "emotion": (["good"], {"emotion": "glad"}, r"texts\[0\]: unknown emotion 'glad'"),
    "controls": (["good"], {"controls": [Controls()] * 2}, "controls: expected one, or 1: one a text, got 2"),
    "size": (["good"], {"batch_size": 0}, "batch_size: expected a whole number of at least 1, got 0"),
}


@pytest.mark.parametrize(("texts", "options", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_name_the_text(tts, texts, options, message):
    with pytest.raises(UserError, match=message):
        tts.batch(texts, **options)
