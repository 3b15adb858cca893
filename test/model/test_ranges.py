"""Ranges: measured of natural speech, and given to predictions in synthesis."""

import copy

import numpy as np
import pytest
import scipy.fft
import torch
import yaml

from espnet_mtl.errors import UserError
from espnet_mtl.inference import Text2Speech
from espnet_mtl.model.ranges import MOST, cepstra, moments, range_labels, with_mel_range, with_range
from espnet_mtl.model.taps import Tap
from espnet_mtl.training.dataset import written_labels

HEAD = {"head": "regressor", "tap": "shared", "additive": True}
TASKS = {
    "tts": {"weight": 1.0},
    "intonation": {**HEAD, "label": "pitch_range"},
    "loudness": {**HEAD, "label": "energy_range"},
    "timbre": {**HEAD, "label": "mel_range"},
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


def trained(make_model, batch, restore=("pitch", "energy")):
    """A model whose heads have learned the ranges of four utterances."""
    model = make_model(tasks=TASKS, style_conf={"reference": False, "restore_range": list(restore)})
    optimizer = torch.optim.Adam(model.heads.parameters(), lr=0.05)
    for _ in range(150):
        optimizer.zero_grad()
        model(**batch)[0].backward()
        optimizer.step()
    return model.eval()


def test_the_label_of_a_spectrogram_is_how_much_wider_the_natural_cepstrum_spreads():
    """Twice the contrast of every spectrum is twice the spread; another level is none."""
    mel, other = torch.randn(2, 1, 9, 80, generator=torch.Generator().manual_seed(0))
    levels = torch.arange(9.0)[None, :, None]
    lengths = torch.tensor([9])
    plain, doubled, moved = (
        range_labels({"mel": Tap(other, lengths, real=one)})["mel_range"] for one in (mel, 2 * mel, mel + levels)
    )
    assert plain.shape == (1, 24)
    third = [scipy.fft.dct(one[0].numpy(), norm="ortho")[:, 3].std() for one in (mel, other)]
    assert plain[0, 2].item() == pytest.approx(np.log(third[0] / third[1]), abs=1e-4)
    torch.testing.assert_close(doubled, plain + np.log(2))
    torch.testing.assert_close(moved, plain, atol=1e-4, rtol=0)


def test_what_no_head_learns_is_not_measured():
    pitch, lengths = contour([6, 4], 7)
    mel = torch.randn(2, 9, 80, generator=torch.Generator().manual_seed(0))
    taps = {**prosody(pitch, pitch, lengths), "mel": Tap(mel, torch.tensor([9, 6]), real=2 * mel)}
    every = range_labels(taps)
    assert list(every) == ["pitch_range", "energy_range", "mel_range"]
    for label, values in every.items():
        (measured,) = range_labels(taps, {label}).items()
        assert measured[0] == label
        assert torch.equal(measured[1], values)
    assert range_labels(taps, set()) == {}


def test_what_is_wanted_of_a_spectrogram_gives_it_the_natural_spread():
    natural, predicted = torch.randn(2, 2, 9, 80, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([9, 6])
    label = range_labels({"mel": Tap(predicted, lengths, real=natural)})["mel_range"]
    _, wanted = moments(cepstra(natural), lengths)
    _, spread = moments(cepstra(with_mel_range(predicted, lengths, label)), lengths)
    torch.testing.assert_close(spread, wanted)


def test_a_spectrogram_gets_the_wanted_spread_and_keeps_the_rest():
    mel = torch.randn(2, 9, 80, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([9, 6])
    _, before = moments(cepstra(mel), lengths)
    changed = with_mel_range(mel, lengths, torch.full((2, 24), 1.3).log())
    _, after = moments(cepstra(changed), lengths)
    torch.testing.assert_close(after, 1.3 * before)
    torch.testing.assert_close(changed.mean(-1), mel.mean(-1))
    fine = slice(25, None)
    before, after = (scipy.fft.dct(one.numpy(), norm="ortho")[..., fine] for one in (mel, changed))
    np.testing.assert_allclose(after, before, atol=1e-4)
    assert torch.equal(changed[1, 6:], mel[1, 6:])


def test_few_mel_channels_have_fewer_ranges():
    mel = torch.randn(1, 9, 10, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([9])
    label = range_labels({"mel": Tap(mel / 2, lengths, real=mel)})["mel_range"]
    assert label.isfinite().tolist() == [[True] * 9 + [False] * 15]
    changed = with_mel_range(mel / 2, lengths, torch.full((1, 24), 2.0).log())
    assert changed.isfinite().all()
    torch.testing.assert_close(moments(cepstra(changed), lengths)[1], moments(cepstra(mel), lengths)[1])


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


def test_the_spectrum_has_the_range_that_the_head_says(make_model, batch):
    """As far as it may change: this network has learned nothing but what ranges are."""
    model = trained(make_model, batch, ["mel"])
    plain = copy.deepcopy(model)
    plain.restored = {}
    shared = {}
    plain.tts.pitch_predictor.register_forward_pre_hook(lambda _, args: shared.update(tap=args[0]))
    weights = torch.tensor([1.0, 0, 0])
    restored, flat = (one.inference(TEXT, weights=weights, **SPEAK)["feat_gen"] for one in (model, plain))
    said = model.heads["timbre"](Tap(shared["tap"], torch.tensor([len(TEXT) + 1])))[0]
    (_, before), (_, after) = (moments(cepstra(mel[None]), torch.tensor([len(mel)])) for mel in (flat, restored))
    wanted = before.view(-1) * said.exp().clamp(1 / MOST, MOST)
    assert (said.exp() < MOST).any()
    torch.testing.assert_close(after.view(-1), wanted, atol=1e-4, rtol=1e-3)


def test_only_what_is_named_is_restored(make_model):
    restored = {name: make_model(tasks=TASKS, style_conf={"restore_range": name}).restored for name in (True, False)}
    assert restored == {True: {"pitch": "intonation", "energy": "loudness", "mel": "timbre"}, False: {}}
    assert make_model(tasks=TASKS, style_conf={"restore_range": ["energy"]}).restored == {"energy": "loudness"}


def test_everything_is_what_has_a_task(make_model):
    """Models that were trained before the spectrum had a range say true as well."""
    tasks = {name: task for name, task in TASKS.items() if name != "timbre"}
    model = make_model(tasks=tasks, style_conf={"restore_range": True})
    assert model.restored == {"pitch": "intonation", "energy": "loudness"}


def test_the_padding_of_a_bucket_is_no_text(make_model, monkeypatch):
    monkeypatch.setenv("ESPNET_BUCKET_INFER", "1")
    model = make_model(tasks=TASKS, style_conf={"restore_range": True}).eval()
    lengths = []
    for head in model.heads.values():
        head.register_forward_pre_hook(lambda _, args: lengths.append(args[0].lengths.tolist()))
    model.inference(TEXT, weights=torch.tensor([1.0, 0, 0]), **SPEAK)
    assert lengths == [[len(TEXT) + 1]] * 3


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_a_spectrogram_keeps_its_type_of_numbers(dtype):
    mel = torch.randn(1, 9, 80).to(dtype)
    assert with_mel_range(mel, torch.tensor([9]), torch.zeros(1, 24, dtype=dtype)).dtype == dtype


def test_no_head_changes_a_spectrogram_beyond_measure():
    mel, lengths = torch.randn(1, 9, 80, generator=torch.Generator().manual_seed(0)), torch.tensor([9])
    before, after = (
        moments(cepstra(one), lengths)[1] for one in (mel, with_mel_range(mel, lengths, torch.full((1, 24), 50.0)))
    )
    torch.testing.assert_close(after, MOST * before)


def test_low_precision_of_training_is_not_that_of_ranges():
    mel, lengths = torch.randn(1, 9, 80, generator=torch.Generator().manual_seed(0)) + 3, torch.tensor([9])
    wanted = with_mel_range(mel, lengths, torch.full((1, 24), 0.5))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(with_mel_range(mel, lengths, torch.full((1, 24), 0.5)), wanted)


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
