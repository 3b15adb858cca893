"""How much is said in one go: the whole text is one utterance, over which the network attends."""

from __future__ import annotations

from collections.abc import Mapping

from espnet_mtl.config.numbers import MAX_TOKENS
from espnet_mtl.errors import UserError
from espnet_mtl.text.tokens import Tokenizer

ROUNDING = 1e-9


def check_length(name: str, tokens: int, limit: int = MAX_TOKENS, stretch: float = 1.0, count: str = "") -> None:
    """Raises UserError where a text is too long to be spoken as one utterance.

    Slowed down, it is as long as a longer one.

    Args:
        name: What is too long.
        tokens: Its tokens.
        limit: The most tokens at the model's own speed.
        stretch: Factor on durations.
        count: What to say before the number, such as "at least ".
    """
    if tokens * max(1.0, stretch) <= limit * (1 + ROUNDING):
        return
    slowed = f" (with durations {stretch:g} times as long, {limit / stretch:.0f})" if stretch > 1 else ""
    raise UserError(
        f"{name}: {count}{tokens} tokens, but {limit} are the most{slowed}: the memory that an utterance takes grows "
        "with the square of its length. Speak it sentence by sentence, or raise max_tokens"
    )


def check_words(text: str, limit: int, stretch: float = 1.0) -> None:
    """Raises UserError where a text is too long by its words alone: each is a token or more.

    To make tokens of a book takes minutes.
    """
    words = [word for word in text.split() if any(map(str.isalnum, word))]
    check_length("text", len(words), limit, stretch, "at least ")


def check_lines(lines: Mapping[str, str], tokenizer: Tokenizer, limit: int, stretch: float = 1.0) -> None:
    """Raises UserError for the first utterance that is too long; `lines` are what its tokens are made of."""
    for utt, line in lines.items():
        check_length(f"utterance {utt}", len(tokenizer.tokens(line)), limit, stretch)
