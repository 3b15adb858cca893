import torch

from espnet_mtl.training.vocoder.losses import SpectralDistance
from espnet_mtl.vocoder.source_filter.options import Signal

SIGNAL = Signal(fs=16000, n_fft=1024, hop_length=256, n_mels=80, fmin=80, fmax=7600)


def noise(seed: int, gain: float = 1.0) -> torch.Tensor:
    return gain * torch.randn(16, 48 * 256, generator=torch.Generator().manual_seed(seed))


def scores(gain: float) -> tuple[float, float]:
    """The energy distance of noise with a gain from natural noise, and the plain distance of the same two."""
    distance = SpectralDistance(SIGNAL)
    natural = distance.views(noise(0))
    samples = [distance.views(noise(seed, gain)) for seed in (1, 2)]
    energy, error = distance.energy_distance(natural, samples)
    return float(energy), float(error)


def test_the_distance_from_itself_is_nothing():
    distance = SpectralDistance(SIGNAL)
    views = distance.views(noise(0))
    assert float(distance(views, views, views)) == 0


def test_the_energy_distance_wants_noise_as_loud_as_it_is():
    energy = {gain: scores(gain)[0] for gain in (0.7, 1.0, 1.4)}
    assert min(energy, key=energy.get) == 1.0


def test_the_energy_distance_prefers_other_noise_to_a_tone_in_the_middle():
    """The plain distance is smaller for speech without noise, which is why it makes voices buzz."""
    distance = SpectralDistance(SIGNAL)
    natural = distance.views(noise(0))
    typical = [view.log().mean().exp().expand_as(view) for view in natural]
    other = [distance.views(noise(seed)) for seed in (1, 2)]
    assert float(distance(natural, typical, natural)) < float(distance(natural, other[0], natural))
    energy_of_typical, _ = distance.energy_distance(natural, [typical, typical])
    energy_of_other, _ = distance.energy_distance(natural, other)
    assert float(energy_of_other) < float(energy_of_typical)


def test_silence_has_a_gradient():
    distance = SpectralDistance(SIGNAL)
    silent = torch.zeros(1, 8000, requires_grad=True)
    natural = distance.views(noise(0)[:1, :8000])
    distance(natural, distance.views(silent), natural).backward()
    assert silent.grad is not None
    assert silent.grad.isfinite().all()
