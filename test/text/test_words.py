"""Words among the tokens of a text."""

import pytest

from espnet_mtl.text.tokens import Tokenizer
from espnet_mtl.text.words import Word, words_of


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("en-us", "Hello, the 20 cats of it.", "Hello the twenty cats of it"),
        ("en-us", "It costs $3, Dr. Who.", "It costs three dollars Doctor Who"),
        ("en-us", "I don't think it's a well-known thing, isn't it? She'll pay.", None),
        ("en-us", "She said: “Yes!”", "She said Yes"),
        ("pl", "Zażółć gęślą, w jaźń.", "Zażółć gęślą w jaźń"),
        ("de", "Schöne (Grüße)!", "Schöne Grüße"),
    ],
)
@pytest.mark.parametrize("punctuation", [False, True])
def test_words_of_phones(language, text, words, punctuation):
    tokenizer = Tokenizer("phn", language, punctuation=punctuation)
    found = words_of(text, language, tokenizer)
    expected = words.split() if words else text.replace(",", "").replace("?", "").replace(".", "").split()
    assert [word.text for word in found] == expected
    tokens = tokenizer.tokens(tokenizer.line(text, language))
    covered = [number for word in found for number in range(word.first, word.end)]
    assert covered == sorted(set(covered))
    assert all(tokens[number] in ("pau", *",.?!:") for number in set(range(len(tokens))) - set(covered))


def test_words_of_characters():
    assert words_of("good  morning", "en-us", Tokenizer("char")) == [Word("good", 0, 4), Word("morning", 5, 12)]
