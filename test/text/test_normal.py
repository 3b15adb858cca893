"""A text in any form is the same text: to every tokenizer, in training and in synthesis."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espnet_mtl.corpora.base import normalized
from espnet_mtl.errors import UserError
from espnet_mtl.text.espeak import phonemize, synthesize
from espnet_mtl.text.normal import check_unicode, normal_text, spoken_text
from espnet_mtl.text.tokens import Tokenizer

MARKS = {
    "zero-width space": "\u200b",
    "byte order mark": "\ufeff",
    "left-to-right mark": "\u200e",
    "right-to-left mark": "\u200f",
    "variation selector": "\ufe0f",
    "no-break space": "\u00a0",
    "narrow no-break space": "\u202f",
    "ideographic space": "\u3000",
    "zero-width non-joiner": "\u200c",
    "word joiner": "\u2060",
    "soft hyphen": "\u00ad",
    "grapheme joiner": "\u034f",
    "object": "\ufffc",
    "bell": "\x07",
    "line separator": "\u2028",
}
ALIKE = [
    ("en-us", "He said “yes” to me.", 'He said "yes" to me.'),
    ("en-us", "He said „yes‟ to me.", 'He said "yes" to me.'),
    ("en-us", "He said ‹yes› to me.", 'He said "yes" to me.'),
    ("en-us", "He said ‘yes’ to me.", "He said 'yes' to me."),
    ("en-us", "Don’t, it‘s Ann’s.", "Don't, it's Ann's."),
    ("en-us", "Don`t, itʼs Ann´s.", "Don't, it's Ann's."),
    ("en-us", "Don＇t, it′s Ann‛s.", "Don't, it's Ann's."),
    ("en-us", "I came — I saw — well.", "I came - I saw - well."),
    ("en-us", "I came—I saw—well.", "I came -- I saw -- well."),
    ("en-us", "I came – I saw ― well.", "I came--I saw---well."),
    ("en-us", "well‐known, well‑known, well–known", "well-known, well-known, well-known"),
    ("en-us", "pages 3–5", "pages 3-5"),
    ("en-us", "Wait… what…", "Wait... what..."),
    ("en-us", "Hello，there！What？Yes。", "Hello, there! What? Yes."),
    ("en-us", "ＡＢＣ hello （１２３）", "ABC hello (123)"),
    ("en-us", "𝓗𝓮𝓵𝓵𝓸 𝐭𝐡𝐞𝐫𝐞", "Hello there"),
    ("en-us", "Here.★ There", "Here. ★ There"),
    ("fr-fr", "« oui » dit l’homme", '"oui" dit l\'homme'),
    ("de", "„ja“ – ‚ja‘ sagt »er«", '"ja" - \'ja\' sagt "er"'),
    ("uk", "пʼять п’ять", "п'ять п'ять"),
    ("cmn", "你好，ＡＢ１２？", "你好, AB12?"),
]


@pytest.mark.parametrize(("language", "text"), [("de", "Herr Müller grüßt."), ("fr-fr", "garçon"), ("pl", "żółć")])
def test_decomposed_letters_are_read(language, text):
    composed, decomposed = (phonemize(unicodedata.normalize(form, text), language) for form in ("NFC", "NFD"))
    assert composed == decomposed
    plain = "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))
    assert phonemize(plain, language) != composed


@pytest.mark.parametrize("mark", MARKS.values(), ids=MARKS)
def test_a_mark_that_nobody_sees_is_not_read(mark):
    plain = phonemize("Hello there. Good day.", punctuation=True)
    assert phonemize(f"{mark}Hello there.{mark} Good{mark} day.{mark}", punctuation=True) == plain


@pytest.mark.parametrize(("language", "typeset", "plain"), ALIKE)
def test_what_is_typeset_otherwise_is_said_alike(language, typeset, plain):
    assert phonemize(typeset, language, punctuation=True) == phonemize(plain, language, punctuation=True)


@pytest.mark.parametrize("tail", ["_", "•", "†", "‡", "\u20e3", "\u0301", " †", "•)"])
def test_a_full_stop_before_a_mark_is_no_dot(tail):
    assert phonemize(f"Hello there.{tail}", punctuation=True) == phonemize("Hello there.", punctuation=True)
    starred = phonemize("Hello there.* Good day.", punctuation=True)
    assert starred == phonemize("Hello there. * Good day.", punctuation=True)


def test_words_stay_apart_where_a_line_may_break():
    assert normal_text("Hello\u200bthere.\u200b") == "Hello there."


def test_a_minus_and_a_part_of_speech_stay_what_they_are():
    assert "ˈaɪ" in "".join(phonemize("5−3"))  # minus
    assert phonemize("col·lega", "ca") != phonemize("col.lega", "ca")


def test_speech_and_phones_are_of_the_same_text():
    typeset = "Hello there.\u200b “Good” — day."
    phones = [phone for phone, _ in synthesize(typeset, "en-us").phones]
    assert phones == phonemize(typeset) == phonemize('Hello there. "Good" - day.')


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_form_of_a_form_is_the_form(text):
    assert normal_text(normal_text(text)) == normal_text(text)
    assert normal_text(spoken_text(text)) == spoken_text(text)
    assert spoken_text(unicodedata.normalize("NFD", text)) == spoken_text(text)
    assert normalized(unicodedata.normalize("NFD", text)) == normalized(text)


letters = st.text(st.sampled_from("aeoüñç ż'"), min_size=1).filter(str.strip)


@given(letters, st.sampled_from(list(MARKS.values())), st.sampled_from(["phn", "char"]))
def test_training_and_synthesis_have_the_same_tokens_of_every_form(text, mark, token_type):
    tokenizer = Tokenizer(token_type, "de")
    plain = f"Ja {text}. Ja."
    other = unicodedata.normalize("NFD", f"{mark}Ja {text}.{mark} Ja.")
    line = tokenizer.line(plain)
    assert tokenizer.line(other) == line
    assert tokenizer.tokens(tokenizer.line(other)) == tokenizer.tokens(line)


@pytest.mark.parametrize("text", ["M\ufffdller", "half \ud800"])
def test_a_lost_character_is_told(text):
    with pytest.raises(UserError, match="write it in UTF-8"):
        check_unicode("text", text)
    with pytest.raises(UserError, match="write it in UTF-8"):
        phonemize(text)


def test_rows_of_marks_take_no_longer_than_other_texts():
    """Where the time were the square of the length, this would take a minute."""
    assert spoken_text("-" * 50_000) == "-" * 50_000
    assert spoken_text("!*" * 25_000)
    assert spoken_text(f"a{'-' * 50_000}b") == "a — b"
