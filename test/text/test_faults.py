"""What espeak cannot read is found before anything is made of it."""

import pytest

from espnet_mtl.errors import UserError
from espnet_mtl.text.espeak import phonemize
from espnet_mtl.text.espeak_library import languages
from espnet_mtl.text.faults import SCRIPTS, named, scripts_of, text_fault, unread
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


LEFT_OUT = [
    ("hello 😀 there", "hello there", "😀 (GRINNING FACE)"),
    ("hello😀there", "hello there", "GRINNING FACE"),
    ("I like 中文.", "I like .", "中 (CJK UNIFIED IDEOGRAPH-4E2D), 文 (CJK UNIFIED IDEOGRAPH-6587)"),
    ("Hello привет there", "Hello there", "CYRILLIC SMALL LETTER PE"),
    ("Hello п there", "Hello there", "CYRILLIC SMALL LETTER PE"),
    ("heПlo there", "helo there", "CYRILLIC CAPITAL LETTER PE"),
    ("مرحبا hi", "hi", "ARABIC LETTER MEEM"),
    ("Brand™ new", "Brand new", "TRADE MARK SIGN"),
    ("left → right", "left right", "RIGHTWARDS ARROW"),
    ("bo\u0336y", "boy", "COMBINING LONG STROKE OVERLAY"),
    ("αβγ word", "word", "GREEK SMALL LETTER BETA"),
    ("ok 🇩🇪 now", "ok now", "REGIONAL INDICATOR SYMBOL LETTER D"),
    ("I have ① apple", "I have apple", "CIRCLED DIGIT ONE"),
]


@pytest.mark.parametrize(("text", "said", "names"), LEFT_OUT)
def test_what_cannot_be_said_is_named_and_left_out(text, said, names, caplog):
    tokenizer = Tokenizer("phn")
    assert tokenizer.line(text) == Tokenizer("phn").line(said)
    assert "espeak's en-us does not read" in caplog.text
    assert names in caplog.text
    assert caplog.text.count("left out") == 1


@pytest.mark.parametrize(
    ("text", "language"),
    [*SPOKEN[:-1], ("20 °C", "en-us"), ("© 5 №", "de"), ("Grüße – ja… „so“", "de"), ("नमस्ते", "hi")],
)
def test_what_can_be_said_is_not_left_out(text, language, caplog):
    Tokenizer("phn").line(text, language)
    assert "left out" not in caplog.text
    assert unread(text, language) == []


@pytest.mark.parametrize(("text", "name"), [("😀", "GRINNING FACE"), ("привет!", "CYRILLIC SMALL LETTER PE")])
def test_a_text_of_nothing_else_is_an_error_that_names_it(text, name):
    with pytest.raises(UserError, match=rf"nothing to speak in the text .*en-us does not read .*{name}"):
        Tokenizer("phn").line(text)


def test_many_characters_are_named_in_short():
    assert named("абвгдежзий").endswith("(CYRILLIC SMALL LETTER ZE) and 2 more")
    assert named(["中", "中文"]).count("中") == 1
