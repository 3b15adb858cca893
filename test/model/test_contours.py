"""The ranges of contours: measured of natural ones, and given to predicted ones in synthesis."""

import copy

import pytest
import torch
import yaml

from espnet_mtl.errors import UserError
from espnet_mtl.inference import Text2Speech
from espnet_mtl.model.contours import MOST, moments, range_labels, with_range
from espnet_mtl.model.taps import Tap
from espnet_mtl.training.dataset import written_labels

HEAD = {"head": "regressor", "tap": "shared", "additive": True}
TASKS = {
    "tts": {"weight": 1.0},
    "intonation": {**HEAD, "label": "pitch_range"},
    "loudness": {**HEAD, "label": "energy_range"},
}
SPEAK = {"sids": torch.tensor([0]), "use_teacher_forcing": False, "alpha": 1.0}
TEXT = torch.tensor([2, 3, 4, 2, 3])


def contour(lengths, size):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(len(lengths), size, 1, generator=generator)
    values[torch.arange(size) >= torch.tensor(lengths)[:, None]] = 77.0
    return values, torch.tensor(lengths)


def prosody(pitch, energy, tokens):
    """A tap of a batch; `tokens` count the end."""
    real = torch.cat([pitch, energy, torch.zeros_like(pitch)], -1)
    return {"prosody": Tap(torch.zeros_like(real), tokens, real=real)}


def test_moments_are_those_of_the_valid_steps():
    values, lengths = contour([5, 3], 7)
    mean, spread = moments(values, lengths)
    for row, length in enumerate(lengths):
        torch.testing.assert_close(mean[row, 0, 0], values[row, :length, 0].mean())
        torch.testing.assert_close(spread[row, 0, 0], values[row, :length, 0].std(correction=0))


def test_labels_are_the_log_spread_of_the_tokens_without_the_end():
    pitch, lengths = contour([6, 4], 7)
    labels = range_labels(prosody(pitch, 2 * pitch + 1, lengths))
    for row, length in enumerate(lengths - 1):
        spread = pitch[row, :length, 0].std(correction=0)
        torch.testing.assert_close(labels["pitch_range"][row, 0], spread.log())
        torch.testing.assert_close(labels["energy_range"][row, 0], (2 * spread).log())


@pytest.mark.parametrize("tokens", [1, 2])
def test_a_flat_contour_has_no_label(tokens):
    """That of an utterance without a voiced frame, and of one token or none."""
    pitch, lengths = contour([7, 7], 7)
    pitch[0] = 0.3
    lengths[1] = tokens
    labels = range_labels(prosody(pitch, pitch, lengths))
    assert labels["pitch_range"].isnan().all()


def test_without_contours_there_are_no_labels():
    assert range_labels({"shared": Tap(torch.zeros(1, 2, 3), torch.tensor([2]))}) == {}


def test_a_contour_gets_the_wanted_spread_about_its_mean():
    values, lengths = contour([5, 3], 7)
    wanted = torch.tensor([0.5, 1.5])
    changed = with_range(values, lengths, wanted.log()[:, None])
    before, after = moments(values, lengths), moments(changed, lengths)
    torch.testing.assert_close(after[0], before[0])
    torch.testing.assert_close(after[1].view(-1), wanted)
    assert torch.equal(changed[0, 5:], values[0, 5:])
    assert torch.equal(changed[1, 3:], values[1, 3:])


@pytest.mark.parametrize(("log_spread", "factor"), [(50.0, MOST), (-50.0, 1 / MOST)])
def test_no_head_changes_a_contour_beyond_measure(log_spread, factor):
    values, lengths = contour([5], 5)
    before = moments(values, lengths)[1]
    after = moments(with_range(values, lengths, torch.tensor([[log_spread]])), lengths)[1]
    torch.testing.assert_close(after, factor * before)


def test_a_predicted_contour_without_a_course_stays():
    flat = torch.full((1, 4, 1), 0.2)
    torch.testing.assert_close(with_range(flat, torch.tensor([4]), torch.zeros(1, 1)), flat)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_the_type_of_numbers_stays(dtype):
    values, lengths = contour([5], 5)
    assert with_range(values.to(dtype), lengths, torch.zeros(1, 1, dtype=dtype)).dtype == dtype


def trained(make_model, batch, restore=True):
    """A model whose heads have learned the ranges of four utterances."""
    model = make_model(tasks=TASKS, style_conf={"reference": False, "restore_range": restore})
    optimizer = torch.optim.Adam(model.heads.parameters(), lr=0.05)
    for _ in range(150):
        optimizer.zero_grad()
        model(**batch)[0].backward()
        optimizer.step()
    return model.eval()


