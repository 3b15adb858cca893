"""The token list of stage 4, whose sentencepiece model stage 3 needs as well."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from espnet_mtl.text.tokens import Tokenizer
from espnet_mtl.training.fine_tuning import PretrainedModel


def make_token_list(
    dump: Path,
    token_list: Path,
    config: Mapping[str, Any],
    token_type: str,
    pretrained: PretrainedModel | None,
    vocab_size: int = 100,
) -> Tokenizer:
    """Writes the token list of a token type below `token_list`, and returns the tokenizer that goes with it.

    Raises:
        UserError: An unknown token type, or not that of the pretrained model, or a missing input.
    """
    from espnet_mtl.data.stats import BPE_MODEL, write_token_list

    output = token_list / token_type
    tokenizer = Tokenizer.from_config(config, token_type, output / BPE_MODEL if token_type == "bpe" else None)
    known: list[str] = []
    bpemodel = None
    if pretrained:
        pretrained.check_tokens(token_type)
        known = pretrained.names("token")
        bpemodel = pretrained.file(BPE_MODEL) if token_type == "bpe" else None
    write_token_list(dump, output, tokenizer, vocab_size, known, bpemodel)
    return tokenizer
