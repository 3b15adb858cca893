"""Tests of the binding to libespeak-ng."""

from __future__ import annotations

import time

import numpy as np
import pytest

from espnet_mtl.errors import UserError
from espnet_mtl.text import espeak, espeak_library, normal

TEXT = "The cat, however, chased a silver mouse."


def test_phones_follow_each_other_and_end_with_the_sound():
    speech = espeak.synthesize(TEXT, "en-us")
    ends = [end for _, end in speech.phones]
    assert speech.sample_rate == 22050
    assert all(end > before for before, end in zip([0, *ends], ends, strict=False))
    assert ends[-1] <= len(speech.samples) <= ends[-1] + speech.sample_rate // 2
    assert np.abs(speech.samples[ends[-1] :]).max(initial=0) < 0.01 < np.abs(speech.samples).max() < 1


def test_phone_times_fit_the_sound():
    speech = espeak.synthesize("Pass the salt.", "en-us")
    ends = dict(zip([phone for phone, _ in speech.phones], [end for _, end in speech.phones], strict=True))
    vowel = speech.samples[ends["p"] : ends["ˈæ"]]
    hiss = speech.samples[ends["ˈæ"] : ends["ˈæ"] + 1000]
    assert np.sqrt(np.mean(vowel**2)) > 2 * np.sqrt(np.mean(hiss**2))


@pytest.mark.parametrize(("voice", "rate"), [("en-us+f4", 110), ("en-us+m7", 160), ("en-us+f5", 230)])
def test_tokens_of_a_text_are_the_phones_of_its_speech(voice, rate):
    phones = [phone for phone, _ in espeak.synthesize(TEXT, voice, rate=rate, pitch=70).phones]
    assert phones == espeak.phonemize(TEXT, "en-us")


def test_a_comma_is_a_pause_and_the_ends_are_not():
    phones = espeak.phonemize(TEXT)
    assert phones.count("pau") == 2
    assert "pau" not in (phones[0], phones[-1])
    assert espeak.phonemize("  the cat ... ") == espeak.phonemize("the cat")


def test_equal_calls_sound_equal_whatever_was_spoken_before():
    first = espeak.synthesize(TEXT, "en-us+f5")
    time.sleep(1.1)  # the library by itself seeds its noise with the time in seconds
    espeak.synthesize("Something else.", "de+m3", rate=300, pitch=90)
    again = espeak.synthesize(TEXT, "en-us+f5")
    assert np.array_equal(first.samples, again.samples)
    assert first.phones == again.phones


def test_rate_pitch_and_volume_act():
    plain = espeak.synthesize(TEXT, "en-us", rate=160, volume=60)
    fast, soft = espeak.synthesize(TEXT, "en-us", rate=240), espeak.synthesize(TEXT, "en-us", volume=20)
    assert len(fast.samples) < 0.8 * len(plain.samples)
    assert np.std(soft.samples) < 0.5 * np.std(plain.samples)
    assert not np.array_equal(espeak.synthesize(TEXT, "en-us", pitch=80).samples, plain.samples)


@pytest.mark.parametrize(
    ("language", "text", "phone"),
    [
        ("de", "Schöne Grüße, mein Freund.", "ˈøː"),
        ("pl", "Dzień dobry!", "dʑ"),
        ("cmn", "今天天气很好。", "tɕ"),
    ],
)
def test_other_languages(language, text, phone):
    phones = espeak.phonemize(text, language)
    assert phone in phones
    assert all(symbol and not set(symbol) & set(" \t\n:") for symbol in phones)


def test_order_of_languages_does_not_matter():
    before = espeak.phonemize(TEXT)
    espeak.phonemize("今天天气很好。", "cmn")
    assert espeak.phonemize(TEXT) == before


@pytest.mark.parametrize("text", ["", "  ", "...", "\0", "?!"])
def test_a_text_without_words_is_an_error(text):
    with pytest.raises(UserError, match="nothing to speak"):
        espeak.phonemize(text)


