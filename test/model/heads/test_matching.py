import torch
from torch.nn.functional import cross_entropy, normalize

from espnet_mtl.model.heads.matching import Matching
from espnet_mtl.model.taps import Tap

FACES = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
VOICES = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
APART = torch.tensor([0, 1, 2, 3, 4])


def make(**options):
    return Matching(dim=4, classes=5, label="emotion", tap="visual", **options)


def loss_of(target, faces=FACES, voices=VOICES, present=None, **options):
    return make(**options).loss(Tap(faces, present=present, partner=Tap(voices)), target, progress=1.0)


def test_each_finds_its_other():
    cosines = normalize(FACES, dim=-1) @ normalize(VOICES, dim=-1).T / 0.5
    expected = (cross_entropy(cosines, APART) + cross_entropy(cosines.T, APART)) / 2
    loss, stats = loss_of(APART, temperature=0.5)
    torch.testing.assert_close(loss, expected)
    assert stats["recall"] == (cosines.argmax(-1) == APART).float().mean()
    assert loss_of(APART, voices=FACES)[1]["recall"] == 1


def test_the_same_emotion_is_no_negative():
    """Nor is its own recording taken from among the candidates."""
    loss, stats = loss_of(torch.zeros(5, dtype=torch.long))
    assert loss == 0
    assert stats["recall"] == 1
    soft = torch.tensor([[0.6, 0.4, 0, 0, 0], [0.9, 0.1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]])
    torch.testing.assert_close(loss_of(soft)[0], loss_of(torch.tensor([0, 0, 2, 3, 4]))[0])


def test_those_without_a_label_are_negatives_of_all():
    unknown = torch.full((5, 1), -1)
    torch.testing.assert_close(loss_of(unknown)[0], loss_of(APART)[0])


def test_those_without_a_face_do_not_count():
    present = torch.tensor([True, True, False, True, False])
    expected = loss_of(APART[present], faces=FACES[present], voices=VOICES[present])[0]
    torch.testing.assert_close(loss_of(APART, present=present)[0], expected)
    voices = VOICES.clone().requires_grad_()
    loss, stats = loss_of(APART, voices=voices, present=torch.zeros(5, dtype=torch.bool))
    loss.backward()
    assert loss == 0
    assert stats["recall"] == 0
    assert voices.grad.eq(0).all()


def test_both_encoders_and_the_temperature_learn():
    faces, voices = FACES.clone().requires_grad_(), VOICES.clone().requires_grad_()
    head = make()
    head.loss(Tap(faces, partner=Tap(voices)), APART, progress=1.0)[0].backward()
    assert faces.grad.abs().sum() > 0
    assert voices.grad.abs().sum() > 0
    assert head.log_factor.grad.abs() > 0


def test_the_partner_waits_and_is_ramped_like_the_tap():
    voices = VOICES.clone().requires_grad_()
    head = make(start=0.5, ramp=0.4)
    gradients = []
    for progress in (0.4, 0.6, 1.0):
        voices.grad = None
        head.loss(Tap(FACES.clone().requires_grad_(), partner=Tap(voices)), APART, progress)[0].backward()
        gradients.append(voices.grad)
    assert gradients[0] is None
    torch.testing.assert_close(gradients[1], gradients[2] / 4)


def test_the_factor_stays_in_bounds():
    head = make(temperature=0.01)
    torch.nn.init.constant_(head.log_factor, 9.0)
    faces, *_ = head(Tap(FACES, partner=Tap(VOICES)))
    torch.testing.assert_close(faces.norm(dim=-1), torch.full((5,), 100.0))