def log_spread(output, name):
    return moments(output[name].view(1, -1, 1), torch.tensor([len(TEXT)]))[1].log().view(())


def test_synthesis_has_the_range_that_the_heads_say(make_model, batch):
    model = trained(make_model, batch)
    plain = copy.deepcopy(model)
    plain.restored = {}
    weights = torch.tensor([1.0, 0, 0])
    restored, flat = (one.inference(TEXT, weights=weights, **SPEAK) for one in (model, plain))
    shared = {}
    plain.tts.pitch_predictor.register_forward_pre_hook(lambda _, args: shared.update(tap=args[0]))
    plain.inference(TEXT, weights=weights, **SPEAK)
    for name, task in (("pitch", "intonation"), ("energy", "loudness")):
        said = model.heads[task](Tap(shared["tap"], torch.tensor([len(TEXT) + 1])))[0, 0]
        assert log_spread(restored, name) != pytest.approx(log_spread(flat, name).item(), abs=0.02)
        torch.testing.assert_close(log_spread(restored, name), said)
        torch.testing.assert_close(restored[name][:-1].mean(), flat[name][:-1].mean())
        torch.testing.assert_close(restored[name][-1], flat[name][-1])
    torch.testing.assert_close(restored["pitch_denorm"], restored["pitch"])  # statistics of standard-normal features
    assert not torch.allclose(restored["feat_gen"], flat["feat_gen"])


def test_only_the_contours_that_are_named_are_restored(make_model):
    restored = {name: make_model(tasks=TASKS, style_conf={"restore_range": name}).restored for name in (True, False)}
    assert restored == {True: {"pitch": "intonation", "energy": "loudness"}, False: {}}
    assert make_model(tasks=TASKS, style_conf={"restore_range": ["energy"]}).restored == {"energy": "loudness"}


def test_an_exaggerated_emotion_has_an_exaggerated_range(make_model):
    """What an additive head says of a mixture is a mixture, beyond the emotions, too."""
    model = make_model(tasks=TASKS, style_conf={"reference": False, "restore_range": ["pitch"]}).eval()
    neutral, happy = torch.tensor([0.0, 1, 0]), torch.tensor([1.0, 0, 0])
    said = []
    for intensity in (0.0, 1.0, 2.0):
        output = model.inference(TEXT, weights=neutral + intensity * (happy - neutral), **SPEAK)
        said.append(log_spread(output, "pitch"))
    torch.testing.assert_close(said[2] - said[1], said[1] - said[0], rtol=1e-3, atol=1e-4)
    assert abs(said[1] - said[0]) > 0.01


def test_training_does_not_depend_on_what_synthesis_does(make_model, batch):
    losses = []
    for restore in (True, False):
        model = make_model(tasks=TASKS, style_conf={"reference": False, "restore_range": restore}).eval()
        losses.append(model(**batch)[0])
    torch.testing.assert_close(*losses)


def test_an_unvoiced_utterance_does_not_count(make_model, batch):
    batch["pitch"][:] = 0.1
    _, stats, _ = make_model(tasks=TASKS)(**batch)
    assert stats["intonation_loss"].item() == 0
    assert stats["loudness_loss"].item() > 0


def test_ranges_need_no_files_of_labels():
    assert written_labels(TASKS) == ["emotion"]


def test_a_trained_model_speaks_with_its_range(make_tts):
    plain = make_tts(tasks=TASKS)
    flat = plain("good morning", emotion="happy", intensity=2.0, vocode=False)
    restored = make_tts(tasks=TASKS, style_conf={"channels": 8, "restore_range": True})
    stretched = restored("good morning", emotion="happy", intensity=2.0, vocode=False)
    assert not torch.allclose(stretched["pitch"], flat["pitch"])
    torch.testing.assert_close(stretched["pitch"][:-1].mean(), flat["pitch"][:-1].mean())


def test_one_that_lacks_the_head_is_refused(make_tts, tmp_path):
    make_tts(tasks=TASKS)
    path = tmp_path / "config.yaml"
    text = path.read_text(encoding="utf-8")
    config = {**yaml.safe_load(text), "tasks": {"tts": {}}, "style_conf": {"restore_range": True}}
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    with pytest.raises(UserError, match=r"config.yaml: style_conf.restore_range: pitch needs a task such as"):
        Text2Speech(path, tmp_path / "model.pth")
