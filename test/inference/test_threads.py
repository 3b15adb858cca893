"""Several threads share one `Text2Speech`: every answer is that of the same call made alone."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from tiny_backbones import TINY

TACOTRON2 = {**TINY["tacotron2"], "dropout_rate": 0.5}
CONFORMER = {"encoder_type": "conformer", "decoder_type": "conformer", "conformer_rel_pos_type": "latest"}
NETWORKS = {
    "fastspeech2": ("fastspeech2", TINY["fastspeech2"]),
    "conformer": ("fastspeech2", {**TINY["fastspeech2"], **CONFORMER}),
    "location": ("tacotron2", {**TACOTRON2, "atype": "location"}),
    "forward": ("tacotron2", {**TACOTRON2, "atype": "forward"}),
    "forward_ta": ("tacotron2", {**TACOTRON2, "atype": "forward_ta"}),
}
"""Networks whose modules of ESPnet keep different things of a call."""
NO_END = {"maxlenratio": 3.0, "threshold": 1.0}
THREADS = 8
every = pytest.mark.parametrize("network", NETWORKS)


@pytest.fixture
def make(make_tts):
    def make(network):
        backbone, conf = NETWORKS[network]
        options = NO_END if backbone == "tacotron2" else {}
        return make_tts(tts=backbone, tts_conf=dict(conf), options=options)

    return make


def everything_on(module: torch.nn.Module) -> dict[str, int]:
    """Attributes, parameters and buffers of every module, by what they are."""
    found = {}
    for name, one in module.named_modules():
        for held in (vars(one), one._parameters, one._buffers):
            for key, value in held.items():
                found[f"{name}.{key}"] = id(value)
    return found


@every
def test_a_call_leaves_nothing_on_the_model(make, network):
    """What one call finds there could be another's. No race is needed to see it."""
    tts = make(network)
    before = everything_on(tts.model) | everything_on(tts.vocoder)
    tts("good morning", emotion="sad")
    after = everything_on(tts.model) | everything_on(tts.vocoder)
    assert [name for name in after if after[name] != before.get(name)] == []
    assert after.keys() == before.keys()


def requests() -> list[dict]:
    """Calls that differ in text, speaker, emotion and seed."""
    made = []
    texts = ("good morning", "morning", "good good good morning morning", "good")
    for number in range(24):
        call = {
            "text": texts[number % 4],
            "speaker": ("f1", "m1")[number % 2],
            "emotion": ("happy", "neutral", "sad", "sad:0.4,happy:0.6")[number // 2 % 4],
            "intensity": (1.0, 0.5, 1.5)[number % 3],
            "seed": number % 5,
        }
        made.append(call)
    return made


def answer(tts, call: dict) -> dict[str, torch.Tensor]:
    output = tts(**call)
    return {name: value for name, value in output.items() if isinstance(value, torch.Tensor)}


def assert_same(found: dict, alone: dict) -> None:
    assert found.keys() == alone.keys()
    for name, value in alone.items():
        assert torch.equal(found[name], value), name


@every
def test_threads_say_what_each_call_says_alone(make, network):
    tts = make(network)
    calls = requests()
    alone = [answer(tts, call) for call in calls]
    barrier = threading.Barrier(THREADS, timeout=60)

    def run(thread: int) -> list[tuple[int, dict]]:
        barrier.wait()
        order = np.random.default_rng(thread).permutation(len(calls))
        return [(number, answer(tts, calls[number])) for number in order]

    with ThreadPoolExecutor(THREADS) as pool:
        for answers in pool.map(run, range(THREADS)):
            for number, found in answers:
                assert_same(found, alone[number])


def test_dropout_goes_by_the_seed_of_the_call_alone(make):
    tts = make("location")
    first = tts("good morning", vocode=False)["feat_gen"]
    torch.rand(7)
    state = torch.get_rng_state()
    assert torch.equal(tts("good morning", vocode=False)["feat_gen"], first)
    assert not torch.equal(tts("good morning", vocode=False, seed=1)["feat_gen"], first)
    assert torch.equal(torch.get_rng_state(), state)
