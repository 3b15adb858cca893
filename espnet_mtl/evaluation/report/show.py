"""Shows an evaluation: the table on the terminal and the report beside its figures."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.evaluation.report.page import write_report
from espnet_mtl.evaluation.report.table import text_table
from espnet_mtl.evaluation.result import Evaluation

LOG_WIDTH = 1000


def show(evaluation: Evaluation, directory: Path, exps: Sequence[Path] = (), audio_beside: bool = False) -> None:
    """Prints the table and writes `directory`/report; see `write_report`."""
    report = write_report(directory / "report", evaluation, exps, audio_beside)
    print(text_table(evaluation, shutil.get_terminal_size((LOG_WIDTH, 0)).columns))
    print(f"Figures: {directory / 'metrics.json'}\nReport: {report}")
