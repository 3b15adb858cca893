"""Writes durations of natural speech from the attention of a trained Tacotron2, for a student that needs them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.errors import run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and writes the durations."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exp", type=Path, required=True, help="the teacher, e.g. exp/train_tacotron2")
    parser.add_argument("--dump", type=Path, required=True, help="directory of stage 3, e.g. dump/raw")
    parser.add_argument("--output", type=Path, required=True, help="where the durations go, a directory a set")
    parser.add_argument("--ngpu", type=int, default=0, help="GPUs; 0: CPU")
    args = parser.parse_args(argv)
    from espnet_mtl.inference.teacher import teacher_durations

    for name, rate in teacher_durations(args.exp, args.dump, args.output, args.ngpu).items():
        print(f"{args.output / name}: mean focus rate {rate:.3f}")


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
