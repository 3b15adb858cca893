import numpy as np
import pytest
import pyworld

from espnet_mtl.evaluation.analysis import Recording, analyze_all, compare
from espnet_mtl.evaluation.measures.features import AcousticFeatures, analyze, lowered, mel_filters, power_spectrogram
from espnet_mtl.evaluation.measures.functionals import MEAN_PITCH

FS = 16000


def tone(f0: float, seconds: float = 0.8) -> np.ndarray:
    """Speech-like sound of constant envelope by WORLD synthesis."""
    frames = int(seconds / 0.005) + 1
    envelope = np.exp(-np.linspace(0, 8, 513)) * (1 + np.cos(np.linspace(0, 20, 513)) ** 2)
    contour = np.full(frames, float(f0))
    return pyworld.synthesize(contour, np.tile(envelope, (frames, 1)), np.full((frames, 513), 1e-3), FS, 5.0)


def test_shifted_f0_is_found_in_the_audio():
    reference, shifted = analyze(tone(120), FS), analyze(tone(120 * 1.1), FS)
    distances = compare((reference, shifted))
    assert distances["log_f0_rmse"] == pytest.approx(np.log(1.1), rel=0.02)
    assert distances["mcd_db"] < 2
    semitones = shifted.functionals[MEAN_PITCH] - reference.functionals[MEAN_PITCH]
    assert semitones == pytest.approx(12 * np.log2(1.1), abs=0.1)


def test_identical_recordings_have_no_distance():
    speech = analyze(tone(150), FS)
    distances = compare((speech, speech))
    ratios = {name for name in distances if name.endswith(("ratio", "correlation"))}
    assert {round(distances[name], 6) for name in ratios if np.isfinite(distances[name])} == {1}
    assert {value for name, value in distances.items() if name not in ratios and np.isfinite(value)} == {0}


def test_gain_changes_nothing():
    quiet, loud = analyze(0.01 * tone(150), FS), analyze(tone(150), FS)
    assert loud.arrays().keys() == {"f0", "cepstrum", "logmel", "functionals", "embedding", "opinion"}
    for name, value in loud.arrays().items():
        np.testing.assert_allclose(quiet.arrays()[name], value, atol=1e-2, err_msg=name)
    distances = compare((quiet, loud))
    assert distances["mcd_db"] < 1e-3
    assert distances["log_f0_rmse"] < 1e-5
    assert distances["energy_rmse_db"] < 1e-2


def test_other_timbre_is_far():
    voiced, noise = analyze(tone(150), FS), analyze(np.random.default_rng(0).normal(size=12800), FS)
    distances = compare((voiced, noise))
    assert distances["mcd_db"] > 8
    assert distances["voicing_error"] > 0.8


@pytest.mark.parametrize("wave", [np.zeros(8000), np.zeros(300), np.ones(1), np.random.default_rng(0).normal(size=900)])
def test_odd_recordings_have_finite_features(wave):
    speech = analyze(wave, FS)
    assert isinstance(speech, AcousticFeatures)
    finite = {name: bool(np.isfinite(value).all()) for name, value in speech.arrays().items()}
    assert finite == dict.fromkeys(("f0", "cepstrum", "logmel", "functionals", "embedding", "opinion"), True)


def test_cepstrum_and_embedding_are_left_out_on_request():
    speech = analyze(tone(150), FS, full=False)
    assert speech.cepstrum.shape == (0, 24)
    assert speech.embedding.shape == (0,)


def test_lowered_moves_a_peak_down():
    time = np.arange(FS) / FS
    high, low = (np.sin(2 * np.pi * f * time) for f in (2000, 1000))
    peaks = []
    for wave, semitones in ((high, 12.0), (low, 0.0)):
        power = power_spectrogram(wave, FS)
        logmel = np.log(power @ mel_filters(FS, 2 * power.shape[1] - 2).T + 1e-10).astype(np.float32)
        peaks.append(int(lowered(logmel, semitones, FS)[10:-10].mean(0).argmax()))
    assert abs(peaks[0] - peaks[1]) <= 1


def test_processes_give_what_one_gives(tmp_path):
    import soundfile

    for number in range(3):
        soundfile.write(tmp_path / f"{number}.wav", 0.1 * tone(100 + 40 * number), FS)
    recordings = [Recording(str(tmp_path / f"{number}.wav")) for number in range(3)]
    for one, two in zip(analyze_all(recordings, 1, "one"), analyze_all(recordings, 2, "two"), strict=True):
        np.testing.assert_allclose(one.functionals, two.functionals, rtol=1e-5, atol=1e-5)
