"""Pseudo-labels of emotion for unlabelled recordings, learned from the labelled ones of the same directory."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.errors import run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line, writes the labels and prints how far they can be trusted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="wav.scp, text, utt2spk and a utt2emo with gaps")
    parser.add_argument("--output", type=Path, required=True, help="directory for utt2emo and least_certain")
    parser.add_argument("--nj", type=int, default=os.cpu_count() or 1, help="number of processes")
    args = parser.parse_args(argv)
    from espnet_mtl.labelling.pseudo import pseudo_label, summary, write_labels

    labels = pseudo_label(args.data, args.nj)
    write_labels(labels, args.data, args.output)
    print(summary(labels))
    print(f"{args.output / 'utt2emo'}: soft labels; {args.output / 'least_certain'}: those to listen to first")


def cli() -> None:
    """Console entry point; numerical libraries get one thread in each process."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    run_command(main)


if __name__ == "__main__":
    cli()
