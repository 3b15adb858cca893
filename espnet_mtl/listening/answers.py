"""The answers on disk: one CSV per test and listener, in which every answer is saved at once."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from pathlib import Path

from espnet_mtl.errors import UserError
from espnet_mtl.listening.trials import ListeningTest, Trial
from espnet_mtl.system.files import append_text, locked
from espnet_mtl.text.delimited import Row, read_rows

COLUMNS = (
    "time", "test", "listener", "trial", "utterance", "text", "speaker", "emotion", "system", "system_b", "answer",
)  # fmt: skip
AnswerRow = dict[str, str]
"""Values by the names of `COLUMNS`."""


def answers_path(test: ListeningTest, listener: str) -> Path:
    """The file of a listener.

    Raises:
        UserError: The name has anything but letters, digits, - and _, or is longer than 64.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", listener):
        raise UserError(f"listener {listener!r}: expected 1 to 64 of a to z, A to Z, 0 to 9, - and _")
    return test.output / f"{test.kind}_{listener}.csv"


def read_answer_rows(path: Path) -> list[Row]:
    """Reads the answers of one file: number of the line, and values by column.

    Raises:
        UserError: It has other columns, or a line is not whole.
    """
    if not path.stat().st_size:  # the process was killed before the first answer
        return []
    try:
        rows = read_rows(path, COLUMNS)
    except UserError as error:
        raise UserError(f"{error}; delete a line that is not whole, to answer it again") from error
    if rows and set(rows[0][1]) != set(COLUMNS):
        raise UserError(f"{path}:1: expected the columns {','.join(COLUMNS)}")
    return rows


def read_answers(test: ListeningTest, listener: str) -> dict[int, str]:
    """Reads what a listener has answered so far, by trial number from 1.

    Raises:
        UserError: The name is not valid, or the file has answers to other trials.
    """
    path = answers_path(test, listener)
    rows = read_answer_rows(path) if path.exists() else []
    questions: dict[str, AnswerRow] = {}
    for number, trial in enumerate(test.trials(listener), 1):
        questions[str(number)] = _question(test, listener, number, trial)
    for line, row in rows:
        answered = {key: value for key, value in row.items() if key not in ("time", "answer")}
        if answered != questions.get(row["trial"]):
            hint = "give the same --system, --n and --seed as before, or another --output"
            raise UserError(f"{path}:{line}: belongs to other trials; {hint}")
    return {int(row["trial"]): row["answer"] for _, row in rows}


def save_answer(test: ListeningTest, listener: str, number: int, answer: str) -> None:
    """Appends the answer to a trial, and returns when it is on disk; keeps the first one where it is there already.

    Args:
        test: The listening test.
        listener: Name of the listener.
        number: Number of the trial, from 1.
        answer: One of the test's choices.

    Raises:
        UserError: The name is not valid, there is no such trial or answer, or the file has answers to other trials.
    """
    path, trials = answers_path(test, listener), test.trials(listener)
    if not 1 <= number <= len(trials):
        raise UserError(f"trial {number}: expected 1 to {len(trials)}")
    valid = [choice.answer for choice in test.choices]
    if answer not in valid:
        raise UserError(f"answer {answer!r}: expected one of {', '.join(valid)}")
    with locked(path):
        if number not in read_answers(test, listener):
            now = datetime.now(UTC).isoformat(timespec="seconds")
            question = _question(test, listener, number, trials[number - 1])
            _append(path, {"time": now, **question, "answer": answer})


def _question(test: ListeningTest, listener: str, number: int, trial: Trial) -> AnswerRow:
    """The columns that say what was asked: all but time and answer."""
    return {
        "test": test.kind,
        "listener": listener,
        "trial": str(number),
        "utterance": trial.utterance,
        "text": trial.text,
        "speaker": trial.speaker,
        "emotion": trial.emotion,
        "system": trial.systems[0],
        "system_b": trial.systems[1] if len(trial.systems) > 1 else "",
    }


def _append(path: Path, row: AnswerRow) -> None:
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS)
    if not path.exists() or path.stat().st_size == 0:
        writer.writeheader()
    writer.writerow(row)
    append_text(path, file.getvalue())
