import pytest
import torch
from pydantic import ValidationError

from espnet_mtl.errors import UserError
from espnet_mtl.model.style.options import StyleOptions, VisualOptions
from espnet_mtl.model.style.table import Style
from espnet_mtl.model.style.visual import VisualEncoder, jittered

SHAPES = pytest.mark.parametrize("shape", [(6,), (9, 12)])
FEATS, LENGTHS = torch.randn(4, 12, 5), torch.tensor([12, 9, 12, 5])
UNKNOWN = torch.full((4, 1), -1)
ABSENT = torch.tensor([False, True, False, True])


def make_encoder(shape):
    torch.manual_seed(0)
    return VisualEncoder(shape, dim=4, options=VisualOptions(channels=8)).eval()


def make_style(shape=(6,), **options):
    torch.manual_seed(0)
    visual = options.pop("visual", {"channels": 8, "drop": 0.0})
    return Style(3, odim=5, adim=4, visual_shape=shape, channels=8, visual=visual, **options)


def faces(absent=ABSENT):
    frames = torch.randn(4, 3, 6, generator=torch.Generator().manual_seed(3))
    frames[absent] = 0.0
    frames[absent, 0] = torch.nan
    return {"visual": frames, "visual_lengths": torch.where(absent, 1, torch.tensor([3, 3, 2, 3]))}


@SHAPES
@pytest.mark.parametrize("length", [1, 4])
def test_the_embedding_does_not_depend_on_padding(shape, length):
    encoder = make_encoder(shape)
    size = torch.Size(shape).numel()
    frames = torch.randn(1, length, size)
    padded = torch.cat([frames, torch.full((1, 3, size), 9.0)], 1)
    lengths = torch.tensor([length])
    torch.testing.assert_close(encoder(padded, lengths), encoder(frames, lengths))


@SHAPES
def test_every_frame_can_matter(shape):
    frames = torch.randn(1, 3, torch.Size(shape).numel(), requires_grad=True)
    make_encoder(shape)(frames, torch.tensor([3])).sum().backward()
    assert frames.grad.abs().sum(-1).gt(0).all()


def bright_spot(rows, columns, frames=2):
    crops = torch.zeros(40, frames, 16, 16)
    crops[:, :, rows, columns] = 1.0
    return crops


def test_crops_are_scaled_and_shifted_within_bounds():
    torch.manual_seed(0)
    shifted = jittered(bright_spot(8, 8), 0.5)  # in the middle: the scale hardly moves it
    torch.testing.assert_close(shifted[:, 0], shifted[:, 1])  # all frames of an utterance alike
    spots = shifted[:, 0].flatten(1).argmax(1)
    rows, columns = spots // 16, spots % 16
    assert len(spots.unique()) > 5
    assert (rows - 8).abs().max() <= 3  # a fifth of .5 of the side, and a pixel for the scale
    assert (columns - 8).abs().max() <= 3
    scaled = jittered(bright_spot(slice(4, 12), slice(4, 12)), 0.2)[:, 0].mean((1, 2))
    assert scaled.min() < 0.25 / 1.15**2
    assert scaled.max() > 0.25 / 0.85**2
    assert scaled.min() > 0.25 / 1.25**2
    assert scaled.max() < 0.25 / 0.75**2
    torch.testing.assert_close(jittered(bright_spot(3, 5), 0.0), bright_spot(3, 5))


def test_neither_light_nor_contrast_matters():
    encoder = make_encoder((9, 12))
    frames, lengths = torch.rand(2, 3, 9 * 12), torch.tensor([3, 3])
    torch.testing.assert_close(encoder(0.5 * frames + 0.3, lengths), encoder(frames, lengths), atol=2e-2, rtol=0)
    assert torch.isfinite(encoder(torch.full_like(frames, 0.7), lengths)).all()


def test_only_crops_in_training_are_jittered():
    for shape, differ in {(9, 12): True, (6,): False}.items():
        options = VisualOptions(channels=8, dropout=0.0, jitter=0.2)
        encoder = VisualEncoder(shape, dim=4, options=options)
        frames, lengths = torch.rand(2, 3, torch.Size(shape).numel()), torch.tensor([3, 3])
        in_training = [encoder(frames, lengths) for _ in range(2)]
        assert torch.equal(*in_training) != differ
        encoder.eval()
        torch.testing.assert_close(encoder(frames, lengths), encoder(frames, lengths))


