"""What every head must do, on every tap."""

from typing import get_args

import pytest
import torch

from espnet_mtl.labels import ContinuousLabel
from espnet_mtl.model.backbones.specs import TAPS
from espnet_mtl.model.taps import VECTORS, Tap
from espnet_mtl.registry import HEADS

BATCH, STEPS, DIM, CLASSES = 6, 20, 10, 3


def make_tap(name):
    if name in VECTORS:
        partner = Tap(torch.randn(BATCH, DIM, requires_grad=True)) if name == "visual" else None
        return Tap(torch.randn(BATCH, DIM, requires_grad=True), partner=partner)
    lengths = torch.tensor([20, 18, 15, 9, 4, 20])
    values = torch.randn(BATCH, STEPS, DIM, requires_grad=True)
    return Tap(values, lengths, real=torch.randn(BATCH, STEPS, DIM) if name in ("prosody", "mel") else None)


def first_label(name):
    """One of the labels that a head can learn."""
    return next(iter(HEADS.options(name).labels.values()))


def taps_of(name):
    """The taps that a head can read."""
    return get_args(HEADS.options(name).model_fields["tap"].annotation) or TAPS


def needs_label(name):
    """Whether utterances without a label do not count."""
    return HEADS.options(name).needs_label


def make_head(name, tap, **options):
    label = first_label(name).name
    return HEADS.load(name)(dim=DIM, classes=CLASSES, label=label, tap=tap, **options).eval()


def learns(name):
    """Whether a head has weights of its own."""
    return any(True for _ in make_head(name, taps_of(name)[-1]).parameters())


def make_target(name, unknown=0):
    """Labels of a batch, the last ones unknown."""
    if isinstance(first_label(name), ContinuousLabel):
        target = torch.linspace(-2, 2, BATCH * CLASSES).view(BATCH, CLASSES)
        target[BATCH - unknown :] = torch.nan
    else:
        target = torch.tensor([0, 1, 2, 0, 1, 2])
        target[BATCH - unknown :] = -1
    return target


PAIRS = [(name, tap) for name in HEADS for tap in taps_of(name)]
every = pytest.mark.parametrize(("name", "tap"), PAIRS)
every_labelled = pytest.mark.parametrize(("name", "tap"), [pair for pair in PAIRS if needs_label(pair[0])])
JUDGES = [name for name in HEADS if learns(name) and "mel" in taps_of(name)]
every_judge = pytest.mark.parametrize("name", JUDGES)


@every
def test_loss_is_a_finite_scalar_whose_gradient_reaches_the_tap(name, tap):
    values = make_tap(tap)
    loss, stats = make_head(name, tap).loss(values, make_target(name), progress=1.0)
    loss.backward()
    assert loss.dim() == 0
    assert loss.isfinite()
    assert values.values.grad.abs().sum() > 0
    assert all(torch.as_tensor(value).isfinite().all() for value in stats.values())


@every_labelled
def test_unlabelled_utterances_do_not_count(name, tap):
    values, head = make_tap(tap), make_head(name, tap)
    head.loss(values, make_target(name, unknown=3), progress=1.0)[0].backward()
    assert values.values.grad[3:].eq(0).all()
    assert values.values.grad[:3].abs().sum() > 0


@every_labelled
@pytest.mark.parametrize("no_file", [False, True])
def test_a_batch_without_labels_costs_nothing(name, tap, no_file):
    target = torch.full((BATCH, 1), -1) if no_file else make_target(name, unknown=BATCH)
    values = make_tap(tap)
    loss, _ = make_head(name, tap).loss(values, target, progress=1.0)
    loss.backward()
    assert loss.item() == 0
    assert values.values.grad.eq(0).all()


@every
def test_nothing_reaches_the_network_before_start(name, tap):
    values, head = make_tap(tap), make_head(name, tap, start=0.5)
    loss = head.loss(values, make_target(name), progress=0.4)[0]
    if learns(name):
        loss.backward()
        assert any(parameter.grad.abs().sum() > 0 for parameter in head.parameters())
    assert loss.requires_grad == learns(name)
    assert values.values.grad is None


@every
def test_reversal_turns_the_gradient_round(name, tap):
    values, head = make_tap(tap), make_head(name, tap)
    head.loss(values, make_target(name), progress=1.0)[0].backward()
    plain = values.values.grad.clone()
    values.values.grad = None
    head.reversed = True
    head.loss(values, make_target(name), progress=1.0)[0].backward()
    torch.testing.assert_close(values.values.grad, -plain)


