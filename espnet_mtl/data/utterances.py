"""The utterances of a set: what stage 1 says of them, and their tokens, with the times that the corpus knows."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espnet_mtl.config.schema import FROM_ALIGNER, FROM_CORPUS
from espnet_mtl.corpora.alignment import Alignment, parse_alignment
from espnet_mtl.data.dump import ALIGNMENT, TEXT, UTT2LANG, UTT2SPK, VISUAL_SCP, WAV_SCP
from espnet_mtl.data.kaldi import Table, is_there, read_labels, read_optional, read_scp, read_table, read_texts
from espnet_mtl.errors import UserError
from espnet_mtl.labels import CLASS_LABELS, LABELS, UNLABELLED
from espnet_mtl.system.files import require
from espnet_mtl.system.unicode import normal_name
from espnet_mtl.text.faults import text_fault
from espnet_mtl.text.tokens import Tokenizer

FROM_TEACHER = "teacher"
"""What `durations.json` calls a teacher; the other sources are those of the config."""
ALLOW_PIPES = " (where the commands are your own, --allow_pipes true runs them)"


@dataclass(frozen=True)
class Recording:
    """What stage 1 says of one utterance."""

    utt: str
    wav: str
    text: str
    speaker: str
    alignment: Alignment | None
    fault: str = ""
    """Why its text cannot be spoken."""


@dataclass(frozen=True)
class TokenizedUtterance:
    """One recording: utterance, audio file, line of tokens, the N tokens, and the end of each in seconds."""

    utt: str
    path: str
    line: str
    tokens: tuple[str, ...]
    ends: tuple[float, ...] = ()


def read_recordings(
    directory: Path, language: str = "en-us", token_type: str = "phn", pipes: bool = False
) -> list[Recording]:
    """Reads what stage 1 wrote, or a user by hand, for one set; a missing text reads as an empty one.

    Raises:
        UserError: A table is missing, or a line of one cannot be read, or is that of no recording.
    """
    wavs = read_scp(directory / WAV_SCP, "stage 1", pipes, ALLOW_PIPES)
    texts = read_texts(directory / TEXT)
    require([directory / UTT2SPK], "stage 1")
    speakers = read_labels(directory / UTT2SPK, CLASS_LABELS["speaker"])
    lines = read_optional(directory / ALIGNMENT)
    alignments = {utt: parse_alignment(line, lines.where(utt)) for utt, line in lines.items()}
    labels = label_tables(directory)
    visual = read_visual(directory / VISUAL_SCP)
    for table in (texts, speakers, lines, visual, *labels.values()):
        table.check_only(wavs, wavs.path)
    languages: Mapping[str, str] = labels.get(UTT2LANG, {})
    recordings = []
    for utt in sorted(wavs):
        text = texts.get(utt, "")
        own = languages.get(utt, UNLABELLED)
        fault = text_fault(text, language if own == UNLABELLED else own, token_type)
        recordings.append(Recording(utt, wavs[utt], text, speakers.get(utt, ""), alignments.get(utt), fault))
    return recordings


def read_visual(path: Path) -> Table:
    """Reads a table of pictures, videos and arrays that may not be there: then it is empty.

    Raises:
        UserError: What `read_scp` raises.
    """
    return read_scp(path) if is_there(path) else Table(path)


def label_tables(directory: Path) -> dict[str, Table]:
    """Reads the tables of labels that there are, but for the speakers, by the names of their files."""
    tables = {}
    for label in LABELS.values():
        if label.file and label.file != UTT2SPK and is_there(directory / label.file):
            tables[label.file] = read_labels(directory / label.file, label)
    return tables


def durations_source(dumps: Sequence[Path], config: Mapping[str, Any], token_type: str) -> str:
    """Decides whether durations are from the corpus or from an aligner (the key `durations` of the config)."""
    if config["durations"] != "auto":
        return config["durations"]
    if token_type == "phn" and all(is_there(dump / ALIGNMENT) and not _untimed(dump) for dump in dumps):
        return FROM_CORPUS
    return FROM_ALIGNER


def tell_untimed(dumps: Sequence[Path]) -> None:
    """Says where the corpus gives the times of some utterances only, so that an aligner finds those of all."""
    lacking = {dump: untimed for dump in dumps if (untimed := _untimed(dump))}
    if not lacking or not any(is_there(dump / ALIGNMENT) for dump in dumps):
        return
    dump, untimed = next(iter(lacking.items()))
    number = sum(map(len, lacking.values()))
    print(
        f"{dump / ALIGNMENT}: no times of {untimed[0]} ({number} such utterances in all sets): an aligner finds those "
        "of every utterance, also where the corpus gives them",
        file=sys.stderr,
    )


def _untimed(dump: Path) -> list[str]:
    """Names the utterances whose times the corpus does not give; of joined corpora, one may give none."""
    wavs = read_scp(dump / WAV_SCP, "stage 2")
    path = dump / ALIGNMENT
    alignments = read_table(path, only_keys=True) if is_there(path) else Table(path)
    alignments.check_only(wavs, wavs.path)
    return [utt for utt in wavs if utt not in alignments]


def read_utterances(dump: Path, tokenizer: Tokenizer, source: str) -> list[TokenizedUtterance]:
    """Reads what stage 2 wrote for one set, with the tokens, and with their times where the corpus is the `source`.

    Raises:
        UserError: A file or line is missing, or a text cannot be spoken.
    """
    wavs = read_scp(dump / WAV_SCP, "stage 2")
    if source == FROM_CORPUS:
        return _from_corpus(dump, wavs, tokenizer.token_type)
    texts = read_table(dump / TEXT, "stage 2")
    languages = read_optional(dump / UTT2LANG)
    texts.check_has(wavs, wavs.path)
    for table in (texts, languages):
        table.check_only(wavs, wavs.path)
    utterances = []
    for utt in sorted(wavs):
        try:
            language = languages.get(utt, UNLABELLED)
            line = tokenizer.line(texts[utt], None if language == UNLABELLED else language)
            tokens = tokenizer.tokens(line)
        except UserError as error:
            raise UserError(f"{texts.where(utt)}: {error}") from error
        utterances.append(TokenizedUtterance(utt, wavs[utt], line, tuple(tokens)))
    return utterances


def _from_corpus(dump: Path, wavs: Mapping[str, str], token_type: str) -> list[TokenizedUtterance]:
    path = dump / ALIGNMENT
    if not path.is_file():
        raise UserError(f"{path} is missing: the corpus has no phone times; set durations: {FROM_ALIGNER}")
    if token_type != "phn":
        raise UserError(
            f"token type {token_type!r}: the corpus' times are those of phones; set durations: {FROM_ALIGNER}"
        )
    alignments = read_table(path)
    alignments.check_has(wavs, dump / WAV_SCP)
    alignments.check_only(wavs, dump / WAV_SCP)
    utterances = []
    for utt in sorted(wavs):
        alignment = parse_alignment(alignments[utt], alignments.where(utt))
        phones = tuple(phone for phone, _ in alignment)
        ends = tuple(end for _, end in alignment)
        utterances.append(TokenizedUtterance(utt, wavs[utt], " ".join(phones), phones, ends))
    return utterances


def languages_of_speakers(
    dumps: Iterable[Path], known: Mapping[str, Iterable[str]] | None = None
) -> dict[str, list[str]]:
    """Names the languages that each speaker speaks in some sets; a speaker of none is left out.

    Args:
        dumps: Directories of the sets; those that are not there count as empty.
        known: Languages by speaker that are known besides.

    Raises:
        UserError: A table cannot be read.
    """
    speaker, language = CLASS_LABELS["speaker"], CLASS_LABELS["language"]
    found = {normal_name(name): set(languages) for name, languages in (known or {}).items()}
    for dump in dumps:
        speaker_of = read_labels(dump / speaker.file, speaker)
        for utt, line in read_labels(dump / language.file, language).items():
            if utt in speaker_of:
                found.setdefault(speaker_of[utt], set()).update(language.classes_in(line))
    return {name: sorted(found[name]) for name in sorted(found) if found[name]}
