"""The user's own recordings, listed in a metadata.csv (docs/data.md)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from espnet_mtl.corpora.base import (
    Corpus,
    Utterance,
    emotion_name,
    find_root,
    normalized,
    on_disk,
    phones_of,
    with_speaker,
)
from espnet_mtl.corpora.split import SETS, SplitPolicy
from espnet_mtl.errors import UserError, one_of, shown
from espnet_mtl.labels import CLASS_LABELS, CONTINUOUS_LABELS, UNLABELLED, format_mixture, parse_mixture
from espnet_mtl.system.paths import MOST_BYTES
from espnet_mtl.system.unicode import OneForm, normal_name, only_dashes, plain_number
from espnet_mtl.text import espeak
from espnet_mtl.text.delimited import Row, read_rows
from espnet_mtl.text.normal import normal_text

RATED = ("emotion_voice", "emotion_face")
"""Emotions that raters said who had one of the two. Other columns are called alike: these are never meant."""
COLUMNS = (
    *("path", "text", "id", "speaker", "emotion", "vad", "language", "gender", "split", "video", "image"),
    *("intensity", *RATED),
)
GENDERS = {"f": "f", "female": "f", "m": "m", "male": "m"}
ALIKE = 0.65
"""Similarity (`difflib`) beyond which an unknown column is taken for a mistyped one: `emotions`, `lang`."""
OTHER_NAMES = {
    "path": ("file", "filename", "file_name", "wav", "wav_path", "wavpath", "audio", "audio_path", "recording"),
    "text": ("sentence", "transcript", "transcription", "normalized_text", "utterance"),
    "id": ("utt", "utt_id", "uttid", "utterance_id", "file_id"),
    "speaker": ("spk", "spk_id", "spkid", "voice", "talker", "client_id"),
    "emotion": ("emo", "style", "mood"),
    "language": ("locale", "lang_code"),
    "gender": ("sex",),
    "split": ("set", "subset", "partition"),
    "video": ("clip", "movie", "video_path"),
    "image": ("picture", "photo", "face", "image_path"),
    "intensity": ("strength", "emotion_intensity", "emotional_intensity"),
}
"""What other corpora call the columns: too far from our names for `difflib`."""
OTHER_THINGS = ("age", "page", "wage", "identity", "density")
"""Columns that `difflib` takes for one of ours, and that are none."""
MISSING = ("nan", "-nan", "n/a", "#n/a", "#n/a n/a", "na", "#na", "<na>", "null", "none")
"""How pandas and Excel write a value that is not there, in lower case; a speaker or emotion may not be called so."""
NO_TEXT = ("nan", "NaN", "-nan", "N/A", "#N/A", "<NA>", "NULL")
"""Those of them that are not a text either: people do say "None", "na" and "null"."""
MOST_SENTENCES = 1000
"""Beyond so many, train holds every phone anyhow, and looking for them takes minutes."""


class Csv(Corpus):
    """Reads a table with a header: path and text, and optionally the other columns of `COLUMNS`.

    Args:
        root: The directory that paths are relative to.
        metadata: The table, relative to it.
        delimiter: What separates columns.
        speaker: Speaker of every utterance where there is no such column.
        language: espeak's language of every utterance where there is no such column.
        split_by: sentence or speaker, where there is no column split.
        dev: Number of sentences (or speakers) of dev; below 1: share of all.
        test: The same for test.
        seed: Seed of the split.
    """

    def __init__(
        self,
        root: str | Path = "",
        metadata: str = "metadata.csv",
        delimiter: str = ",",
        speaker: str = "speaker",
        language: str = "en-us",
        split_by: str = "sentence",
        dev: float = 0.05,
        test: float = 0.1,
        seed: int = 0,
    ):
        super().__init__()
        self.root = find_root("csv", root)
        for option, value in {"metadata": metadata, "language": language}.items():
            if not value or not isinstance(value, str):
                raise UserError(f"corpus csv: {option}: expected a name, got {value!r}")
        self.table, self.delimiter = self.root / metadata, "\t" if delimiter == "\\t" else delimiter
        if not isinstance(delimiter, str) or len(self.delimiter) != 1 or self.delimiter in '"\r\n':
            raise UserError(f"corpus csv: delimiter must be one character, or \\t, got {shown(delimiter)}")
        self.speaker, self.language = str(speaker), language
        self.policy = SplitPolicy(dev, test, seed=seed, by=split_by)

    def utterances(self) -> list[Utterance]:
        self.dropped = {}
        listed = []
        speakers = OneForm("speaker")
        rows = read_rows(self.table, ("path", "text"), self.delimiter)
        if rows:
            _check_columns(self.table, rows[0][1])
        rows = _without_missing(self.table, rows)
        self._tell_defaults(rows)
        for number, row in rows:
            if row["path"]:
                listed.append(self._utterance(f"{self.table}:{number}", row, speakers))
            else:
                self.dropped[f"line_{number}"] = "no path"
        if len({utterance.split is None for utterance in listed}) > 1:
            raise UserError(f"{self.table}: column split: fill in every line, or none")
        for language in {str(utterance.language) for utterance in listed}:
            espeak.phonemize("a", language)  # an unknown one is an error, before any work is done
        return sorted(listed, key=lambda utterance: utterance.id)

    def _tell_defaults(self, rows: Sequence[Row]) -> None:
        """Says of how many lines a speaker or language is taken from the settings, though there is such a column."""
        for column, default in {"speaker": self.speaker, "language": self.language}.items():
            lacking = [number for number, row in rows if column in row and not row[column]]
            if lacking:
                count = f"{len(lacking)} lines, such as line {lacking[0]}"
                print(f"{self.table}: no {column} in {count}: taken for {default!r}", file=sys.stderr)

    def _utterance(self, where: str, row: dict[str, str], speakers: OneForm) -> Utterance:
        written = row.get("speaker") or self.speaker
        speaker = speakers.of(written, where)
        if not speaker:
            raise UserError(f"{where}: speaker {shown(written)}: none of its characters can be seen")
        if only_dashes(speaker):
            raise UserError(f"{where}: speaker {speaker!r}: this means no label, but every utterance has a speaker")
        audio = self._file(where, "path", row["path"], "the recording")
        name = row.get("id") or str(Path(row["path"]).with_suffix(""))
        name = with_speaker(_file_name(where, name), speaker)
        if len(name.encode()) > MOST_BYTES:
            raise UserError(f"{where}: the id {name[:40]}… is longer than {MOST_BYTES} bytes: give a shorter `id`")
        split = row.get("split") or None
        if split not in (None, *SETS):
            raise UserError(f"{where}: {one_of('split', split, SETS)}")
        text = normal_text(row["text"])
        return Utterance(
            id=name,
            speaker=speaker,
            text=text,
            sentence=normalized(text),
            emotion=_emotion(where, "emotion", row),
            language=normal_name(row.get("language") or self.language),
            audio=audio,
            split=split,
            gender=_gender(where, row.get("gender", "")),
            vad=_vad(where, row.get("vad", "")),
            visual=self._visual(where, row),
            intensity=_class_name(where, "intensity", row),
            emotion_voice=_emotion(where, "emotion_voice", row),
            emotion_face=_emotion(where, "emotion_face", row),
        )

    def _file(self, where: str, column: str, path: str, meant: str) -> Path:
        """Returns the file that a line names; whether it is there is found out later, for all corpora alike."""
        file = self.root / path
        try:
            file = on_disk(file)
            is_directory = file.is_dir()
        except OSError as error:
            raise UserError(f"{where}: {column} {path[:40]}…: {error.strerror}") from error
        if is_directory:
            raise UserError(f"{where}: {column} {path!r} is a directory: name {meant}")
        return file

    def _visual(self, where: str, row: dict[str, str]) -> Path | None:
        """Returns the video or picture that a line names; "" and "-" are none."""
        named = [column for column in ("video", "image") if row.get(column, "") not in ("", UNLABELLED)]
        if len(named) > 1:
            raise UserError(f"{where}: video and image: name one of them")
        if not named:
            return None
        (column,) = named
        return self._file(where, column, row[column], f"the {column}")

    def units(self, utterances: Sequence[Utterance]) -> dict[str, frozenset[str]]:
        if len({utterance.sentence for utterance in utterances}) > MOST_SENTENCES:
            return {}
        return phones_of(utterances)


def _check_columns(table: Path, header: Iterable[str]) -> None:
    """Tells of columns that are not read.

    Raises:
        UserError: One of them is, by its name, a known column that the table lacks.
    """
    unknown = [name for name in header if name not in COLUMNS]
    absent = [name for name in COLUMNS if name not in header]
    for name in unknown:
        meant = _meant(name.lower(), absent)
        if meant:
            raise UserError(f"{table}:1: unknown column {name!r}: did you mean {meant}? Valid: {', '.join(COLUMNS)}")
    if unknown:
        names = ", ".join(map(repr, unknown))
        print(f"{table}:1: not read: {names}; columns that are: {', '.join(COLUMNS)}", file=sys.stderr)


def _meant(name: str, absent: Sequence[str]) -> str | None:
    """Returns the column among those absent that a name stands for, by its spelling or in other corpora."""
    for column in absent:
        if name in OTHER_NAMES.get(column, ()):
            return column
    if name in OTHER_THINGS:
        return None
    likely = [column for column in absent if column not in RATED]
    near = get_close_matches(name, likely, n=1, cutoff=ALIKE)
    return near[0] if near else None


def _without_missing(table: Path, rows: Sequence[Row]) -> list[Row]:
    """Empties the values that stand for a missing one, and says once which were read so."""
    lines: dict[tuple[str, str], list[int]] = {}
    emptied = []
    for number, row in rows:
        kept = {}
        for column, value in row.items():
            missing = value in NO_TEXT if column == "text" else value.lower() in MISSING
            kept[column] = "" if missing else value
            if missing and column in COLUMNS:
                lines.setdefault((value, column), []).append(number)
        emptied.append((number, kept))
    if lines:
        found = []
        for (value, column), numbers in lines.items():
            found.append(f"{value!r} in {column} ({len(numbers)} lines, such as line {numbers[0]})")
        print(f"{table}: read as missing: {', '.join(found)}", file=sys.stderr)
    return emptied


def _file_name(where: str, name: str) -> str:
    """Returns what a line calls its utterance, fit for a file's name."""
    fit = normal_name(name).strip("._")
    if not fit:
        raise UserError(f"{where}: {name!r} is no id: it needs a letter or digit")
    return fit