@every
def test_cap_limits_the_weighted_gradient(name, tap):
    values, head = make_tap(tap), make_head(name, tap, grad_cap=1e-4, weight=0.3)
    (0.3 * head.loss(values, make_target(name), progress=1.0)[0]).backward()
    elements = 86 * DIM if values.lengths is not None else BATCH * DIM
    torch.testing.assert_close(values.values.grad.norm(), torch.tensor(1e-4 / elements**0.5), rtol=1e-4, atol=0)


@every
def test_its_action_grows_over_the_ramp(name, tap):
    values, head = make_tap(tap), make_head(name, tap, start=0.2, ramp=0.4)
    gradients = []
    for progress in (0.2, 0.3, 0.6, 1.0):
        values.values.grad = None
        head.loss(values, make_target(name), progress)[0].backward()
        gradients.append(values.values.grad)
    for gradient, share in zip(gradients, (0, 0.25, 1, 1), strict=True):
        torch.testing.assert_close(gradient, share * gradients[-1])


@pytest.mark.parametrize(("name", "tap"), [(name, tap) for name, tap in PAIRS if tap not in VECTORS])
def test_padding_does_not_matter(name, tap):
    values, head = make_tap(tap), make_head(name, tap)
    loss, stats = head.loss(values, make_target(name), progress=1.0)

    def padded(steps):
        """The same with three more steps of padding."""
        longer = torch.full((BATCH, STEPS + 3, DIM), 99.0)
        for row, length in enumerate(values.lengths):
            longer[row, :length] = steps[row, :length].detach()
        return longer

    tap = Tap(padded(values.values), values.lengths, None if values.real is None else padded(values.real))
    changed_loss, changed_stats = head.loss(tap, make_target(name), 1.0)
    torch.testing.assert_close(changed_loss, loss)
    torch.testing.assert_close(changed_stats, stats)


def gradients(head, tap, target, progress=1.0):
    """What a head's weights learn from a batch."""
    head.zero_grad()
    loss, _ = head.loss(tap, target, progress)
    loss.backward()
    return [parameter.grad.clone() for parameter in head.parameters()]


@every_judge
@pytest.mark.parametrize("autocast", [False, True])
def test_the_weights_of_a_judge_are_held_fixed(name, autocast):
    torch.manual_seed(0)
    values, head, target = make_tap("mel"), make_head(name, "mel", start=0.5), make_target(name)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        before, after = (gradients(head, values, target, progress) for progress in (0.4, 0.6))
    assert values.values.grad.abs().sum() > 0
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("name", [name for name in JUDGES if HEADS.load(name).weighed_by_size])
def test_a_judge_learns_on_real_speech_only(name):
    """But for discriminators, which play against the network."""
    torch.manual_seed(0)
    values, head, target = make_tap("mel"), make_head(name, "mel"), make_target(name)
    other = Tap(values.values.detach() + 5, values.lengths, real=values.real)
    for one, another in zip(gradients(head, values, target), gradients(head, other, target), strict=True):
        torch.testing.assert_close(one, another)


@pytest.mark.parametrize("name", HEADS)
def test_its_options_are_those_of_its_class(name):
    tap = taps_of(name)[-1]
    head = make_head(name, tap, weight=0.3, start=0.1, ramp=0.2, grad_cap=0.4)
    assert HEADS.options(name) is type(head).Options is type(head).options_class()
    assert (head.tap, head.weight, head.start, head.ramp, head.grad_cap) == (tap, 0.3, 0.1, 0.2, 0.4)
    assert head.label == first_label(name).name
    assert head.reversed is False


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize(
    ("options", "word"),
    [({"nonsense": 1}, "nonsense"), ({"weight": -1.0}, "weight"), ({"start": 0.7, "ramp": 0.5}, "beyond the end")],
)
def test_nonsense_is_refused(name, options, word):
    with pytest.raises(ValueError, match=word):
        make_head(name, taps_of(name)[-1], **options)


@every_judge
def test_rows_of_classes_are_parameters(name):
    head = make_head(name, "mel")
    for parameter in head.class_parameters():
        assert len(head.get_parameter(parameter)) == CLASSES
