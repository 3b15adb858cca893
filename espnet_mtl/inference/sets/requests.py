"""What stage 6 speaks: every test sentence by every speaker in every emotion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from espnet_mtl.data.dump import text_file
from espnet_mtl.data.kaldi import Table, read_labels, read_table
from espnet_mtl.data.utterances import languages_of_speakers
from espnet_mtl.labels import CLASS_LABELS, UNLABELLED
from espnet_mtl.system.files import require
from espnet_mtl.system.unicode import normal_name


@dataclass(frozen=True)
class Request:
    """One utterance to synthesize: its id, text, tokens (phones, or the text), speaker and emotion."""

    utt: str
    text: str
    tokens: str
    speaker: str
    emotion: str | None
    language: str | None = None


def list_requests(dump: Path, token_type: str, speakers: Sequence[str], emotions: Sequence[str]) -> list[Request]:
    """Lists every test sentence by every speaker of its language in every emotion.

    A request takes the id of the natural utterance where there is one, with that utterance's own phones, so that both
    can be compared token by token. An unlabelled natural utterance is spoken without an emotion, too.

    Args:
        dump: `dump/raw/test`.
        token_type: "phn", "char" or "bpe".
        speakers: The model's speakers.
        emotions: The model's emotions; empty: each sentence is read once per speaker.
    """
    texts, tokens = read_table(dump / "text", "stage 2"), read_table(dump / text_file(token_type), "stage 3")
    require([dump / "utt2spk"], "stage 2")
    speaker_of, emotion_of, language_of = (_labels(dump, name) for name in ("speaker", "emotion", "language"))
    for table in (tokens, speaker_of):
        table.check_has(texts, texts.path)
    for table in (speaker_of, emotion_of, language_of):
        table.check_only(texts, texts.path)
    natural: dict[tuple[str, str, str | None], str] = {}
    first: dict[str, str] = {}  # the first utterance of each sentence, whose phones those take who never said it
    for utt in sorted(texts):
        label = emotion_of.get(utt, UNLABELLED)
        natural[texts[utt], speaker_of[utt], None if label == UNLABELLED else label] = utt
        first.setdefault(texts[utt], utt)

    requests = []
    taken = set(texts)
    spoken = languages_of_speakers((dump, dump.with_name("train")))
    for number, text in enumerate(sorted(first), 1):
        language = language_of.get(first[text])
        for speaker in speakers:
            name = normal_name(speaker)  # a model of before may have another form
            if language is not None and language not in spoken.get(name, ()):
                continue
            wanted: list[str | None] = list(emotions)
            if not emotions or (text, name, None) in natural:
                wanted.append(None)
            for emotion in wanted:
                said = natural.get((text, name, emotion and normal_name(emotion)))
                utt = said or _new_id([speaker, emotion, f"t{number:04d}"], taken)
                requests.append(Request(utt, text, tokens[said or first[text]], speaker, emotion, language))
    return sorted(requests, key=lambda request: request.utt)


def _new_id(parts: Sequence[str | None], taken: set[str]) -> str:
    """Makes an id of names; it is none of those that are taken, to which it is added."""
    name = normal_name("_".join(filter(None, parts)))
    while name in taken:  # as of speaker a_b in emotion c and of speaker a in emotion b_c
        name += "_"
    taken.add(name)
    return name


def _labels(directory: Path, name: str) -> Table:
    label = CLASS_LABELS[name]
    return read_labels(directory / label.file, label)
