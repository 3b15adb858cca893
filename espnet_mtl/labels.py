"""From the names of labels to numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from espnet_mtl.errors import UserError, one_of

TABLES = {"speakers": "speaker", "emotions": "emotion", "languages": "language", "genders": "gender"}
"""Config keys of the label tables (ordered lists of names), and the label that each one numbers."""

UNLABELLED = "-"
"""Stands in a label file of the dump for an utterance without a label."""


def parse_weights(text: str, names: Sequence[str]) -> np.ndarray:
    """Reads a label, hard (`happy`), soft (`happy:0.8,surprised:0.2`) or none (`-`), as weights.

    Args:
        text: The label.
        names: The classes.

    Returns:
        float32 (K,): weights that sum to 1, or -1 throughout for no label.

    Raises:
        UserError: An unknown class, or weights that are negative or sum to 0.
    """
    if text == UNLABELLED:
        return np.full(len(names), -1.0, dtype=np.float32)
    weights = np.zeros(len(names), dtype=np.float32)
    for part in text.split(","):
        name, _, value = part.partition(":")
        if name not in names:
            raise one_of("label", name, names)
        try:
            weights[names.index(name)] += float(value or 1.0)
        except ValueError as error:
            raise UserError(f"label {text!r}: expected 'name' or 'name:weight,name:weight'") from error
    if (weights < 0).any() or not weights.sum() > 0:
        raise UserError(f"label {text!r}: weights must not be negative and must sum to more than 0")
    return weights / weights.sum()


def parse_numbers(text: str, count: int) -> tuple[float, ...] | None:
    """Reads `count` finite numbers; None where the text is anything else."""
    try:
        numbers = tuple(map(float, text.split()))
    except ValueError:
        return None
    return numbers if len(numbers) == count and np.isfinite(numbers).all() else None


class LabelEncoder:
    """ESPnet's preprocessing with label names turned into numbers.

    `emotion` becomes float weights (K,); `sids`, `lids` and `gender` become an id, int64 (1,), -1 where there is none.
    Numbers stay as they are.

    Args:
        tables: The names of the classes of each label.
        preprocess: ESPnet's preprocessing of the text.
    """

    def __init__(self, tables: Mapping[str, Sequence[str]], preprocess: Callable):
        self.tables, self.preprocess = tables, preprocess
        self.ids = {"sids": "speaker", "lids": "language", "gender": "gender"}

    def __call__(self, utt: str, data: dict) -> dict[str, np.ndarray]:
        """Encodes the data of one utterance.

        Raises:
            UserError: A name that is not in its table; the message names the utterance.
        """
        data = dict(data)
        try:
            if isinstance(data.get("emotion"), str):
                data["emotion"] = parse_weights(data["emotion"], self.tables["emotion"])
            for key, label in self.ids.items():
                if isinstance(data.get(key), str):
                    data[key] = np.array([self._number(label, data[key])], dtype=np.int64)
        except UserError as error:
            raise UserError(f"utterance {utt}: {error}") from error
        return self.preprocess(utt, data)

    def _number(self, label: str, name: str) -> int:
        if name == UNLABELLED:
            return -1
        if name not in self.tables[label]:
            raise one_of(label, name, self.tables[label])
        return self.tables[label].index(name)
