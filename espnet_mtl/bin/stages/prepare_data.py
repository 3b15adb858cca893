"""Stage 1: prepares a corpus as data/{train,dev,test}."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from espnet_mtl.config.load import load_train_config, read_yaml
from espnet_mtl.data.prepare import prepare_data
from espnet_mtl.errors import UserError, one_of, run_command
from espnet_mtl.registry import CORPORA


def settings_of(corpora: Sequence[str], directory: Path, pairs: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Reads each corpus' settings: its directory from the environment, `<directory>/<corpus>.yaml`, and pairs.

    Args:
        corpora: Names of corpora.
        directory: Where the YAML files are.
        pairs: `key=value`, or `corpus.key=value` where there are several corpora; they win.

    Raises:
        UserError: An unknown corpus or key, or a corpus that comes twice.
    """
    for owner in (pair.partition("=")[0].rpartition(".")[0] for pair in pairs):
        if owner and owner not in corpora:
            raise one_of("corpus in --corpus_conf", owner, corpora)
    settings: dict[str, dict[str, Any]] = {}
    for corpus in corpora:
        if corpus in settings:
            raise UserError(f"--corpus {'+'.join(corpora)}: {corpus} comes twice")
        root = {"root": os.environ[corpus.upper()]} if os.environ.get(corpus.upper()) else {}
        path = directory / f"{corpus}.yaml"
        known = CORPORA.options(corpus).model_fields
        own = read_yaml(path) if path.is_file() else {}
        settings[corpus] = {**(root if "root" in known else {}), **own, **_pairs(corpus, len(corpora) > 1, pairs)}
        for key in settings[corpus]:
            if key not in known:
                raise one_of(f"setting of corpus {corpus}", key, known)
    return settings


def _pairs(corpus: str, several: bool, pairs: Sequence[str]) -> dict[str, Any]:
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        owner, dot, name = key.rpartition(".")
        if not equals or (several and not dot):
            form = "corpus.key=value" if several else "key=value"
            raise UserError(f"--corpus_conf: expected {form}, got {pair!r}")
        if owner in ("", corpus):
            found[name] = _value(value)
    return found


def _value(text: str) -> Any:
    """Reads a number, true, false or null as YAML does; all else stays as it is (`|`, `007`)."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    plain = value is None or isinstance(value, (bool, float)) or (isinstance(value, int) and str(value) == text)
    return value if plain and text else text


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", default="demo", help="one or several joined by +, of " + ", ".join(sorted(CORPORA)))
    parser.add_argument("--local", type=Path, default=Path("local"), help="directory of <corpus>.yaml, its settings")
    parser.add_argument("--corpus_conf", nargs="*", default=[], metavar="KEY=VALUE", help="single settings")
    parser.add_argument("--output", type=Path, default=Path("data"), help="where train, dev and test go")
    parser.add_argument("--train_config", type=Path, help="training YAML, checked before any work is done")
    parser.add_argument("--max_dropped", type=float, default=0.05, help="largest share of utterances to lose")
    parser.add_argument("--nj", type=int, default=1, help="number of processes")
    args = parser.parse_args(argv)
    if args.train_config:
        load_train_config(args.train_config)
    settings = settings_of(args.corpus.split("+"), args.local, args.corpus_conf)
    corpora = {name: CORPORA.load(name)(**own) for name, own in settings.items()}
    sets = prepare_data(corpora, args.output, args.nj, args.max_dropped)
    counts = ", ".join(f"{name} {len(group)}" for name, group in sets.items())
    print(f"{args.output}: {counts} utterances, see {args.output}/report.txt")


if __name__ == "__main__":
    run_command(main)
