"""From a line to tokens, as ESPnet's preprocessing splits it in training, where single spaces part phones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from espnet_mtl.errors import UserError

SPACE = "<space>"
"""The token of a space, where tokens are characters."""

type Splitter = Callable[[str], list[str]]


def splitter(token_type: str, bpemodel: str | Path | None = None) -> Splitter:
    """Returns what splits lines of a token type.

    Args:
        token_type: "phn", "char" or "bpe".
        bpemodel: The sentencepiece model, for "bpe".

    Raises:
        UserError: There is no such model, or the file is none.
    """
    if token_type == "phn":
        return str.split
    return _characters if token_type == "char" else _pieces(bpemodel)


def _characters(line: str) -> list[str]:
    return [SPACE if character == " " else character for character in line]


def _pieces(bpemodel: str | Path | None) -> Splitter:
    from sentencepiece import SentencePieceProcessor  # which phones and characters do without

    if not Path(str(bpemodel)).is_file():  # of a folder, sentencepiece ends the whole process
        raise UserError(f"bpemodel {bpemodel}: not a model of sentencepiece: there is no such file")
    processor = SentencePieceProcessor()
    try:
        processor.load(str(bpemodel))
    except (RuntimeError, OSError) as error:
        raise UserError(f"bpemodel {bpemodel}: not a model of sentencepiece") from error
    return processor.encode_as_pieces
