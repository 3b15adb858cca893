"""What espeak cannot read is found before anything is made of it."""

import pytest

from espnet_mtl.text.espeak import phonemize
from espnet_mtl.text.espeak_library import languages
from espnet_mtl.text.faults import SCRIPTS, scripts_of, text_fault, unread_words
from espnet_mtl.text.tokens import Tokenizer

FAULTS = [
    ("", "en-us", "empty text"),
    ("…", "en-us", "empty text"),
    ("😀", "en-us", "empty text"),
    ("①", "en-us", "unreadable text: espeak's en-us does not read '①'"),
    ("I have ① apple", "en-us", "unreadable text: espeak's en-us does not read '①'"),
    ("I like 中文 a lot", "en-us", "unreadable text: espeak's en-us does not read '中文'"),
    ("привет", "de", "unreadable text: espeak's de does not read 'привет'"),
    ("日本", "ja", "unreadable text: espeak's ja does not read '日本'"),
    ("𓀀", "en-us", "unreadable text: espeak's en-us does not read '𓀀'"),
    ("M\ufffdller", "de", "damaged text: "),
    ("\u02c8\u0661", "en-us", "unreadable text"),
]
SPOKEN = [
    ("½ cup", "en-us"),
    ("α and β", "en-us"),
    ("Hello", "ru"),
    ("Привет, hello", "ru-lv"),
    ("カードです", "ja"),
    ("今天是 Friday 吗", "cmn"),
    ("Ａ１", "en-us"),
    ("𝓗𝓮𝓵𝓵𝓸", "en-us"),
    ("می\u200cخواهم", "fa"),
    ("5 µm", "de"),
    ("naïve Zoë 😀 ★", "en-us"),
]


@pytest.mark.parametrize(("text", "language", "fault"), FAULTS)
def test_what_cannot_be_spoken_is_said(text, language, fault):
    assert text_fault(text, language).startswith(fault)


@pytest.mark.parametrize(("text", "language"), SPOKEN)
def test_what_can_be_spoken_has_no_fault(text, language):
    assert text_fault(text, language) == ""
    assert phonemize(text, language)


def test_characters_and_pieces_need_no_voice():
    assert text_fault("中文 ①", "en-us", "char") == text_fault("中文", "en-us", "bpe") == ""
    assert text_fault("M\ufffdller", "en-us", "char").startswith("damaged text")


def test_every_voice_of_another_script_is_one_of_espeak():
    codes = {code.partition("-")[0] for code in languages()}
    assert set(SCRIPTS) <= codes
    assert scripts_of("ru-lv+f2") == ("CYRILLIC",)
    assert scripts_of("fa-latn") == scripts_of("cmn-latn-pinyin") == scripts_of("en-us") == ()


def test_the_tokenizer_says_what_espeak_does_not_read(caplog):
    Tokenizer("phn").line("I like 中文.")
    assert "text 'I like 中文.': espeak's en-us does not read 中文" in caplog.text
    assert unread_words("中文 中文 ①", "en-us") == ["中文", "①"]
