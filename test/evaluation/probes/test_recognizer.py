import numpy as np
import pytest

from espnet_mtl.evaluation.probes.recognizer import PhoneRecognizer, phone_errors, spoken_phones

PHONES = "abcde"


def speak(random: np.random.Generator, n: int = 6, frames: int = 8) -> tuple[np.ndarray, list[str]]:
    """A spectrogram (T, 20) in dB whose line is as high as the phone, and its phones."""
    order = random.integers(len(PHONES), size=n)
    logmel = random.uniform(-60, -40, size=(n * frames, 20))
    for i, number in enumerate(order):
        start, end = i * frames + 1, (i + 1) * frames - int(random.integers(2))
        logmel[start:end, 2 + 4 * number] += 35
    return logmel.astype(np.float32), [PHONES[number] for number in order]


def corpus(size: int, seed: int, **options) -> tuple[list[np.ndarray], list[list[str]]]:
    random = np.random.default_rng(seed)
    spectrograms, phones = zip(*(speak(random, **options) for _ in range(size)), strict=True)
    return list(spectrograms), list(phones)


def error_rate(recognizer: PhoneRecognizer, logmels, phones) -> float:
    heard = recognizer.recognize(logmels)
    return sum(map(phone_errors, phones, heard)) / sum(map(len, phones))


@pytest.fixture(scope="module")
def trained() -> PhoneRecognizer:
    return PhoneRecognizer().fit(*corpus(60, 0))


def test_phones_are_heard_in_orders_never_seen(trained):
    assert error_rate(trained, *corpus(20, 1, n=12)) < 0.05


def test_noise_is_not_understood(trained):
    logmels, phones = corpus(20, 1)
    noise = [np.random.default_rng(0).permuted(logmel) for logmel in logmels]
    assert error_rate(trained, noise, phones) > 0.7


def test_other_words_are_errors(trained):
    logmels, phones = corpus(20, 1)
    assert error_rate(trained, logmels, [one[::-1] for one in phones]) > 0.5


def test_padding_changes_nothing(trained):
    import torch

    short, long = corpus(1, 2, n=3)[0][0], corpus(1, 3, n=9)[0][0]
    lengths = torch.tensor([len(short), len(long)])
    both = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(one) for one in (short, long)], batch_first=True)
    with torch.inference_mode():
        alone = trained._network(torch.from_numpy(short)[None], lengths[:1])[0]
        padded = trained._network(both, lengths)[0, : len(alone)]
    torch.testing.assert_close(padded, alone)


def test_it_comes_back_from_its_weights(trained):
    logmels, _ = corpus(5, 4)
    restored = PhoneRecognizer().load(trained.arrays())
    assert restored.recognize(logmels) == trained.recognize(logmels)


def test_the_same_speech_gives_the_same_weights(trained):
    again = PhoneRecognizer().fit(*corpus(60, 0)).arrays()
    assert again.keys() == trained.arrays().keys() > {"phones", "mean", "output.weight"}
    for name, value in again.items():
        np.testing.assert_array_equal(value, trained.arrays()[name], err_msg=name)


def test_more_phones_than_steps_do_no_harm():
    logmels, phones = corpus(16, 0)
    recognizer = PhoneRecognizer().fit([*logmels, logmels[0][:9]], [*phones, list("abcdeabcde")])
    weights = recognizer.arrays()
    assert weights.pop("phones").tolist() == list(PHONES)
    assert {"mean", "output.weight"} < weights.keys()
    assert all(np.isfinite(value).all() for value in weights.values())


def test_errors_are_substitutions_deletions_and_insertions():
    assert phone_errors(["tʃ", "a", "b"], ["t", "a"]) == 2
    assert phone_errors([], ["a"]) == 1
    assert phone_errors(("a", "b"), ["a", "b"]) == 0


def test_phones_have_no_stress_and_no_pauses():
    assert spoken_phones("Hello, you.", "en-us") == ("h", "ə", "l", "oʊ", "j", "uː")
