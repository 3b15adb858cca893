"""From a text to what is made into tokens: the one place that training and synthesis share."""

from __future__ import annotations

from espnet_mtl.text.espeak import phonemize


def token_line(text: str, token_type: str, language: str, punctuation: bool = False) -> str:
    """Returns the line that ESPnet's tokenizer of `token_type` splits.

    Args:
        text: What to say.
        token_type: "phn": phones by espeak, a space between two; "char" and "bpe": the text as it is.
        language: espeak's language.
        punctuation: Whether marks at the ends of clauses are tokens, in place of pauses; for "phn".

    Raises:
        UserError: espeak does not know the language, or there is nothing to speak.
    """
    if token_type != "phn":
        return text
    return " ".join(phonemize(text, language, punctuation))
