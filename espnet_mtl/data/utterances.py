"""The utterances of a set with their tokens, and with the times of the tokens where the corpus knows them (stage 3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espnet_mtl.config.schema import FROM_ALIGNER, FROM_CORPUS
from espnet_mtl.corpora.alignment import parse_alignment
from espnet_mtl.data.dump import ALIGNMENT, TEXT, UTT2LANG, WAV_SCP
from espnet_mtl.data.kaldi import read_labels, read_optional, read_table
from espnet_mtl.errors import UserError
from espnet_mtl.labels import CLASS_LABELS
from espnet_mtl.system.unicode import normal_name
from espnet_mtl.text.tokens import Tokenizer

FROM_TEACHER = "teacher"
"""What `durations.json` calls a teacher; the other sources are those of the config."""


@dataclass(frozen=True)
class TokenizedUtterance:
    """One recording: utterance, audio file, line of tokens, the N tokens, and the end of each in seconds."""

    utt: str
    path: str
    line: str
    tokens: tuple[str, ...]
    ends: tuple[float, ...] = ()


def durations_source(dumps: Sequence[Path], config: Mapping[str, Any], token_type: str) -> str:
    """Decides whether durations are from the corpus or from an aligner (the key `durations` of the config)."""
    if config["durations"] != "auto":
        return config["durations"]
    if token_type == "phn" and all(_is_aligned(dump) for dump in dumps):
        return FROM_CORPUS
    return FROM_ALIGNER


def _is_aligned(dump: Path) -> bool:
    """Tells whether the corpus gives the times of every utterance; of joined corpora, one may not."""
    path = dump / ALIGNMENT
    return path.is_file() and set(read_table(dump / WAV_SCP, "stage 2")) <= set(read_table(path))


def read_utterances(dump: Path, tokenizer: Tokenizer, source: str) -> list[TokenizedUtterance]:
    """Reads what stage 2 wrote for one set, with the tokens, and with their times where the corpus is the `source`.

    Raises:
        UserError: A file or line is missing, or a text cannot be spoken.
    """
    wavs = read_table(dump / WAV_SCP, "stage 2")
    if source == FROM_CORPUS:
        return _from_corpus(dump, wavs, tokenizer.token_type)
    texts = read_table(dump / TEXT, "stage 2")
    languages = read_optional(dump / UTT2LANG)
    utterances = []
    for utt in sorted(wavs):
        try:
            line = tokenizer.line(texts[utt], languages.get(utt))
            tokens = tokenizer.tokens(line)
        except UserError as error:
            raise UserError(f"utterance {utt}: {error}") from error
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
    lacking = sorted(set(wavs) - set(alignments))
    if lacking:
        raise UserError(f"{path}: no line for {lacking[0]} ({len(lacking)} utterances lack one)")
    utterances = []
    for utt in sorted(wavs):
        alignment = parse_alignment(alignments[utt], f"{path}: {utt}")
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
