import pytest
import torch

from espnet_mtl.model.style.reference import ReferenceEncoder, conditioning_weights

LOGITS = torch.tensor([[2.0, 0.0, 1.0], [0.0, 0.5, 0.0]])


def test_a_recording_conditions_by_its_posterior():
    torch.testing.assert_close(conditioning_weights(LOGITS, hard=False), LOGITS.softmax(-1))


def test_or_by_its_likeliest_style_with_the_same_gradient():
    gradients = []
    for hard in (False, True):
        logits = LOGITS.clone().requires_grad_()
        weights = conditioning_weights(logits, hard)
        (weights * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
        gradients.append(logits.grad)
    torch.testing.assert_close(weights, torch.eye(3)[[0, 1]])
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("length", [1, 3, 12])
def test_the_embedding_does_not_depend_on_padding(length):
    torch.manual_seed(0)
    encoder = ReferenceEncoder(odim=5, dim=4, channels=8).eval()
    feats = torch.randn(1, length, 5)
    padded = torch.cat([feats, torch.full((1, 6, 5), 9.0)], 1)
    lengths = torch.tensor([length])
    torch.testing.assert_close(encoder(padded, lengths), encoder(feats, lengths))
