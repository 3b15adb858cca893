"""What every backbone must do."""

import inspect
import threading
from importlib import import_module

import pytest
import torch
from tiny_backbones import HOP, backbone_batch_for, batch_for, sizes_of, with_backbone

from espnet_mtl.model.backbones.base import Backbone, is_calling
from espnet_mtl.model.backbones.specs import TAPS
from espnet_mtl.model.ranges import cepstra, moments
from espnet_mtl.model.taps import VECTORS
from espnet_mtl.registry import BACKBONES
from espnet_mtl.system.imports.espnet import import_tts_task

import_tts_task()

from espnet2.torch_utils.load_pretrained_model import load_pretrained_model  # noqa: E402

from espnet_mtl.model.backbones.jets import with_end  # noqa: E402

SPEAKERS, TOKENS, MELS = 2, 6, 80
pytestmark = pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated:FutureWarning")
every = pytest.mark.parametrize("name", BACKBONES)
RANGES = [(name, feature) for name in BACKBONES for feature in BACKBONES.spec(name).ranges]


def espnet_class(name):
    module, attribute = BACKBONES.spec(name).espnet_class.split(":")
    return getattr(import_module(module), attribute)


def build(name, kind=None):
    torch.manual_seed(0)
    sizes = sizes_of(name, kind is not None, idim=TOKENS, odim=MELS, spks=SPEAKERS, langs=3)
    return (kind or BACKBONES.load(name))(**sizes).eval()


@pytest.fixture
def make_batch(batch):
    """The batch of a backbone, its padded tokens all 0; texts of different length in any order."""

    def make(name):
        own = {key: value.clone() for key, value in backbone_batch_for(name, batch).items()}
        own["text"][torch.arange(6) >= own["text_lengths"][:, None]] = 0
        return {**own, "lids": torch.tensor([[0], [1], [2], [0]])}

    return make


def longest_first(batch):
    """Some of ESPnet's classes want the longest text first."""
    order = batch["text_lengths"].argsort(descending=True, stable=True)
    return {key: value[order] for key, value in batch.items()}


def espnets_loss(name, backbone, batch):
    """The loss of ESPnet's own forward, a scalar, and its figures."""
    if not BACKBONES.spec(name).end_to_end:
        loss, stats, _ = espnet_class(name).forward(backbone, **longest_first(batch))
        return loss[0], stats
    text, lengths = with_end(batch["text"], batch["text_lengths"], backbone.eos)
    result = espnet_class(name).forward(backbone, **{**batch, "text": text, "text_lengths": lengths})
    return result["loss"][0], result["stats"]


def total(output):
    return torch.stack([*output.losses.values()]).sum()


@every
def test_it_is_espnets_class_with_its_parameters(name):
    ours, theirs = build(name), build(name, espnet_class(name))
    assert isinstance(ours, Backbone)
    assert isinstance(ours, espnet_class(name))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())


@every
def test_the_parts_sum_to_espnets_loss(name, make_batch):
    backbone, batch = build(name), make_batch(name)
    torch.manual_seed(1)
    output = backbone(**batch)
    torch.manual_seed(1)
    loss, stats = espnets_loss(name, backbone, batch)
    assert tuple(output.losses) == backbone.spec.parts
    torch.testing.assert_close(total(output), loss)
    assert stats.keys() - {"loss"} <= output.stats.keys()


@every
def test_every_tap_is_there_and_the_loss_reaches_it(name, make_batch):
    backbone, batch = build(name), make_batch(name)
    output = backbone(**batch, style=torch.zeros(4, backbone.encoder_dim))
    assert {*output.taps, "style", "visual"} == set(backbone.spec.taps)
    assert set(backbone.spec.taps) <= set(TAPS)
    assert backbone.tap_dims().keys() == output.taps.keys()
    for tap in output.taps.values():
        tap.values.retain_grad()
    total(output).backward()
    for tap_name, tap in output.taps.items():
        assert tap.values.size(0) == 4
        assert tap.values.size(-1) == backbone.tap_dims()[tap_name]
        assert (tap.lengths is None) == (tap_name in VECTORS) == (tap.values.dim() == 2)
        assert tap.values.grad.abs().sum() > 0, tap_name
        assert tap.real is None or tap.real.shape == tap.values.shape
        assert tap.lengths is None or int(tap.lengths.max()) == tap.values.size(1)


@every
def test_taps_are_in_the_order_of_the_batch(name, make_batch, monkeypatch):
    backbone, batch = build(name), make_batch(name)
    monkeypatch.setattr(torch, "rand", torch.zeros)  # segments start at 0
    order = torch.tensor([2, 0, 3, 1])
    one, other = backbone(**batch), backbone(**{key: value[order] for key, value in batch.items()})
    for tap_name, tap in one.taps.items():
        moved = other.taps[tap_name]
        torch.testing.assert_close(moved.values, tap.values[order], rtol=1e-4, atol=1e-5, msg=tap_name)
        if tap.lengths is not None:
            assert torch.equal(moved.lengths, tap.lengths[order])
        if tap.real is not None:
            torch.testing.assert_close(moved.real, tap.real[order])
    assert torch.equal(one.taps["encoder"].lengths, batch["text_lengths"] + 1)
    torch.testing.assert_close(one.taps["speaker"].values, backbone.sid_emb(batch["sids"].view(-1)))
    if one.attention is not None:
        torch.testing.assert_close(other.attention, one.attention[order])


