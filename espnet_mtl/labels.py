"""The one table of labels: what each is called, where it is kept, and how a line of it is read and written.

A label is a class (`ClassLabel`: emotion, speaker, …) or numbers (`ContinuousLabel`: valence, speaking rate, …).

"No label" is written `-` in a file, or the line is left out; it is None in Python. In arrays it is -1 for a class (an
id, or every weight), as ESPnet has it, and NaN for numbers, of which -1 may be one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from espnet_mtl.errors import UserError, shown
from espnet_mtl.system.unicode import find_name, normal_name, only_dashes, plain_number

if TYPE_CHECKING:
    import numpy as np

UNLABELLED = "-"
"""In a file: an utterance without this label."""
UNKNOWN = -1
"""In an array: no class."""
NEUTRAL = "neutral"
"""The emotion that intensity pulls toward, and that recordings of a voice without labels are taken for."""
LARGEST = 3.4e38
"""Amount of a number that 32 bits can hold: beyond, it would be infinite in training."""
MIXTURE_FORM = "expected 'name', or 'name:weight,name:weight' with numbers of at least 0 that are not all 0"


@dataclass(frozen=True)
class ClassLabel:
    """A label that names one of several classes, or, where it is soft, gives each a weight.

    Attributes:
        name: What `tasks.<task>.label` calls it.
        batch_key: Entry of a training batch.
        file: Table of a data directory.
        table: Config key of the ordered list of its classes.
        soft: Whether it may be a mixture; a batch then holds weights (K,), else an id (1,).
        spoken_by_new: Whether utterances of dev may have classes that train lacks: they are in the table, too.
        required: Whether every utterance has one, so that `-` is refused.
    """

    name: str
    batch_key: str
    file: str
    table: str
    soft: bool = False
    spoken_by_new: bool = False
    required: bool = False

    def classes_in(self, line: str) -> list[str]:
        """Names the classes that a line of the file speaks of; none where it is unlabelled.

        Raises:
            UserError: What `parse_mixture` refuses, or no label where one is required.
        """
        if line == UNLABELLED:
            self._check_may_lack()
            return []
        return list(parse_mixture(line)) if self.soft else [self._name(line)]

    def normal_line(self, line: str) -> str:
        """Returns a line whose names have their one form (`normal_name`).

        Raises:
            UserError: As `classes_in`.
        """
        if line == UNLABELLED:
            self._check_may_lack()
            return line
        if not self.soft:
            return self._name(line)
        parse_mixture(line)  # raises where it is none
        parts = []
        for part in line.split(","):
            name, colon, weight = _split_part(part)
            parts.append(f"{normal_name(name)}{colon}{weight.strip()}")
        return ",".join(parts)

    def read(self, line: str, classes: Sequence[str]) -> np.ndarray:
        """Reads a line: weights, float32 (K,), that sum to 1, or an id, int64 (1,); -1 throughout for no label.

        Raises:
            UserError: A class that is not among `classes`, what `parse_mixture` refuses, or no label where one is
                required.
        """
        import numpy as np  # here: commands that only check names start in less time without it

        if not self.soft:
            return np.array([self._id(line, classes)], dtype=np.int64)
        if line == UNLABELLED:
            return np.full(len(classes), UNKNOWN, dtype=np.float32)
        return mixture_weights(parse_mixture(line), classes, self.name)

    def _id(self, line: str, classes: Sequence[str]) -> int:
        if line == UNLABELLED:
            self._check_may_lack()
            return UNKNOWN
        return find_name(self.name, line, classes)

    def _name(self, line: str) -> str:
        name = normal_name(line)
        if not name or only_dashes(name):
            raise UserError(f"{self.name} {shown(line)}: expected a name; no label is written {UNLABELLED!r}")
        return name

    def _check_may_lack(self) -> None:
        if self.required:
            raise UserError(f"{self.name} {UNLABELLED!r}: this means no {self.name}, but every utterance has one")


@dataclass(frozen=True)
class ContinuousLabel:
    """A label of D numbers.

    Attributes:
        name: What `tasks.<task>.label` calls it.
        size: D.
        file: Table of a data directory; None: it is measured (`espnet_mtl.data.continuous`, `model.ranges`).
        meaning: What the numbers are.
    """

    name: str
    size: int
    file: str | None = None
    meaning: str = ""

    @property
    def batch_key(self) -> str:
        """Entry of a training batch."""
        return self.name

    def read(self, line: str) -> np.ndarray:
        """Reads a line: float32 (D,), NaN throughout for no label.

        Raises:
            UserError: It is not D finite numbers.
        """
        import numpy as np

        if line == UNLABELLED:
            return np.full(self.size, np.nan, dtype=np.float32)
        numbers = parse_numbers(line, self.size)
        if numbers is None:
            raise UserError(f"{self.name} {shown(line)}: expected {self.size} numbers{self._meaning()}, or no line")
        return np.array(numbers, dtype=np.float32)

    def write(self, values: Sequence[float] | np.ndarray) -> str:
        """Writes values (D,) as a line."""
        return " ".join(f"{value:.5f}" for value in values)

    def _meaning(self) -> str:
        return f" ({self.meaning})" if self.meaning else ""


CLASS_LABELS: Mapping[str, ClassLabel] = {
    label.name: label
    for label in (
        ClassLabel("emotion", batch_key="emotion", file="utt2emo", table="emotions", soft=True),
        ClassLabel("speaker", batch_key="sids", file="utt2spk", table="speakers", spoken_by_new=True, required=True),
        ClassLabel("language", batch_key="lids", file="utt2lang", table="languages", spoken_by_new=True),
        ClassLabel("gender", batch_key="gender", file="utt2gender", table="genders"),
        ClassLabel("intensity", batch_key="intensity", file="utt2intensity", table="intensities"),
        ClassLabel("emotion_voice", "emotion_voice", file="utt2emo_voice", table="voice_emotions", soft=True),
        ClassLabel("emotion_face", "emotion_face", file="utt2emo_face", table="face_emotions", soft=True),
    )
}
"""Labels that name a class."""

CONTINUOUS_LABELS: Mapping[str, ContinuousLabel] = {
    label.name: label
    for label in (
        ContinuousLabel("vad", 3, file="utt2vad", meaning="valence, arousal, dominance"),
        ContinuousLabel("speaking_rate", 1),
        ContinuousLabel("intonation", 8),
        ContinuousLabel("energy_dynamics", 3),
        ContinuousLabel("pitch_range", 1),
        ContinuousLabel("energy_range", 1),
        ContinuousLabel("mel_range", 24),
    )
}
"""Labels that are numbers."""

LABELS: Mapping[str, ClassLabel | ContinuousLabel] = {**CLASS_LABELS, **CONTINUOUS_LABELS}
"""Every label that a task can learn."""

TABLES: Mapping[str, ClassLabel] = {label.table: label for label in CLASS_LABELS.values()}
"""Config key of each list of classes, and the label that it belongs to."""

LABEL_FILES: tuple[str, ...] = tuple(label.file for label in LABELS.values() if label.file)
"""Tables of a data directory that hold labels."""


def parse_mixture(text: str) -> dict[str, float]:
    """Reads `happy`, `happy:0.8,sad:0.2`, or `happy,sad` (alike): the weight of each class, above 0, sum 1.

    Files, YAML, command line and Python API all read mixtures here. A class of weight 0 is left out.

    Raises:
        UserError: A class comes twice or is no name, some classes have weights and some have none, or a weight is not a
            number of at least 0, or all are 0.
    """
    mixture: dict[str, float] = {}
    parts = [part.strip() for part in text.split(",")]
    weighted = [":" in part for part in parts]
    if any(weighted) and not all(weighted):
        bare = parts[weighted.index(False)]
        raise UserError(f"label {shown(text)}: {shown(bare)} has no weight, but others have: {MIXTURE_FORM}")
    for part in parts:
        name, colon, weight = _split_part(part)
        name, weight = normal_name(name), weight if colon else "1"
        _check_class_name(name, text)
        if name in mixture:
            raise UserError(f"label {shown(text)}: {shown(name)} comes twice: {MIXTURE_FORM}")
        mixture[name] = _weight(weight, text)
    return normalized_mixture(mixture, text)


def normalized_mixture(mixture: Mapping[str, float], source: object) -> dict[str, float]:
    """Returns the weights of a mixture divided by their sum, without those that are 0.

    Args:
        mixture: Weight by class.
        source: What the user wrote, for the error.

    Raises:
        UserError: A weight is negative or not finite, or none is above 0.
    """
    total = sum(mixture.values())
    for name, weight in mixture.items():
        if not (isfinite(weight) and weight >= 0):
            raise UserError(f"label {shown(source)}: the weight of {shown(name)} is {weight}: {MIXTURE_FORM}")
    if not total > 0:
        raise UserError(f"label {shown(source)}: {MIXTURE_FORM}")
    if not isfinite(total):
        raise UserError(f"label {shown(source)}: the sum of the weights is too large: {MIXTURE_FORM}")
    shares = {name: weight / total for name, weight in mixture.items()}
    return {name: share for name, share in shares.items() if share > 0}


def heaviest(line: str) -> str | None:
    """Returns the class of most weight in a line of a label, which may be a mixture; None for no label.

    Raises:
        UserError: What `parse_mixture` raises.
    """
    if line == UNLABELLED:
        return None
    mixture = parse_mixture(line)
    return max(mixture, key=mixture.__getitem__)


def format_mixture(mixture: Mapping[str, float]) -> str:
    """Writes a mixture as `parse_mixture` reads it; of one class, its name alone.

    Raises:
        UserError: A name that `parse_mixture` would read as something else.
    """
    for name in mixture:
        _check_class_name(name, name)
    if len(mixture) == 1:
        return next(iter(mixture))
    return ",".join(f"{name}:{weight:g}" for name, weight in mixture.items())


def mixture_weights(mixture: Mapping[str, float], classes: Sequence[str], label: str = "emotion") -> np.ndarray:
    """Returns the weight of every class, float32 (K,), 0 for those that the mixture does not name.

    Raises:
        UserError: It names one that is not among `classes`.
    """
    import numpy as np

    weights = np.zeros(len(classes), dtype=np.float32)
    for name, weight in mixture.items():
        weights[find_name(label, name, classes)] += weight  # a name may come in two forms
    return weights


def parse_numbers(text: str, count: int) -> tuple[float, ...] | None:
    """Reads `count` numbers that 32 bits can hold; None where the text is anything else."""
    try:
        numbers = tuple(map(plain_number, text.split()))
    except ValueError:
        return None
    held = all(abs(number) <= LARGEST for number in numbers)  # false of NaN, too
    return numbers if len(numbers) == count and held else None


def _check_class_name(name: str, text: str) -> None:
    """Raises UserError where the name of a class, which `text` holds, would be read as something else."""
    if only_dashes(name):
        raise UserError(f"label {shown(text)}: {UNLABELLED!r} means no label, and stands alone: {MIXTURE_FORM}")
    if not name:
        raise UserError(f"label {shown(text)}: {MIXTURE_FORM}")
    if {":", ","}.intersection(name) or name != name.strip():
        raise UserError(
            f"label {shown(text)}: the name {shown(name)} holds ':', ',' or spaces at its ends: {MIXTURE_FORM}"
        )


def _split_part(part: str) -> tuple[str, str, str]:
    """Splits `name:weight` into name, colon and weight; `name` alone has neither of the latter."""
    return part.rpartition(":") if ":" in part else (part, "", "")


def _weight(weight: str, text: str) -> float:
    try:
        return plain_number(weight)
    except ValueError:
        raise UserError(f"label {shown(text)}: {shown(weight.strip())} is not a number: {MIXTURE_FORM}") from None
