"""What stage 1 cannot use: utterances without text or recording, or that come twice."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from os.path import isfile

from espnet_mtl.corpora.base import Utterance
from espnet_mtl.system.paths import fits_a_line
from espnet_mtl.text.faults import text_fault


def find_unusable(
    listed: Mapping[str, Sequence[Utterance]], language: str = "en-us", token_type: str = "phn"
) -> dict[str, dict[int, tuple[str, str]]]:
    """Finds utterances without text or recording, ids that come twice, and recordings that do in any corpus.

    Args:
        listed: The utterances of each corpus.
        language: espeak's language of those that name none.
        token_type: What the texts are read for.

    Returns:
        By corpus and index of the utterance, its id and the reason.
    """
    every = chain.from_iterable(listed.values())
    audios = [utterance.audio for utterance in every if utterance.audio and isfile(utterance.audio)]
    sizes = Counter(audio.stat().st_size for audio in audios)
    first_with_content: dict[str, str] = {}
    unusable = {}
    for name, utterances in listed.items():
        faults = [text_fault(one.text, one.language or language, token_type) for one in utterances]
        unusable[name] = dict(_unusable(name, utterances, faults, sizes, first_with_content))
    return unusable


def _unusable(
    corpus: str,
    utterances: Sequence[Utterance],
    faults: Sequence[str],
    sizes: Mapping[int, int],
    first_with_content: dict[str, str],
) -> Iterator[tuple[int, tuple[str, str]]]:
    ids: Counter[str] = Counter()
    for index, utterance in enumerate(utterances):
        utt, audio = utterance.id, utterance.audio
        ids[utt] += 1
        if ids[utt] > 1:
            yield index, (f"{utt} ({ids[utt]})", "duplicate id")
        elif faults[index]:
            yield index, (utt, faults[index])
        elif audio and not fits_a_line(str(audio)):
            yield index, (utt, f"recording's path: no table can hold {str(audio)!r}")
        elif audio and not isfile(audio):  # which raises nothing over a long name
            yield index, (utt, f"missing recording: {audio}")
        elif audio and not audio.stat().st_size:
            yield index, (utt, f"empty recording: {audio}")
        elif audio and sizes[audio.stat().st_size] > 1:  # only what is of equal size can be equal
            own = f"{utt} of {corpus}"
            content = hashlib.sha256(audio.read_bytes()).hexdigest()
            first = first_with_content.setdefault(content, own)
            if first != own:
                yield index, (utt, f"same recording: as {first}")