@every
def test_style_is_added_behind_the_encoder(name, make_batch):
    backbone, batch = build(name), make_batch(name)
    style, along = torch.randn(4, backbone.encoder_dim), torch.randn(4, 6, backbone.encoder_dim)
    plain = backbone(**batch).taps["shared"].values
    valid = torch.arange(7) < (batch["text_lengths"] + 1)[:, None]
    whole = backbone(**batch, style=style).taps["shared"].values - plain
    torch.testing.assert_close(whole[valid], style[:, None].expand(-1, 7, -1)[valid], rtol=1e-4, atol=1e-5)
    changing = backbone(**batch, style=along).taps["shared"].values - plain
    torch.testing.assert_close(changing[:, :6][valid[:, :6]], along[valid[:, :6]], rtol=1e-4, atol=1e-5)
    last = changing[0, 6]  # the end of the longest text
    torch.testing.assert_close(last, torch.zeros_like(last), rtol=0, atol=1e-5)


@every
def test_branches_change_no_gradient(name, make_batch):
    """Where the parts of the loss are tasks, their gradients come back apart, and sum to what they were."""
    gradients = []
    for split in (False, True):
        backbone = build(name)
        backbone.split = split
        output = backbone(**make_batch(name))
        shared = output.taps["shared"]
        shared.values.retain_grad()
        torch.manual_seed(1)
        total(output).backward()
        assert set(shared.branch_grads) == {f"tts_{part}" for part in backbone.branched_parts}
        gradients.append(shared.values.grad + sum(shared.branch_grads.values()))
    torch.testing.assert_close(*gradients)
    assert set(backbone.branched_parts) <= set(backbone.spec.parts[1:])


def speak(backbone, style=None, **options):
    torch.manual_seed(0)
    where = {"sids": torch.tensor([1]), "lids": torch.tensor([0])}
    return backbone.inference(torch.tensor([2, 3, 4, 2]), style=style, **where, **options)


def speech(output):
    """The spectrogram, or the waveform, of a synthesis."""
    return output["feat_gen"] if "feat_gen" in output else output["wav"]


@every
def test_style_changes_the_speech_and_only_that_call(name):
    backbone = build(name)
    plain = speech(speak(backbone))
    vector, along = torch.ones(1, backbone.encoder_dim), torch.randn(1, 4, backbone.encoder_dim)
    for style in (vector, along):
        styled = speech(speak(backbone, style))
        assert styled.shape != plain.shape or not torch.allclose(styled, plain)
    torch.testing.assert_close(speech(speak(backbone)), plain)


def spoken(output, feature):
    """What has a range, (1, T, D): pitch or energy of the tokens without the end, or the cepstrum."""
    if feature == "mel":
        return cepstra(output["feat_gen"][None])
    return output[feature][:-1].view(1, -1, 1)


def spread_of(output, feature):
    values = spoken(output, feature)
    return moments(values, torch.tensor([values.size(1)]))[1].view(1, -1)


