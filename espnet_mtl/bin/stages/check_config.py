"""Checks training configurations, and the options after `--` that override them, before any work is done."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from espnet_mtl.bin import INIT_MODEL, split_options
from espnet_mtl.errors import run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configs", nargs="+", help="training YAMLs")
    parser.add_argument("--init_model", help=INIT_MODEL)
    own, overrides = split_options(argv)
    args = parser.parse_args(own)
    from espnet_mtl.config.overrides import load_overridden
    from espnet_mtl.config.schema import schedule_note
    from espnet_mtl.training.fine_tuning import open_pretrained

    pretrained = open_pretrained(args.init_model)
    for path, config in load_overridden(args.configs, overrides).items():
        if note := schedule_note(config):
            print(f"{path}: {note}", file=sys.stderr)
        if pretrained:
            pretrained.check(config)


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