def _gender(where: str, text: str) -> str | None:
    """Reads f, female, m or male, in any case; "" and "-" are none."""
    if text in ("", UNLABELLED):
        return None
    if text.lower() not in GENDERS:
        raise UserError(f"{where}: {one_of('gender', text, GENDERS)}")
    return GENDERS[text.lower()]


def _vad(where: str, text: str) -> tuple[float, float, float] | None:
    """Reads valence, arousal and dominance, `3.5 2 4`; "" and "-" are none."""
    if text in ("", UNLABELLED):
        return None
    try:
        CONTINUOUS_LABELS["vad"].read(text)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    # Not as read, which is in single precision: 3.3 stays 3.3
    valence, arousal, dominance = map(plain_number, text.split())
    return valence, arousal, dominance


def _class_name(where: str, column: str, row: Mapping[str, str]) -> str | None:
    """Reads the name of a class, in lower case; "" and "-" are none."""
    label = row.get(column, "").lower()
    if label in ("", UNLABELLED):
        return None
    try:
        return CLASS_LABELS[column].normal_line(label)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error


def _emotion(where: str, column: str, row: Mapping[str, str]) -> str | None:
    """Reads a label, hard or soft (`happy:0.8,surprised:0.2`); "" and "-" are none."""
    label = row.get(column, "")
    if label in ("", UNLABELLED):
        return None
    try:
        mixture = parse_mixture(label)
    except UserError as error:
        raise UserError(f"{where}: {column}: {error}") from error
    named = {emotion_name(name): weight for name, weight in mixture.items()}
    if len(named) < len(mixture):
        raise UserError(f"{where}: {column} {shown(label)}: two of its names are one emotion")
    return format_mixture(named)
