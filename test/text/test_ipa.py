"""Phones in IPA, as a model's tokens."""

import pytest

from espnet_mtl.errors import UserError
from espnet_mtl.text.ipa import phones_of_ipa

TOKENS = ["<blank>", "<unk>", "t", "ə", "m", "ˈɑː", "ɑː", "oʊ", "ˌoʊ", "o", "ɡ", "tʃ", "ʃ", "<sos/eos>"]


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("təˈmɑːtoʊ", "t ə m ˈɑː t oʊ"),
        ("tə.ˈmɑː.ˌtoʊ", "t ə m ˈɑː t ˌoʊ"),
        ("ˈtə", "t ə"),
        ("t͡ʃo go:", None),
        ("tʃo gəm", "tʃ o ɡ ə m"),
        ("mɑː mɑ:", "m ɑː m ɑː"),
    ],
)
def test_phones(text, phones):
    if phones is None:
        with pytest.raises(UserError, match="this model has no 'ː'"):
            phones_of_ipa(text, TOKENS)
    else:
        assert phones_of_ipa(text, TOKENS) == phones.split()


@pytest.mark.parametrize(("text", "message"), [("tyt", "no 'y'; it has"), ("ˈ . ", "there are none")])
def test_mistakes(text, message):
    with pytest.raises(UserError, match=message):
        phones_of_ipa(text, TOKENS)
