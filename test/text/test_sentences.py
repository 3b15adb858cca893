"""Sentences of long texts: none is lost, and pauses are where the text has them."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_mtl.text.sentences import (
    LINE_PAUSE,
    PARAGRAPH_PAUSE,
    SENTENCE_PAUSE,
    Sentence,
    parts_of,
    sentences_of,
)

BOOK = """CHAPTER I.

It was the best of times, it was the worst of times, it was the age of
wisdom, it was the age of foolishness. Dr. Manette, who was e.g. tired, left.
"Why?" she asked.
* * *
Roses are red
Violets are blue

The end…
"""


def test_a_page():
    times = (
        "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness."
    )
    assert list(sentences_of(BOOK, "en-us")) == [
        Sentence("CHAPTER I.", PARAGRAPH_PAUSE),
        Sentence(times, SENTENCE_PAUSE),
        Sentence("Dr. Manette, who was e.g. tired, left.", LINE_PAUSE),
        Sentence('"Why?" she asked.', LINE_PAUSE),
        Sentence("Roses are red", LINE_PAUSE),
        Sentence("Violets are blue", PARAGRAPH_PAUSE),
        Sentence("The end…", 0.0),
    ]


@pytest.mark.parametrize(
    ("language", "text", "sentences"),
    [
        ("de", "Am 3. März kam z. B. Dr. Müller. Dann ging er.", ["Am 3. März kam z. B. Dr. Müller.", "Dann ging er."]),
        ("pl", "Tak np. było. „Co?” zapytał.", ["Tak np. było.", "„Co?” zapytał."]),
        ("cmn", "今天天气很好。我们去公园吧！", ["今天天气很好。", "我们去公园吧！"]),
        ("en-gb", "He paid $3.50 at 5 p.m. on www.a.com. Well!", ["He paid $3.50 at 5 p.m. on www.a.com.", "Well!"]),
        ("xx", "No such language. Still two.", ["No such language.", "Still two."]),
    ],
)
def test_languages(language, text, sentences):
    assert [sentence.text for sentence in sentences_of(text, language)] == sentences


def test_a_pause_where_nothing_is_said():
    assert list(sentences_of("One.\n\n* * *\n\n", "en-us")) == [Sentence("One.", 0.0)]
    assert [sentence.pause for sentence in sentences_of("***\n\nOne. Two.", "en-us")] == [SENTENCE_PAUSE, 0.0]
    assert list(sentences_of("\n…\n", "en-us")) == []


def words(text):
    return re.findall(r"\w+", text)


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("abc  AB.,;:!?…\n—“”'1"), max_size=200), st.integers(1, 6))
def test_no_word_is_lost(text, most):
    sentences = list(sentences_of(text, "en-us"))
    assert words(" ".join(sentence.text for sentence in sentences)) == words(text)
    for sentence in sentences:
        parts = list(parts_of(sentence.text, lambda part: len(part.split()), most))
        assert words(" ".join(parts)) == words(sentence.text)
        assert all(len(part.split()) <= most for part in parts)


def test_a_long_sentence_is_split_between_clauses_and_else_between_words():
    def size(part):
        return len(part.split())

    text = "One two, three four: five six seven eight, nine."
    assert list(parts_of(text, size, 3)) == ["One two,", "three four:", "five six seven", "eight,", "nine."]
    assert list(parts_of("unsplittable", lambda part: 9, 3)) == ["unsplittable"]
    figures = "It is 1,000,000 dollars at 10:30, of 2,500"
    assert list(parts_of(figures, size, 4)) == ["It is 1,000,000 dollars", "at 10:30,", "of 2,500"]


def test_parts_that_are_more_than_their_words():
    """Where neighbours take more than one by one, it still ends."""
    parts = list(parts_of("a b c d", lambda part: 2 * len(part.split()) - 1, 4))
    assert " ".join(parts) == "a b c d"
    assert all(2 * len(part.split()) - 1 <= 4 for part in parts)


def test_sizes_are_asked_for_seldom():
    asked = []
    text = "word " * 3000
    parts = list(parts_of(text.strip(), lambda part: asked.append(part) or 4 * len(part.split()), 1000))
    assert words(" ".join(parts)) == words(text)
    assert sum(map(len, asked)) < 10 * len(text)
