"""Stage 1: a corpus becomes Kaldi-style directories train, dev and test."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from espnet_mtl.corpora.alignment import format_alignment
from espnet_mtl.corpora.base import Corpus, Utterance, one_line, speakable
from espnet_mtl.corpora.split import SETS, split
from espnet_mtl.data.kaldi import invert, write_table
from espnet_mtl.errors import UserError
from espnet_mtl.system.files import remove, whole_directory, write_text
from espnet_mtl.system.processes import parallel_map

COLUMNS = {
    "wav.scp": "audio",
    "text": "text",
    "utt2spk": "speaker",
    "utt2emo": "emotion",
    "utt2lang": "language",
    "utt2gender": "gender",
    "utt2vad": "vad",
}


@dataclass(frozen=True)
class Prepared:
    """A corpus in sets: utterances of each, how many were kept out of train and dev, and what was dropped and why."""

    sets: dict[str, list[Utterance]]
    held_out: int
    dropped: Mapping[str, str]


def prepare_data(
    corpora: Mapping[str, Corpus], output: Path, nj: int = 1, max_dropped: float = 0.05
) -> dict[str, list[Utterance]]:
    """Writes `<output>/{train,dev,test}` and `<output>/report.txt`.

    Where there are several corpora, each is split on its own, and its name stands before its utterances and speakers.

    Args:
        corpora: Corpora by name.
        output: Where to write.
        nj: Processes.
        max_dropped: Largest share of a corpus' utterances that may be unusable.

    Raises:
        UserError: A corpus cannot be read, cannot be split as it asks for, or loses too much.
    """
    output = output.absolute()
    listed = {name: [clean(utterance) for utterance in corpus.utterances()] for name, corpus in corpora.items()}
    unusable = find_unusable(listed)
    prepared = {}
    for name, corpus in corpora.items():
        utterances = [utterance for index, utterance in enumerate(listed[name]) if index not in unusable[name]]
        dropped = {**corpus.dropped, **dict(unusable[name].values())}
        _check_loss(name, dropped, len(utterances), max_dropped, output / "dropped.txt")
        prepared[name] = split_corpus(utterances, corpus, dropped)
    sets: dict[str, list[Utterance]] = {}
    with ExitStack() as stack:
        directories = {name: stack.enter_context(whole_directory(output / name)) for name in SETS}
        tasks = [
            (corpora[name], utterance, directories[part] / "wav" / (name if len(corpora) > 1 else ""))
            for part in SETS
            for name, one in prepared.items()
            for utterance in one.sets[part]
        ]
        made = iter(list(parallel_map(_materialize, tasks, nj, "stage 1")))
        for part, directory in directories.items():
            sets[part] = [
                _placed(utterance, directory, output / part, name if len(corpora) > 1 else "")
                for name, one in prepared.items()
                for utterance in islice(made, len(one.sets[part]))
            ]
            write_directory(directory, sets[part])
    remove(output / "dropped.txt")
    write_text(output / "report.txt", "\n".join(report(name, one, corpora[name]) for name, one in prepared.items()))
    return sets


def clean(utterance: Utterance) -> Utterance:
    """Makes id and speaker fit for tables and file names, and the text one line."""
    utt, speaker = (re.sub(r"[\s/\\]+", "_", name) for name in (utterance.id, utterance.speaker))
    return replace(utterance, id=utt, speaker=speaker, text=one_line(utterance.text))


def _check_loss(name: str, dropped: Mapping[str, str], kept: int, max_dropped: float, path: Path) -> None:
    """Stops where more than the share `max_dropped` cannot be used; `path` then lists it."""
    if len(dropped) <= max_dropped * (kept + len(dropped)):
        return
    write_text(path, "\n".join([f"corpus {name}", *_dropped(dropped)]) + "\n")
    some = "; ".join(f"{utt}: {reason}" for utt, reason in sorted(dropped.items())[:5])
    raise UserError(
        f"corpus {name}: {len(dropped)} of {kept + len(dropped)} utterances cannot be used ({some}; all: {path}), "
        f"more than {max_dropped:.0%}: repair them, or raise --max_dropped"
    )


def split_corpus(utterances: Sequence[Utterance], corpus: Corpus, dropped: Mapping[str, str]) -> Prepared:
    """Sorts the usable utterances of a corpus into sets.

    Raises:
        UserError: They cannot be split as the corpus asks for.
    """
    sets = split(utterances, corpus.policy, corpus.units(utterances))
    chosen = {corpus.policy.unit(u) for group in sets.values() for u in group} if corpus.policy.held_out else set()
    held_out = sum(corpus.policy.unit(u) in chosen for u in utterances) - sum(map(len, sets.values())) if chosen else 0
    return Prepared(sets, held_out, dropped)


def find_unusable(listed: Mapping[str, Sequence[Utterance]]) -> dict[str, dict[int, tuple[str, str]]]:
    """Finds utterances without text or recording, ids that come twice, and recordings that do in any corpus.

    Returns:
        By corpus and index of the utterance, its id and the reason.
    """
    audios = [u.audio for utterances in listed.values() for u in utterances if u.audio and u.audio.is_file()]
    sizes = Counter(audio.stat().st_size for audio in audios)
    contents: dict[str, str] = {}
    return {name: dict(_unusable(name, utterances, sizes, contents)) for name, utterances in listed.items()}


def _unusable(
    corpus: str, utterances: Sequence[Utterance], sizes: Mapping[int, int], contents: dict[str, str]
) -> Iterator[tuple[int, tuple[str, str]]]:
    ids: Counter[str] = Counter()
    for index, utterance in enumerate(utterances):
        utt, audio = utterance.id, utterance.audio
        ids[utt] += 1
        if ids[utt] > 1:
            yield index, (f"{utt} ({ids[utt]})", "duplicate id")
        elif not speakable(utterance.text):
            yield index, (utt, "empty text")
        elif audio and not audio.is_file():
            yield index, (utt, f"missing recording: {audio}")
        elif audio and not audio.stat().st_size:
            yield index, (utt, f"empty recording: {audio}")
        elif audio and sizes[audio.stat().st_size] > 1:
            first = contents.setdefault(hashlib.sha256(audio.read_bytes()).hexdigest(), f"{utt} of {corpus}")
            if first != f"{utt} of {corpus}":
                yield index, (utt, f"same recording: as {first}")


def _materialize(task: tuple[Corpus, Utterance, Path]) -> Utterance:
    corpus, utterance, directory = task
    return corpus.materialize(utterance, directory)


def _placed(utterance: Utterance, temporary: Path, final: Path, corpus: str) -> Utterance:
    """Gives an utterance its corpus' name, and the path that its audio has once the temporary directory is renamed."""
    assert utterance.audio is not None, f"{utterance.id} has no audio"
    audio = utterance.audio.absolute()
    if temporary in utterance.audio.parents:
        audio = final / utterance.audio.relative_to(temporary)
    if not corpus:
        return replace(utterance, audio=audio)
    return replace(utterance, audio=audio, id=f"{corpus}_{utterance.id}", speaker=f"{corpus}_{utterance.speaker}")


