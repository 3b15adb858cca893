"""Checks training configurations, and the options after `--` that override them, before any work is done."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet_mtl.base_model import open_base_model
from espnet_mtl.bin import INIT_MODEL, split_options
from espnet_mtl.config import OWN_KEYS, espnet_keys, load_train_config
from espnet_mtl.errors import one_of, run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configs", nargs="+", help="training YAMLs")
    parser.add_argument("--init_model", help=INIT_MODEL)
    own, overrides = split_options(argv)
    args = parser.parse_args(own)
    base = open_base_model(args.init_model)
    for path in args.configs:
        config = load_train_config(path)
        if base and not {"--tts_conf", "--style_conf"} & set(overrides):
            base.check(config)
    valid = {*espnet_keys(), *OWN_KEYS}
    for option in overrides:
        name = option.partition("=")[0]
        if name.startswith("--") and name[2:] not in valid:
            raise one_of("training option", name, (f"--{key}" for key in valid))


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
