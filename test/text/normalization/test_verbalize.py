"""What is not written in words is said as people say it, in training and in synthesis alike."""

import csv
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_mtl.text.espeak import PAUSE, phonemize
from espnet_mtl.text.normal import normal_text, speakable
from espnet_mtl.text.normalization.base import Edit, applied, place_after
from espnet_mtl.text.normalization.verbalize import edits_of, rules_of, verbalize
from espnet_mtl.text.sentences import sentences_of
from espnet_mtl.text.tokens import Tokenizer
from espnet_mtl.text.words import words_of

LANGUAGES = ("en-us", "en-gb", "de", "pl")
TABLE = Path(__file__).parent / "cases.csv"
CASES = [tuple(row) for row in csv.reader(TABLE.read_text(encoding="utf-8").splitlines())][1:]
PLAIN = {
    "en-us": "I don't think it's a well-known thing, isn't it? She said: “Yes — no!” (Or so.) St and Dr are no names.",
    "de": "Schöne (Grüße), sagte er; „ja“ – so etwas… Der Dritte kam nie. Das ist Max. Am Ende war er da.",
    "pl": "Zażółć gęślą, w jaźń. I on tam był! Ulica „Długa” i on (tak)…",
    "fr-fr": "Il est 12:30, 3,50 € et M. Dupont.",
}


def phones(text, language):
    tokens = Tokenizer("phn", language, punctuation=False).phones(text, language)
    return [phone for phone, _ in tokens if phone != PAUSE]


@pytest.mark.parametrize(("language", "written", "said"), CASES)
def test_it_is_said_as_people_say_it(language, written, said):
    assert verbalize(written, language) == said
    assert phones(written, language) == phones(said, language)


@pytest.mark.parametrize(("language", "written", "said"), CASES)
def test_what_is_said_stays_as_it_is(language, written, said):
    assert verbalize(said, language) == said


def test_the_table_is_large():
    assert len({(language, written) for language, written, _ in CASES}) == len(CASES) >= 140


@pytest.mark.parametrize(("language", "text"), PLAIN.items())
def test_plain_words_and_other_languages_stay_as_they_are(language, text):
    assert verbalize(text, language) == normal_text(text) == text
    assert edits_of(text, language) == []


def test_varieties_have_the_rules_of_their_language():
    assert verbalize("5 km", "en-gb-x-rp") == "five kilometers"
    assert verbalize("5 km", "en-us+f2") == "five kilometers"
    assert rules_of("de-at") is not None
    assert rules_of("cmn") is rules_of("en-shaw") is None


@pytest.mark.parametrize("token_type", ["char", "bpe"])
def test_characters_and_pieces_are_those_of_what_is_written(token_type):
    assert Tokenizer(token_type, "en-us").line("It costs $5.") == "It costs $5."


@pytest.mark.parametrize("language", LANGUAGES)
@given(st.text(st.sampled_from("aeioustmnk äöß,;!?'"), max_size=80))
def test_words_alone_are_not_touched(language, text):
    assert verbalize(text, language) == normal_text(text)


ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
LIKELY = st.text(st.sampled_from("0123456789 .,:/-–+%€$#&°'\"()½²kmxhVXILaAsztnrdDM.w"), max_size=40)


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=300, deadline=None)
@given(ANY | LIKELY)
def test_any_text_is_read_and_no_digit_is_left(language, text):
    said = verbalize(text, language)
    assert not any(character.isascii() and character.isdigit() for character in said)


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=200, deadline=None)
@given(LIKELY)
def test_edits_are_in_order_and_places_move_with_them(language, text):
    text = normal_text(text)
    edits = edits_of(text, language)
    ends = [0, *(edit.end for edit in edits)]
    assert all(edit.start >= end for edit, end in zip(edits, ends, strict=False))
    assert place_after(len(text), edits) == len(applied(text, edits))


