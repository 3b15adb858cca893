"""Writes durations of natural speech from the attention of a trained Tacotron2, for a student that needs them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.bin.arguments import Parser, output_directory, whole_number
from espnet_mtl.config.numbers import MAX_TOKENS
from espnet_mtl.errors import run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and writes the durations."""
    parser = Parser(description=__doc__)
    parser.add_argument("--exp", type=Path, required=True, help="the teacher, e.g. exp/train_tacotron2")
    parser.add_argument("--dump", type=Path, required=True, help="directory of stage 3, e.g. dump/raw")
    parser.add_argument(
        "--output", type=output_directory, required=True, help="where the durations go, a directory a set"
    )
    parser.add_argument("--ngpu", type=whole_number(0), default=0, help="GPUs; 0: CPU")
    parser.add_argument("--max_tokens", type=whole_number(1), default=MAX_TOKENS, help="of one utterance [%(default)s]")
    args = parser.parse_args(argv)
    from espnet_mtl.inference.sets.teacher import teacher_durations

    rates = teacher_durations(args.exp, args.dump, args.output, args.ngpu, args.max_tokens)
    for name, rate in rates.items():
        print(f"{args.output / name}: mean focus rate {rate:.3f}")


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
