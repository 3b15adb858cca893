"""Phones that a user writes in IPA, as the tokens that a model has."""

from __future__ import annotations

from collections.abc import Collection

from espnet_mtl.errors import UserError
from espnet_mtl.system.unicode import one_form

STRESS = "ˈˌ"
IGNORED = " .‿|͡'\u0361"
"""Ends of syllables, ties and the like, which say nothing of how a phone sounds."""
SAME = str.maketrans({"g": "ɡ", ":": "ː"})
"""What keyboards have in place of letters of IPA."""


def phones_of_ipa(text: str, token_list: Collection[str]) -> list[str]:
    """Splits IPA into a model's phones, the longest ones first.

    IPA has the mark of stress before a syllable, a model's phones before its vowel (`ˈɑː`): it goes to the next phone
    that the model has with it.

    Args:
        text: IPA, such as `təˈmɑːtoʊ`.
        token_list: The model's tokens.

    Raises:
        UserError: The model has no phone for something.
    """
    known = {token for token in token_list if not token.startswith("<")}
    longest = max(map(len, known))
    phones: list[str] = []
    rest = one_form(text).translate(SAME)
    stress = ""
    while rest:
        if rest[0] in STRESS:
            stress, rest = rest[0], rest[1:]
            continue
        if rest[0] in IGNORED:
            rest = rest[1:]
            continue
        size = next((n for n in range(min(longest, len(rest)), 0, -1) if {rest[:n], stress + rest[:n]} & known), 0)
        if not size:
            raise UserError(f"phones {text!r}: this model has no {rest[0]!r}; it has {' '.join(sorted(known))}")
        phone, rest = rest[:size], rest[size:]
        if stress and stress + phone in known:
            phone, stress = stress + phone, ""
        phones.append(phone)
    if not phones:
        raise UserError(f"phones {text!r}: there are none")
    return phones
