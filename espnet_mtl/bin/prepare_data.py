"""Stage 1: prepares a corpus as data/{train,dev,test}."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from espnet_mtl.config import load_train_config, read_yaml
from espnet_mtl.corpora import CORPORA
from espnet_mtl.data.prepare import prepare_data
from espnet_mtl.errors import UserError, one_of, run_command


def corpus_settings(corpus: str, path: Path | None, pairs: Iterable[str]) -> dict[str, Any]:
    """Reads a corpus' settings from a YAML file and `key=value` pairs (which win)."""
    settings = read_yaml(path) if path else {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UserError(f"--corpus_conf: expected key=value, got {pair!r}")
        settings[key] = yaml.safe_load(value)
    for key in settings:
        if key not in CORPORA.arguments(corpus):
            raise one_of(f"setting of corpus {corpus}", key, CORPORA.arguments(corpus))
    return settings


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", default="demo", help="one of: " + ", ".join(sorted(CORPORA)))
    parser.add_argument("--corpus_config", type=Path, help="YAML file with the corpus' settings")
    parser.add_argument("--corpus_conf", nargs="*", default=[], metavar="KEY=VALUE", help="single settings")
    parser.add_argument("--output", type=Path, default=Path("data"), help="where train, dev and test go")
    parser.add_argument("--train_config", type=Path, help="training YAML, checked before any work is done")
    parser.add_argument("--nj", type=int, default=1, help="number of processes")
    args = parser.parse_args(argv)
    if args.train_config:
        load_train_config(args.train_config)
    settings = corpus_settings(args.corpus, args.corpus_config, args.corpus_conf)
    sets = prepare_data(CORPORA.load(args.corpus)(**settings), args.output, args.nj)
    counts = ", ".join(f"{name} {len(group)}" for name, group in sets.items())
    print(f"{args.output}: {counts} utterances, see {args.output}/report.txt")


if __name__ == "__main__":
    run_command(main)
