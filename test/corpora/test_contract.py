"""What every corpus promises."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from espnet_mtl import corpora
from espnet_mtl.corpora import CORPORA
from espnet_mtl.corpora.base import Corpus, Utterance

FOLDER = Path(corpora.__file__).parent


@pytest.mark.parametrize("name", CORPORA)
def test_class(name):
    corpus = CORPORA.load(name)
    assert issubclass(corpus, Corpus)
    assert corpus.__doc__
    assert all(f"        {argument}:" in corpus.__doc__ for argument in CORPORA.arguments(name))


@pytest.mark.parametrize("name", [name for name in CORPORA if "root" not in CORPORA.arguments(name)])
def test_utterances_of_a_corpus_that_needs_no_files(name):
    corpus = CORPORA.load(name)()
    utterances = corpus.utterances()
    assert utterances == corpus.utterances()
    assert all(isinstance(utterance, Utterance) and utterance.text.strip() for utterance in utterances)
    assert all(utterance.id.startswith(utterance.speaker) and " " not in utterance.id for utterance in utterances)
    assert len({utterance.id for utterance in utterances}) == len(utterances)
    assert corpus.policy.held_out <= {(utterance.speaker, utterance.emotion) for utterance in utterances}


@pytest.mark.parametrize("path", [path for path in FOLDER.glob("*.py") if path.stem not in ("base", "__init__")])
def test_corpora_do_not_import_each_other(path):
    others = {f"espnet_mtl.corpora.{other.stem}" for other in FOLDER.glob("*.py")} - {"espnet_mtl.corpora.base"}
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    assert not others & {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
