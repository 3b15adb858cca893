"""Checks configurations, and the options that override them, before any work is done.

Options after a first `--` override the training configurations, those after a second one the decoding configuration.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from espnet_mtl.bin import split_options
from espnet_mtl.bin.arguments import INIT_MODEL, Parser
from espnet_mtl.errors import run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and checks."""
    parser = Parser(description=__doc__)
    parser.add_argument("configs", nargs="+", help="training YAMLs")
    parser.add_argument("--init_model", help=INIT_MODEL)
    parser.add_argument("--inference_config", help="decoding YAML")
    parser.add_argument("--data", type=Path, default=Path("data"), help="directory of stage 1, which ran before")
    parser.add_argument("--corpus", help="the corpus that it must be of, or several joined by +")
    own, passed_on = split_options(argv)
    overrides, decoding = split_options(passed_on)
    args = parser.parse_args(own)
    from espnet_mtl.config.decode import check_files, check_style_from, load_inference_config
    from espnet_mtl.config.overrides import load_overridden
    from espnet_mtl.config.schema import schedule_note
    from espnet_mtl.data.provenance.check import check_corpora
    from espnet_mtl.training.fine_tuning import open_pretrained

    options: dict[str, Any] = {}
    if args.inference_config:
        options = load_inference_config(args.inference_config, decoding)
        check_files(options)
    if args.corpus:
        check_corpora(args.data, args.corpus.split("+"))
    pretrained = open_pretrained(args.init_model)
    for path, config in load_overridden(args.configs, overrides).items():
        check_style_from(options.get("style_from"), config, str(path))
        if note := schedule_note(config):
            print(f"{path}: {note}", file=sys.stderr)
        if pretrained:
            pretrained.check(config)
            if change := pretrained.visual_change(config):
                print(change, file=sys.stderr)


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
