"""Checks training configurations, and the options after `--` that override them, before any work is done."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.bin import INIT_MODEL, split_options
from espnet_mtl.config.load import load_train_config
from espnet_mtl.config.overrides import check_same_data, override
from espnet_mtl.config.schema import is_cosine, training_steps
from espnet_mtl.errors import run_command
from espnet_mtl.training.fine_tuning import open_base_model


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configs", nargs="+", help="training YAMLs")
    parser.add_argument("--init_model", help=INIT_MODEL)
    own, overrides = split_options(argv)
    args = parser.parse_args(own)
    base = open_base_model(args.init_model)
    configs = {Path(path): override(path, load_train_config(path), overrides) for path in args.configs}
    check_same_data(configs)
    for path, config in configs.items():
        steps = training_steps(config)
        if is_cosine(config) and (cycle := config["scheduler_conf"]["first_cycle_steps"]) < steps:
            print(
                f"{path}: the learning rate starts anew after {cycle} of {steps} steps: "
                f"--scheduler_conf first_cycle_steps={steps} lets it fall to the end",
                file=sys.stderr,
            )
    if base:
        for config in configs.values():
            base.check(config)


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
