import math

import numpy as np
import pytest
import torch
from espnet2.tts.feats_extract.log_mel_fbank import LogMelFbank
from tiny_vocoders import FEATURES, tiny_network

from espnet_mtl.errors import UserError
from espnet_mtl.system.imports.pyworld import import_pyworld
from espnet_mtl.vocoder.build import build_vocoder
from espnet_mtl.vocoder.griffin_lim import GriffinLim
from espnet_mtl.vocoder.source_filter.excitation import bursts, phase_of, pulses
from espnet_mtl.vocoder.source_filter.network import SourceFilterNetwork
from espnet_mtl.vocoder.source_filter.options import NetworkOptions
from espnet_mtl.vocoder.source_filter.vocoder import (
    SourceFilter,
    differing,
    read_network,
    signal_of,
    universal_weights,
    write_network,
)

FS, HOP = 16000, 256
SHIPPED = {"fs": FS, "n_fft": 1024, "hop_length": HOP, "win_length": None, "n_mels": 80, "fmin": 80, "fmax": 7600}


def level(hz: float, frames: int = 100) -> torch.Tensor:
    return torch.full((1, frames), math.log(hz))


def test_pulses_are_equally_strong_harmonics_of_f0():
    phase, f0 = phase_of(level(200.0), HOP, FS)
    wave = pulses(phase, f0, FS)
    assert float(wave.square().mean()) == pytest.approx(1.0, rel=0.02)
    second = torch.fft.rfft(wave[0, :FS]).abs()  # one bin a Hz
    harmonics, between = second[200:7801:200], second[300:7901:200]
    assert float(harmonics.min() / harmonics.max()) > 0.9
    assert float(between.max()) < 0.05 * float(harmonics.min())


