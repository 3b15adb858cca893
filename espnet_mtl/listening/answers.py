"""The answers on disk: one CSV per test and listener, in which every answer is saved at once."""

from __future__ import annotations

import csv
import os
import re
from datetime import UTC, datetime
from pathlib import Path

from espnet_mtl.data.kaldi import locked
from espnet_mtl.errors import UserError
from espnet_mtl.listening.trials import ListeningTest, Trial

COLUMNS = ["time", "test", "listener", "trial", "utterance", "text", "speaker", "emotion", "system", "system_b"]
COLUMNS += ["answer"]
Row = dict[str, str]


def answers_path(test: ListeningTest, listener: str) -> Path:
    """The file of a listener.

    Raises:
        UserError: The name has anything but letters, digits, - and _, or is longer than 64.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", listener):
        raise UserError(f"listener {listener!r}: expected 1 to 64 of a to z, A to Z, 0 to 9, - and _")
    return test.output / f"{test.kind}_{listener}.csv"


def read_rows(path: Path) -> list[Row]:
    """Reads the answers of one file.

    Raises:
        UserError: It has other columns, or a line is not whole.
    """
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        columns, rows = reader.fieldnames, list(reader)
    if columns not in (None, COLUMNS):  # None: killed before the first answer
        raise UserError(f"{path}:1: expected the columns {','.join(COLUMNS)}")
    for line, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise UserError(f"{path}:{line}: expected {len(COLUMNS)} values; delete this line to answer it anew")
    return rows


def read_answers(test: ListeningTest, listener: str) -> dict[int, str]:
    """Reads what a listener has answered so far, by trial number from 1.

    Raises:
        UserError: The name is not valid, or the file has answers to other trials.
    """
    path, trials = answers_path(test, listener), test.trials(listener)
    rows = read_rows(path) if path.exists() else []
    expected = {str(number): _asked(test, listener, number, trial) for number, trial in enumerate(trials, 1)}
    for line, row in enumerate(rows, 2):
        asked = {key: value for key, value in row.items() if key not in ("time", "answer")}
        if asked != expected.get(row["trial"]):
            hint = "give the same --system, --n and --seed as before, or another --output"
            raise UserError(f"{path}:{line}: belongs to other trials; {hint}")
    return {int(row["trial"]): row["answer"] for row in rows}


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
    if answer not in (valid := [choice.answer for choice in test.choices]):
        raise UserError(f"answer {answer!r}: expected one of {', '.join(valid)}")
    with locked(path):
        if number not in read_answers(test, listener):
            now = datetime.now(UTC).isoformat(timespec="seconds")
            _append(path, {"time": now, **_asked(test, listener, number, trials[number - 1]), "answer": answer})


def _asked(test: ListeningTest, listener: str, number: int, trial: Trial) -> Row:
    system, system_b = (*trial.systems, "")[:2]
    return {
        **{"test": test.kind, "listener": listener, "trial": str(number), "utterance": trial.utterance},
        **{"text": trial.text, "speaker": trial.speaker, "emotion": trial.emotion},
        **{"system": system, "system_b": system_b},
    }


def _append(path: Path, row: Row) -> None:
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(row)
        file.flush()
        os.fsync(file.fileno())