@pytest.mark.parametrize("language", ["xx", "", "e n"])
def test_an_unknown_language_is_an_error_that_names_others(language):
    with pytest.raises(UserError, match=r"knows no language .* en-us"):
        espeak.phonemize("word", language)


def test_an_unknown_variant_is_an_error_that_names_others():
    with pytest.raises(UserError, match=r"no voice variant 'f99'.* f2"):
        espeak.synthesize("word", "en-us+f99")


def test_languages_and_version():
    assert {"en-us", "de", "pl", "cmn"} <= set(espeak_library.languages())
    assert espeak_library.version()[0].isdigit()


def events(*fields):
    return [espeak.Event(symbol, sample) for symbol, sample in zip(fields[::2], fields[1::2], strict=True)]


def test_a_phone_without_time_of_its_own_shares_its_predecessors():
    assert espeak._phones(events("a", 0, "b", 8, "c", 24, "", 24), "") == [("a", 8), ("b", 16), ("c", 24)]


def test_pauses_are_joined_and_trimmed():
    spoken = events("", 0, "a", 2, "", 5, "", 7, "b", 9, "", 12, "", 20)
    assert espeak._phones(spoken, "") == [("a", 5), ("pau", 9), ("b", 12)]


def test_every_language_it_names_is_spoken():
    for language in ("en-gb", "en-gb+f2", "cmn", "pl", "de"):
        assert espeak.synthesize("a 1", language).phones
    assert espeak.phonemize("bath", "en-gb") != espeak.phonemize("bath", "en-us")
    assert "en-gb" in espeak_library.languages()


def test_a_foreign_word_brings_no_marks_of_language():
    assert not any("(" in phone for phone in espeak.phonemize("今天是 Friday 吗", "cmn"))


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("Well, yes; no: what? Go!", [",", ";", ":", "?", "!"]),
        ('He said: "Come (now)." Then left…', [":", ".", "."]),
        ("你好，世界。", [",", "."]),
        ("No marks at all", []),
        ("...Three dots first.", ["."]),
    ],
)
def test_punctuation_as_tokens(text, marks):
    language = "cmn" if ord(text[0]) > 255 else "en-us"
    tokens = espeak.phonemize(text, language, punctuation=True)
    assert [token for token in tokens if token in espeak.PUNCTUATION.values()] == marks
    assert [token for token in tokens if token not in marks and token != espeak.PAUSE] == [
        phone for phone in espeak.phonemize(text, language) if phone != espeak.PAUSE
    ]
    assert tokens[-1:] == marks[-1:] or not marks


def test_numbers_and_abbreviations_are_read_out():
    short, long = map(espeak.phonemize, ("Dr. Smith has 20 cats.", "Doctor Smith has twenty cats."))
    assert [phone for phone in short if phone != espeak.PAUSE] == long
    assert espeak.phonemize("20 Hunde", "de") == espeak.phonemize("zwanzig Hunde", "de")


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("en-us", "Hello, the 1999 cats of it.", ["Hello", "the", "1999", "cats", "of", "it"]),
        ("en-us", "It is 20, Dr. Who", ["It", "is", "20", "Dr", "Who"]),
        ("pl", "Zażółć gęślą, w jaźń.", ["Zażółć", "gęślą", "w", "jaźń"]),
        ("de", "Schöne “Grüße”!", ["Schöne", "Grüße"]),
    ],
)
@pytest.mark.parametrize("punctuation", [False, True])
def test_each_phone_knows_its_word(language, text, words, punctuation):
    spoken = normal.spoken_text(text)
    tokens = espeak.phonemize_words(text, language, punctuation)
    assert [token for token, _ in tokens] == espeak.phonemize(text, language, punctuation)
    found = [spoken[slice(*word)] for word in dict.fromkeys(word for _, word in tokens if word)]
    assert found == words
    silent = {espeak.PAUSE, *espeak.PUNCTUATION.values()}
    assert all((word is None) == (token in silent) for token, word in tokens)
