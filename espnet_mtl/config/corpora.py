"""The door for settings of corpora: environment, YAML files and the command line."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from espnet_mtl.config.fields import build, known
from espnet_mtl.config.load import read_yaml
from espnet_mtl.errors import UserError, one_of
from espnet_mtl.registry import CORPORA


def corpus_settings(corpora: Sequence[str], directory: Path, pairs: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Reads the settings of each corpus.

    Its `root` may come from the environment (`$NEMO`); `<directory>/<corpus>.yaml` overrides that, and pairs override
    both.

    Args:
        corpora: Names of corpora.
        directory: Where the YAML files are.
        pairs: `key=value`, or `corpus.key=value` where there are several corpora.

    Raises:
        UserError: An unknown corpus or key, a value of another type, a corpus that comes twice, or a pair that is none.
    """
    for corpus in corpora:
        if corpora.count(corpus) > 1:
            raise UserError(f"--corpus {'+'.join(corpora)}: {corpus} comes twice")
    given = _split_pairs(corpora, pairs)
    settings: dict[str, dict[str, Any]] = {}
    for corpus in corpora:
        options = CORPORA.options(corpus)
        root = os.environ.get(corpus.upper())
        file = directory / f"{corpus}.yaml"
        own: dict[str, Any] = {}
        if root and "root" in options.model_fields:
            own["root"] = root
        if file.is_file():
            own |= read_yaml(file)
        own |= given[corpus]
        known(f"setting of corpus {corpus}", own, options.model_fields)
        checked = build(options, own, f"corpus {corpus}")
        # What is alike stays as it was written: 1 is a number of sentences, 1.0 would be a share of them
        settings[corpus] = {}
        for key, value in own.items():
            meant = getattr(checked, key)
            settings[corpus][key] = value if meant == value else meant
    return settings


def _split_pairs(corpora: Sequence[str], pairs: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Reads pairs as settings by corpus."""
    settings: dict[str, dict[str, Any]] = {corpus: {} for corpus in corpora}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        corpus, dot, name = key.rpartition(".")
        if dot and corpus not in corpora:
            raise one_of("corpus in --corpus_conf", corpus, corpora)
        if not equals or (len(corpora) > 1 and not dot):
            form = "corpus.key=value" if len(corpora) > 1 else "key=value"
            raise UserError(f"--corpus_conf: expected {form}, got {pair!r}")
        settings[corpus or corpora[0]][name] = _value(value)
    return settings


def _value(text: str) -> Any:
    """Reads a number, true, false or null as YAML does; all else stays as it is (`|`, `007`)."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    plain = value is None or isinstance(value, (bool, float)) or (isinstance(value, int) and str(value) == text)
    return value if plain and text else text