def write_directory(directory: Path, utterances: Iterable[Utterance]) -> None:
    """Writes the tables of one set; a missing label has no line, a table without lines is left out."""
    utterances = list(utterances)
    for table, attribute in COLUMNS.items():
        values = {u.id: _field(getattr(u, attribute)) for u in utterances if getattr(u, attribute) is not None}
        if values or table == "utt2emo":
            write_table(directory / table, values)
    write_table(directory / "spk2utt", invert({u.id: u.speaker for u in utterances}))
    aligned = {u.id: format_alignment(u.alignment) for u in utterances if u.alignment}
    if aligned:
        write_table(directory / "alignment", aligned)


def _field(value: object) -> object:
    return " ".join(map(str, value)) if isinstance(value, tuple) else value


def report(name: str, prepared: Prepared, corpus: Corpus) -> str:
    """Says how many utterances each set, speaker and emotion has, and what was left out and why."""
    lines = [f"corpus {name}"]
    for part, group in prepared.sets.items():
        lines.append(f"{part}: {len(group)} utterances, {len({u.sentence for u in group})} sentences")
        counts = Counter((u.speaker, u.emotion or "unlabelled") for u in group)
        lines += [f"  {speaker} {emotion}: {counts[speaker, emotion]}" for speaker, emotion in sorted(counts)]
    pairs = ", ".join(sorted(f"{speaker} {emotion}" for speaker, emotion in corpus.policy.held_out))
    if pairs:
        lines.append(f"only in test: {pairs} ({prepared.held_out} utterances kept out of train and dev)")
    lines += [*_shared(prepared.sets), *_dropped(prepared.dropped)]
    return "\n".join(lines) + "\n"


def _shared(sets: Mapping[str, Sequence[Utterance]]) -> list[str]:
    """Says which sentences, dialogues and speakers of dev and test are in train as well."""
    lines = []
    for kind in ("sentence", "dialogue", "speaker"):
        of = {name: {value for u in group if (value := getattr(u, kind))} for name, group in sets.items()}
        counts = [f"{len(of[name] & of['train'])} of {len(of[name])} in {name}" for name in SETS[1:] if of[name]]
        lines += [f"{kind}s that are also in train: {', '.join(counts)}"] if counts else []
    return lines


def _dropped(dropped: Mapping[str, str]) -> list[str]:
    kinds = Counter(reason.partition(":")[0] for reason in dropped.values())
    counted = ", ".join(f"{kinds[kind]} {kind}" for kind in sorted(kinds))
    lines = [f"dropped: {len(dropped)}{f' ({counted})' if counted else ''}"]
    return lines + [f"  {utt}: {reason}" for utt, reason in sorted(dropped.items())]