ENDLESS = [
    "1 000 ",
    "000 ",
    "7",
    "0",
    ".3",
    "1. ",
    "a@",
    "-+",
    "1,",
    "1/",
    "1:",
    "a.",
    "a-",
    "1–",
    "(555) ",
    "½",
    "1. - ",
]
"""What is no written form where it goes on and on."""
REPEATED = ["1. und ", "x > 1, ", "a@b.de ", "St. ", "Dr. A. ", "1 und 2 ", "VIII ", "5 km ", "w 1 r. "]


@pytest.mark.parametrize("language", [*LANGUAGES, "fr-fr"])
def test_texts_that_go_on_and_on_take_no_longer_than_others(language):
    """Where the time were the square of the length, this would take many minutes."""
    for part in ENDLESS:
        text = normal_text(part * (20_000 // len(part)))
        assert verbalize(f"{text} word 5 km", language) == f"{text} word {verbalize('5 km', language)}"
        assert bool(list(sentences_of(text, language))) == speakable(text)
    for part in REPEATED:
        text, short = normal_text(part * (20_000 // len(part))), normal_text(part * 9)
        assert (verbalize(text, language) == text) == (verbalize(short, language) == short)
        assert list(sentences_of(text, language))


def test_long_texts_are_said_as_short_ones():
    assert (
        verbalize("It is 5 km to go, he said. " * 500, "en-us") == ("It is five kilometers to go, he said. " * 500)[:-1]
    )
    assert verbalize("Dr. " * 1000 + "Who", "en-us") == "Doctor " * 1000 + "Who"


def test_a_place_within_what_is_said_is_at_its_end():
    edits = [Edit(3, 5, "five dollars")]
    assert applied("It $5!", edits) == "It five dollars!"
    assert [place_after(place, edits) for place in range(7)] == [0, 1, 2, 3, 15, 15, 16]


def test_words_are_the_said_ones():
    tokenizer = Tokenizer("phn")
    assert [word.text for word in words_of("It costs $3.", "en-us", tokenizer)] == ["It", "costs", "three", "dollars"]


def test_no_sentence_of_the_demo_corpus_is_said_otherwise_than_it_is_written():
    """Its phones are those of its synthesis, which reads what is written."""
    sentences = (files("espnet_mtl.corpora") / "demo_sentences.txt").read_text(encoding="utf-8").splitlines()
    for sentence in sentences:
        assert verbalize(sentence, "en-us") == sentence
    tokens = Tokenizer("phn", punctuation=False).phones(sentences[0], "en-us")
    assert [phone for phone, _ in tokens] == phonemize(sentences[0])


SENTENCES = [
    ("en-us", ["See Vol. 2 and No. 5.", "It cost approx. 5 dollars.", "At 5 p.m.", "He left."]),
    ("en-us", ["1. Buy milk.", "2. Buy eggs.", "Dr. Smith did."]),
    (
        "de",
        ["Im 19. Jahrhundert war z. B. Dr. Müller da.", "Der 2. Weltkrieg begann.", "Er kam am 3.", "Dann ging er."],
    ),
    ("de", ["Am 3. März kam die Fa. Meier.", "Der 1. FC Köln siegte.", "Vgl. S. 5, Nr. 3."]),
    ("pl", ["Mieszkam przy ul. Długiej.", "Al. Jerozolimskie i św. Anna.", "Godz. 15 to ok. Dwie godziny."]),
    (
        "pl",
        ["W 1999 r. Polska weszła do NATO.", "W latach 90. Polska się zmieniła.", "Było to w 1999 r.", "Tak."],
    ),
]


@pytest.mark.parametrize(("language", "sentences"), SENTENCES)
def test_no_sentence_ends_behind_an_abbreviation(language, sentences):
    assert [one.text for one in sentences_of(" ".join(sentences), language)] == sentences


def test_what_spells_numbers_is_loaded_with_the_first_one():
    code = "import sys; from espnet_mtl.text.normalization.verbalize import verbalize; verbalize('Dr. Who', 'en-us'); "
    code += "print('unicode_rbnf' in sys.modules); verbalize('5', 'en-us'); print('unicode_rbnf' in sys.modules); "
    code += "print('torch' in sys.modules, any('polish' in name for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\nTrue\nFalse False\n"