@pytest.mark.parametrize(("name", "feature"), RANGES)
def test_a_prediction_gets_the_range_that_its_own_call_wants(name, feature):
    """Two threads speak at the same time, with a range each."""
    backbone = build(name)
    plain = speak(backbone)
    styles = [torch.full((1, backbone.encoder_dim), 0.1 * index) for index in range(2)]
    spreads = [spread_of(speak(backbone, style), feature) for style in styles]
    factors = [0.5, 1.5]
    barrier = threading.Barrier(2, timeout=60)
    outputs, taps = [None, None], [None, None]

    def run(index):
        def tell(tap):
            barrier.wait()
            taps[index] = tap
            factor = torch.full_like(spreads[index], factors[index])
            return factor.log() if feature == "mel" else (factor * spreads[index]).log()

        outputs[index] = speak(backbone, styles[index], ranges={feature: tell})

    threads = [threading.Thread(target=run, args=[index]) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for factor, spread, output, tap in zip(factors, spreads, outputs, taps, strict=True):
        torch.testing.assert_close(spread_of(output, feature), factor * spread)
        assert tap.values.shape == (1, 5, backbone.shared_dim)
        assert tap.lengths.tolist() == [5]
    torch.testing.assert_close((taps[1].values - taps[0].values)[:, :-1], torch.full((1, 4, backbone.shared_dim), 0.1))
    torch.testing.assert_close(spoken(outputs[0], feature).mean(1), spoken(plain, feature).mean(1), atol=0.05, rtol=0)
    assert torch.equal(spoken(speak(backbone), feature), spoken(plain, feature))


@every
def test_synthesis_tells_durations(name):
    output = speak(build(name))
    assert output["duration"].shape == (5,)
    hop = HOP if BACKBONES.spec(name).end_to_end else 1
    assert int(output["duration"].sum()) * hop == len(speech(output))
    assert not speech(output).requires_grad


@every
def test_the_encoder_alone_gives_its_tap(name, make_batch):
    backbone, batch = build(name), make_batch(name)
    taps = backbone(**batch, style=torch.ones(4, backbone.encoder_dim)).taps
    index = int(batch["text_lengths"].argmax())
    hidden = backbone.encode(batch["text"][index])
    assert not hidden.requires_grad
    torch.testing.assert_close(hidden[0], taps["encoder"].values[index], rtol=1e-4, atol=1e-5)


@every
def test_nothing_of_a_call_stays(name, make_batch):
    backbone, batch = build(name), make_batch(name)
    before = dict(vars(backbone))
    backbone(**batch, style=torch.ones(4, backbone.encoder_dim))
    assert not is_calling()
    speak(backbone)
    assert not is_calling()
    backbone.encode(batch["text"][0])
    assert not is_calling()
    assert vars(backbone) == before


@every
def test_nothing_of_a_call_that_fails_stays(name, make_batch):
    backbone, batch = build(name), make_batch(name)
    plain = speech(speak(backbone))

    def fail(*_):
        raise RuntimeError("out of memory")

    hook = backbone.sid_emb.register_forward_hook(fail)
    style = torch.ones(4, backbone.encoder_dim)
    for call in (lambda: backbone(**batch, style=style), lambda: speak(backbone, style[:1])):
        with pytest.raises(RuntimeError, match="out of memory"):
            call()
        assert not is_calling()
    hook.remove()
    torch.testing.assert_close(speech(speak(backbone)), plain)


@every
def test_two_threads_share_a_network(name, make_batch):
    """Both are in the encoder, and then in the table of speakers, at the same time."""
    backbone, batch = build(name), make_batch(name)
    styles = [torch.full((4, backbone.encoder_dim), value) for value in (1.0, -1.0)]
    expected = [backbone(**batch, style=style).taps for style in styles]
    barrier = threading.Barrier(2, timeout=60)
    table, _, _ = backbone.token_table.rpartition(".")

    def wait(*_):
        barrier.wait()

    for module in (backbone.get_submodule(table), backbone.sid_emb):
        module.register_forward_pre_hook(wait)
    found = [None, None]

    def run(index):
        found[index] = backbone(**batch, style=styles[index]).taps

    threads = [threading.Thread(target=run, args=[index]) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for taps, alone in zip(found, expected, strict=True):
        torch.testing.assert_close(taps["shared"].values, alone["shared"].values)


@every
def test_tables_have_a_row_for_each_name(name):
    backbone = build(name)
    rows = {"token": TOKENS, "speaker": SPEAKERS, "language": 3}
    tables = {parameter: rows[kind] for parameter, kind in backbone.row_tables().items()}
    assert sorted(backbone.row_tables().values()) == sorted(rows)
    assert tables == {parameter: len(backbone.get_parameter(parameter)) for parameter in tables}
    alone = BACKBONES.load(name)(**sizes_of(name, False, idim=TOKENS, odim=MELS))
    assert list(alone.row_tables().values()) == ["token"]
    assert "speaker" not in alone.tap_dims()


@every
def test_decoding_options_are_espnets(name):
    spec = BACKBONES.spec(name)
    assert set(spec.decoding_options) <= set(inspect.signature(espnet_class(name).inference).parameters)
    required = inspect.signature(espnet_class(name).forward).parameters
    assert {"durations", "pitch", "energy"} & set(required) == set(spec.token_features)
    assert set(spec.ranges) <= {*spec.token_features, "mel"} - {"durations"}


@every
def test_it_trains_and_speaks_in_a_multi_task_model(name, make_model, batch):
    model = make_model(**with_backbone(name))
    result = model(**batch_for(name, batch))
    loss, stats = (result["loss"], result["stats"]) if isinstance(result, dict) else result[:2]
    loss.backward()
    assert {f"{task}_loss" for task in ("emotion", "emotion_mel", "speaker_mel")} <= stats.keys()
    assert model.style.table.grad.abs().sum() > 0
    output = model.eval().inference(batch["text"][0], sids=torch.tensor([0]), use_teacher_forcing=False)
    assert len(output["duration"]) == len(batch["text"][0]) + 1
    assert ("pitch_denorm" in output) == ("pitch" in BACKBONES.spec(name).predicted)


@every
def test_an_espnet_checkpoint_loads_with_init_param(name, make_model, tmp_path):
    torch.manual_seed(5)
    theirs = espnet_class(name)(**sizes_of(name, True, idim=TOKENS, odim=MELS, spks=SPEAKERS))
    path = tmp_path / "espnet.pth"
    torch.save({f"tts.{key}": value for key, value in theirs.state_dict().items()}, path)
    model = make_model(**with_backbone(name), languages=[])
    before = model.style.table.clone()
    load_pretrained_model(str(path), model, ignore_init_mismatch=False)
    for key, value in theirs.state_dict().items():
        torch.testing.assert_close(model.tts.state_dict()[key], value)
    torch.testing.assert_close(model.style.table, before)
