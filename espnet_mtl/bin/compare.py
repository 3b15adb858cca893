"""Figures and a report of several experiments side by side, beside natural speech."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.bin.arguments import Parser, add_workers, directory_of
from espnet_mtl.errors import run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line, evaluates, prints the table and writes the report."""
    parser = Parser(description=__doc__)
    parser.add_argument("exps", type=Path, nargs="+", metavar="EXP", help="experiments of stage 6, e.g. exp/<tag>")
    parser.add_argument("--dump", type=Path, required=True, help="directory of stage 3, e.g. dump/raw")
    parser.add_argument("--inference_config", type=Path, required=True, help="decoding YAML of stage 6")
    parser.add_argument(
        "--output", type=directory_of("metrics.json"), required=True, help="directory for metrics.json and report/"
    )
    parser.add_argument("--baseline", type=Path, help="experiment that the others are compared with [the first]")
    parser.add_argument("--versa", type=Path, help="score_config of VERSA, for metrics with downloaded weights")
    parser.add_argument("--whisper", help="word error rate by this Whisper model: a directory, or a size to download")
    parser.add_argument("--audio_beside", action="store_true", help="audio as files beside the page, all of it")
    add_workers(parser, os.cpu_count() or 1)
    args = parser.parse_args(argv)
    from espnet_mtl.bin.workers import workers
    from espnet_mtl.evaluation.evaluate import evaluate_experiments
    from espnet_mtl.evaluation.measures.words import find_model
    from espnet_mtl.evaluation.report.show import show
    from espnet_mtl.evaluation.result import write_metrics

    whisper = find_model(args.whisper) if args.whisper else None
    baseline = args.baseline or args.exps[0]
    exps = args.exps if baseline in args.exps else [baseline, *args.exps]
    options = {"baseline": baseline, "nj": args.nj, "versa": args.versa, "whisper": whisper}
    with workers(args):
        evaluation = evaluate_experiments(exps, args.dump, args.inference_config, **options)
    write_metrics(args.output / "metrics.json", evaluation)
    show(evaluation, args.output, exps, args.audio_beside)


def cli() -> None:
    """Console entry point; numerical libraries get one thread in each process."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    run_command(main)


if __name__ == "__main__":
    cli()