@pytest.mark.parametrize("hz", [60.0, 163.0, 500.0])
def test_no_harmonic_is_above_half_the_sampling_rate(hz):
    phase, f0 = phase_of(level(hz), HOP, FS)
    # Sampled twice as densely, the same pulses have nothing above
    fine_phase, fine_f0 = phase_of(level(hz), 2 * HOP, 2 * FS)
    fine = pulses(fine_phase, fine_f0 / 1.0, FS)
    spectrum = torch.fft.rfft(fine[0, : 2 * FS]).abs()
    assert float(spectrum[FS // 2 + 1 :].max()) < 0.02 * float(spectrum.max())
    assert float(pulses(phase, f0, FS).square().mean()) == pytest.approx(1.0, rel=0.05)


def test_bursts_have_unit_power_and_swell_at_the_pulses():
    phase, _ = phase_of(level(100.0, 400), HOP, FS)
    noise = torch.randn(phase.shape, generator=torch.Generator().manual_seed(0))
    wave = bursts(phase, noise)
    assert float(wave.square().mean()) == pytest.approx(1.0, rel=0.05)
    at_pulse = wave[torch.cos(phase) > 0.7].square().mean()
    between = wave[torch.cos(phase) < -0.7].square().mean()
    assert at_pulse > 20 * between


def test_the_phase_does_not_drift_in_long_speech():
    phase, _ = phase_of(level(123.4, 40_000), HOP, FS)  # more than ten minutes
    exact = 2 * math.pi * ((123.4 * (phase.size(1)) / FS) % 1)
    difference = math.remainder(float(phase[0, -1]) - exact, 2 * math.pi)
    assert abs(difference) < 0.05


def trusting(logit: float) -> SourceFilterNetwork:
    """An untrained network that trusts all mels alike."""
    network = tiny_network()
    with torch.no_grad():
        network.filter.output.bias[-FEATURES["n_mels"] :] = logit
    return network


TILT = torch.linspace(0.5, -1.5, FEATURES["n_mels"]).repeat(200, 1)


def test_an_untrained_network_has_the_envelope_of_the_mel():
    network = trusting(-20)
    mel = network.logmel(SourceFilter(network)(TILT, torch.full((200,), 5.0), torch.zeros(200))[None])[0]
    # Its noise begins with a gain of e^-1.5
    assert (mel.mean(0) + 1.5 / math.log(10) - TILT[0]).abs().max() < 0.3


def test_the_mel_of_the_speech_is_corrected_as_far_as_it_is_trusted():
    errors = []
    for logit in (-20, 0, 20):
        network = trusting(logit)
        speech = SourceFilter(network)(TILT, torch.full((200,), 5.0), torch.zeros(200))
        errors.append(float((network.logmel(speech[None])[0] - TILT).abs().mean()))
    assert errors[0] > 1.5 * errors[1] > 2 * errors[2]
    assert errors[2] < 0.1


@pytest.mark.filterwarnings("ignore:A window was not provided")
@pytest.mark.parametrize("window", ["hann", "hamming", None])
def test_its_mel_is_that_of_the_features(window):
    features = {**FEATURES, "win_length": 200, "window": window}
    wave = 0.1 * torch.randn(2, 30 * 64, generator=torch.Generator().manual_seed(0))
    mel, _ = LogMelFbank(**features)(wave)
    network = SourceFilterNetwork(signal_of(features), NetworkOptions(channels=8, hidden=16, blocks=1))
    torch.testing.assert_close(network.logmel(wave), mel, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("frames", [1, 2, 3, 5])
def test_the_shortest_mels_are_spoken(frames):
    wave = SourceFilter(trusting(20))(TILT[:frames])
    assert wave.shape == ((frames - 1) * 64,)
    assert wave.isfinite().all()


def test_a_network_is_the_same_after_it_was_written(tmp_path):
    network = tiny_network()
    with (tmp_path / "vocoder.pth").open("wb") as file:
        write_network(network, file)
    read = read_network(tmp_path / "vocoder.pth")
    assert read.signal == network.signal
    for name, value in network.state_dict().items():
        torch.testing.assert_close(read.state_dict()[name], value, rtol=1e-3, atol=1e-4)


def damaged(tmp_path, change):
    with (tmp_path / "vocoder.pth").open("wb") as file:
        write_network(tiny_network(), file)
    content = torch.load(tmp_path / "vocoder.pth")
    change(content)
    torch.save(content, tmp_path / "vocoder.pth")
    return tmp_path / "vocoder.pth"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.pop("source_filter"), "is no source-filter vocoder"),
        (lambda content: content["source_filter"]["signal"].update(fs="fast"), r"signal.fs: a whole number"),
        (lambda content: content["source_filter"]["network"].update(blocks=10**9), "network.blocks: a whole number"),
        (lambda content: content["source_filter"]["network"].update(depth=3), "unknown key"),
        (lambda content: content["source_filter"]["signal"].update(n_fft=2**40), "signal.n_fft"),
        (lambda content: content["weights"].pop("mean"), "does not fit the network of this config; missing: mean"),
        (lambda content: content["weights"].update(mean="text"), "is damaged"),
    ],
)
def test_a_file_that_is_no_vocoder_is_refused(tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        read_network(damaged(tmp_path, change))


def test_a_vocoder_for_other_features_is_refused(tmp_path):
    path = damaged(tmp_path, lambda content: None)
    with pytest.raises(UserError, match="for other features: hop_length is 128, not 64"):
        build_vocoder({**FEATURES, "hop_length": 128}, vocoder_file=path)


def test_none_and_the_value_that_it_stands_for_are_no_difference():
    given = {**SHIPPED, "fmin": 0, "fmax": None}
    assert differing(signal_of(given), {**given, "win_length": 1024, "fmin": None, "fmax": 8000}) == ""
    assert differing(signal_of(given), {**given, "fmax": 7600}) == "fmax is 7600.0, not 8000.0"


def test_what_is_not_said_is_as_espnet_takes_it(capfd):
    said = {key: SHIPPED[key] for key in ("fs", "n_fft", "hop_length")}
    assert differing(signal_of(said), SHIPPED) == ""
    assert type(build_vocoder(said)) is SourceFilter
    asked = build_vocoder(said, vocoder="griffin_lim")
    torch.testing.assert_close(asked.basis, build_vocoder(SHIPPED, vocoder="griffin_lim").basis)
    assert capfd.readouterr().err == ""


def test_what_a_vocoder_does_not_take_is_refused(tmp_path):
    path = damaged(tmp_path, lambda content: None)
    with pytest.raises(UserError, match=r"vocoder_file .*: Griffin-Lim has no weights"):
        build_vocoder(FEATURES, vocoder_file=path, vocoder="griffin_lim")
    with pytest.raises(UserError, match=r"vocoder_config config\.yml: a source-filter vocoder has none"):
        build_vocoder(FEATURES, "config.yml", path)


def test_the_shipped_configurations_have_the_vocoder_of_this_package():
    assert type(build_vocoder(SHIPPED)) is SourceFilter


def test_other_features_have_griffin_lim_and_say_so(capfd):
    assert type(build_vocoder({**SHIPPED, "hop_length": 200})) is GriffinLim
    assert "hop_length is 200, not 256" in capfd.readouterr().err


def test_griffin_lim_is_there_for_those_who_ask(capfd):
    assert type(build_vocoder(SHIPPED, {"griffin_lim_iters": 4})) is GriffinLim
    assert type(build_vocoder(SHIPPED, vocoder="griffin_lim")) is GriffinLim
    assert capfd.readouterr().err == ""


def test_an_unknown_vocoder_is_refused():
    with pytest.raises(UserError, match="unknown vocoder 'wavenet'"):
        build_vocoder(SHIPPED, vocoder="wavenet")


def test_the_shipped_weights_are_small():
    assert universal_weights().stat().st_size < 10 * 2**20


def spoken_vowel(source: torch.Tensor) -> torch.Tensor:
    """A log-mel (T, n_mels) of a source (T_wav,) through a vowel's filter."""
    from espnet2.tts.feats_extract.log_mel_fbank import LogMelFbank

    spectrum = torch.fft.rfft(source)
    frequency = torch.linspace(0, FS / 2, len(spectrum))
    vowel = sum(1 / (1 + ((frequency - formant) / 120) ** 2) for formant in (700, 1200, 2500)) + 0.02
    voice = 0.1 * torch.fft.irfft(spectrum * vowel, len(source))
    extract = LogMelFbank(fs=FS, n_fft=1024, hop_length=HOP, n_mels=80, fmin=80, fmax=7600)
    mel, _ = extract(voice[None], torch.tensor([len(voice)]))
    return mel[0]


def harmonic_mel(hz: float, frames: int = 60) -> torch.Tensor:
    """A log-mel of a voice at one pitch."""
    phase, f0 = phase_of(level(hz, frames), HOP, FS)
    return spoken_vowel(pulses(phase, f0, FS)[0])


def spoken_f0(wave: torch.Tensor) -> float:
    pyworld = import_pyworld()
    f0, _ = pyworld.harvest(wave.double().numpy(), FS)
    assert (f0 > 0).mean() > 0.7
    return float(np.median(f0[f0 > 0]))


@pytest.mark.parametrize("hz", [110.0, 240.0])
def test_the_shipped_vocoder_speaks_at_the_f0_it_is_given(hz):
    vocoder = build_vocoder(SHIPPED)
    mel = harmonic_mel(hz)
    frames = len(mel)
    for factor in (0.95, 1.0, 1.05):
        wave = vocoder(mel, torch.full((frames,), math.log(hz * factor)), torch.ones(frames))
        assert spoken_f0(wave) == pytest.approx(hz * factor, rel=0.02)


@pytest.mark.parametrize("hz", [110.0, 240.0])
def test_the_shipped_vocoder_finds_f0_in_the_mel(hz):
    wave = build_vocoder(SHIPPED)(harmonic_mel(hz))
    assert spoken_f0(wave) == pytest.approx(hz, rel=0.06)


@pytest.mark.parametrize(("breath", "voiced"), [(True, False), (False, True)])
def test_the_shipped_vocoder_whispers_where_nothing_is_voiced(breath, voiced):
    noise = torch.randn(60 * HOP, generator=torch.Generator().manual_seed(0))
    mel = spoken_vowel(noise) if breath else harmonic_mel(160.0)
    wave = build_vocoder(SHIPPED)(mel, torch.full((len(mel),), math.log(160.0)), torch.full((len(mel),), float(voiced)))
    f0, _ = import_pyworld().dio(wave.double().numpy(), FS)
    at_pitch = (np.abs(f0 - 160) < 5).mean()
    assert at_pitch > 0.7 if voiced else at_pitch < 0.1
