"""Stage 7: figures and a report of the decoded test speech, beside natural speech and a baseline."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.errors import run_command

LOG_WIDTH = 1000


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line, evaluates, prints the table and writes the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exp", type=Path, required=True, help="experiment of stage 6, e.g. exp/<tag>")
    parser.add_argument("--dump", type=Path, required=True, help="directory of stage 3, e.g. dump/raw")
    parser.add_argument("--inference_config", type=Path, required=True, help="decoding YAML of stage 6")
    parser.add_argument("--baseline", type=Path, help="experiment to compare with, e.g. exp/<tag>_single")
    parser.add_argument("--nj", type=int, default=os.cpu_count() or 1, help="number of processes")
    args = parser.parse_args(argv)
    from espnet_mtl.evaluation.evaluate import evaluate
    from espnet_mtl.evaluation.report import write_report
    from espnet_mtl.evaluation.table import text_table

    evaluation = evaluate(args.exp, args.dump, args.inference_config, args.baseline, args.nj)
    directory = evaluation.experiment.speech.directory
    report = write_report(directory / "report", evaluation)
    print(text_table(evaluation, shutil.get_terminal_size((LOG_WIDTH, 0)).columns))
    print(f"Figures: {directory / 'metrics.json'}\nReport: {report}")


def cli() -> None:
    """Console entry point; numerical libraries get one thread in each process."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    run_command(main)


if __name__ == "__main__":
    cli()
