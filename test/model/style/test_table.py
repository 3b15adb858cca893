import torch

from espnet_mtl.model.style.table import Style


def make(**options):
    torch.manual_seed(0)
    return Style(3, odim=5, adim=4, channels=8, **options).eval()


FEATS, LENGTHS = torch.randn(2, 12, 5), torch.tensor([12, 9])


def test_a_label_picks_its_row():
    style = make()
    vectors = style(FEATS, LENGTHS, torch.eye(3)[[2, 0]]).vectors
    torch.testing.assert_close(vectors, style.table[[2, 0]])


def test_a_mixture_mixes_rows():
    style = make()
    vectors = style.mix(torch.tensor([[0.3, 0.7, 0.0]]))
    torch.testing.assert_close(vectors[0], 0.3 * style.table[0] + 0.7 * style.table[1])


def test_where_there_is_no_label_the_posterior_of_the_reference_stands_in():
    style = make()
    target = torch.tensor([[0.0, 1.0, 0.0], [-1.0, -1.0, -1.0]])
    styled = style(FEATS, LENGTHS, target)
    torch.testing.assert_close(styled.vectors[0], style.table[1])
    posterior = styled.taps["style"].attention().softmax(-1)
    torch.testing.assert_close(styled.vectors[1], posterior[1] @ style.table)
    assert style(FEATS, LENGTHS, torch.tensor([[-1], [1]])).vectors.shape == (2, 4)


def test_a_hard_style_is_the_likeliest_one_and_learns_as_the_posterior_does():
    hard, soft = make(hard=True), make()
    unknown = torch.full((2, 1), -1)
    styled = hard(FEATS, LENGTHS, unknown)
    torch.testing.assert_close(styled.vectors, hard.table[styled.taps["style"].attention().argmax(-1)])
    styled.vectors.sum().backward()
    soft(FEATS, LENGTHS, unknown).vectors.sum().backward()
    torch.testing.assert_close(hard.reference.query.weight.grad, soft.reference.query.weight.grad)
    torch.testing.assert_close(hard(FEATS, LENGTHS, torch.tensor([[2], [0]])).vectors, hard.table[[2, 0]])


def test_without_reference_encoder_the_unlabelled_get_the_mean_style():
    style = make(reference=False)
    styled = style(FEATS, LENGTHS, torch.tensor([[-1], [-1]]))
    assert styled.taps == {}
    torch.testing.assert_close(styled.vectors[0], style.table.mean(0))


def test_another_width_is_projected():
    assert make(dim=6).mix(torch.eye(3)).shape == (3, 4)


def test_the_posterior_trains_the_reference_and_leaves_the_table():
    style = make()
    tap = style(FEATS, LENGTHS, torch.eye(3)[[2, 0]]).taps["style"]
    torch.nn.functional.cross_entropy(tap.attention(), torch.tensor([2, 0])).backward()
    assert style.reference.query.weight.grad.abs().sum() > 0
    assert style.table.grad is None
