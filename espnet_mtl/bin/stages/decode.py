"""Stage 6: synthesis of the test set. Options after `--` override the YAML, e.g. `-- --speed_control_alpha 1.2`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.bin import split_options
from espnet_mtl.bin.arguments import Parser, add_workers, whole_number
from espnet_mtl.errors import run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and synthesizes."""
    parser = Parser(description=__doc__)
    parser.add_argument("--exp", type=Path, required=True, help="experiment of stage 5, e.g. exp/<tag>")
    parser.add_argument("--dump", type=Path, required=True, help="directory of stage 3, e.g. dump/raw")
    parser.add_argument("--inference_config", required=True, help="decoding YAML")
    parser.add_argument("--part", default="test", help="set of the dump that is spoken [%(default)s]")
    parser.add_argument("--ngpu", type=whole_number(0), default=0, help="GPUs; 0: CPU")
    add_workers(parser)
    own, overrides = split_options(argv)
    args = parser.parse_args(own)
    from espnet_mtl.bin.workers import workers
    from espnet_mtl.inference.sets.decoding import decode

    with workers(args):
        decode(args.exp, args.dump, args.inference_config, args.ngpu, overrides, args.part, args.nj)


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
