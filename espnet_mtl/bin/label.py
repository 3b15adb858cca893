"""Labels of emotion for unlabelled recordings: by machine, and by ear where the machine is unsure."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.bin.arguments import Parser, add_address, add_workers, directory_of
from espnet_mtl.errors import UserError, run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line; writes labels and prints how far they can be trusted, or serves the page."""
    parser = Parser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="wav.scp, text, utt2spk and a utt2emo with gaps")
    parser.add_argument(
        "--output", type=directory_of("utt2emo"), required=True, help="directory for utt2emo and least_certain"
    )
    parser.add_argument("--exp", type=Path, help="let this model's reference encoder judge, not a probe of --data")
    parser.add_argument("--check", type=Path, help="with --exp: labelled speech unknown to it, e.g. dump/raw/dev")
    parser.add_argument("--listen", action="store_true", help="serve a page to label the least certain by ear")
    add_address(parser, 7860)
    add_workers(parser, os.cpu_count() or 1)
    args = parser.parse_args(argv)
    if (args.exp is None) != (args.check is None):
        raise UserError("--exp and --check go together: a model, and labelled speech that it has not seen")
    if args.listen:
        from espnet_mtl.labelling.page import serve

        serve(args.data, args.output, args.host, args.port)
        return
    _label(args)


def _label(args: argparse.Namespace) -> None:
    from espnet_mtl.bin.workers import workers
    from espnet_mtl.labelling.pseudo import label_by_probe, read_speech, refuse_same

    refuse_same(args.data, args.output)
    speech = read_speech(args.data, args.output)
    if args.exp is None:
        with workers(args):
            labels = label_by_probe(speech, args.nj)
    else:
        from espnet_mtl.evaluation.speech_set import read_speech_set
        from espnet_mtl.labelling.reference import label_by_model

        labels = label_by_model(speech, args.exp, read_speech_set(args.check, "stage 1 or 2"))
    labels.write(args.data, args.output)
    print(labels.summary())
    print(f"{args.output / 'utt2emo'}: soft labels; {args.output / 'least_certain'}: those to listen to first")


def cli() -> None:
    """Console entry point; numerical libraries get one thread in each process."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    run_command(main)


if __name__ == "__main__":
    cli()