def test_a_frame_of_three_axes_is_none():
    with pytest.raises(ValueError, match=r"\[3, 4, 5\]: expected \[D\] or \[H, W\]"):
        make_encoder((3, 4, 5))


def test_faces_need_a_shape():
    with pytest.raises(ValueError, match="the data have no faces"):
        make_style(shape=None)


def test_options_are_checked():
    assert StyleOptions(visual=None).visual is None
    assert StyleOptions(visual={"drop": 0.5}).visual.drop == 0.5
    with pytest.raises(UserError, match=r"unknown key of style_conf.visual .channel.: did you mean channels"):
        StyleOptions(visual={"channel": 8})
    with pytest.raises(UserError, match=r"style_conf.visual.drop: a number in \[0, 0.5\], got 0.6"):
        StyleOptions(visual={"drop": 0.6})
    with pytest.raises((UserError, ValidationError), match="expected 'key: value' lines, got True"):
        StyleOptions(visual=True)


def test_a_face_alone_decides_where_there_is_no_reference_encoder():
    style = make_style(reference=False).eval()
    styled = style(FEATS, LENGTHS, UNKNOWN, **faces())
    posterior = styled.taps["visual"].attention().softmax(-1)
    torch.testing.assert_close(styled.vectors[[0, 2]], (posterior @ style.table)[[0, 2]])
    torch.testing.assert_close(styled.vectors[[1, 3]], style.table.mean(0).expand(2, -1))
    assert styled.stats["style_by_face"] == 0.5
    assert styled.taps["visual"].present.tolist() == [True, False, True, False]


def test_recording_and_face_are_trusted_as_was_learned():
    style = make_style().eval()
    torch.nn.init.constant_(style.trust[:1].data, 1.0)
    share = float(style.trust.detach().softmax(0)[0])
    styled = style(FEATS, LENGTHS, UNKNOWN, **faces())
    heard, seen = (styled.taps[name].attention().softmax(-1) for name in ("style", "visual"))
    mixed = share * heard + (1 - share) * seen
    expected = torch.where(ABSENT.unsqueeze(1), heard, mixed) @ style.table
    torch.testing.assert_close(styled.vectors, expected)
    styled.vectors.sum().backward()
    assert style.trust.grad.abs().sum() > 0


def test_a_label_goes_before_both():
    style = make_style().eval()
    target = torch.tensor([[2], [-1], [0], [1]])
    styled = style(FEATS, LENGTHS, target, **faces())
    torch.testing.assert_close(styled.vectors[[0, 2, 3]], style.table[[2, 0, 1]])
    shares = {name: float(value) for name, value in styled.stats.items()}
    assert shares == pytest.approx({"style_by_label": 0.75, "style_by_recording": 0.25, "style_by_face": 0.0})


def test_training_does_without_one_of_both_now_and_then():
    style = make_style(visual={"channels": 8, "drop": 0.25}).train()
    taps = style(FEATS, LENGTHS, UNKNOWN, **faces()).taps
    amounts = {"style": 0.0, "visual": 0.0}
    for _ in range(400):
        trust = style.trusted(taps, 4)
        assert (sum(trust.values()) - 1).abs().max() < 1e-6
        assert trust["style"][ABSENT].eq(1).all()
        for name in amounts:
            amounts[name] += float((trust[name][~ABSENT] == 1).float().mean()) / 400
    assert amounts == pytest.approx({"style": 0.25, "visual": 0.25}, abs=0.06)


def test_a_batch_without_faces():
    style = make_style().eval()
    styled = style(FEATS, LENGTHS, UNKNOWN)
    torch.testing.assert_close(styled.vectors, styled.taps["style"].attention().softmax(-1) @ style.table)
    assert not styled.taps["visual"].present.any()


def test_without_a_visual_encoder_nothing_of_it_is_reported():
    styled = make_style(visual=None)(FEATS, LENGTHS, UNKNOWN)
    assert styled.stats == {}
    assert list(styled.taps) == ["style"]
