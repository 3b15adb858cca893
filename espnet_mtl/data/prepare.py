"""Stage 1: a corpus becomes Kaldi-style directories train, dev and test."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from espnet_mtl.corpora.base import Corpus, Utterance
from espnet_mtl.data.alignment import format_alignment
from espnet_mtl.data.kaldi import invert, whole_directory, write_table, write_text
from espnet_mtl.data.parallel import parallel_map
from espnet_mtl.data.split import SETS, split
from espnet_mtl.errors import UserError

COLUMNS = {
    "wav.scp": "audio",
    "text": "text",
    "utt2spk": "speaker",
    "utt2emo": "emotion",
    "utt2lang": "language",
    "utt2vad": "vad",
}


@dataclass(frozen=True)
class Prepared:
    """A corpus in sets: utterances of each, how many were kept out of train and dev, and what was dropped and why."""

    sets: dict[str, list[Utterance]]
    held_out: int
    dropped: dict[str, str]


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
    prepared = {name: split_corpus(name, corpus, max_dropped) for name, corpus in corpora.items()}
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
    write_text(output / "report.txt", "\n".join(report(name, one, corpora[name]) for name, one in prepared.items()))
    return sets


def split_corpus(name: str, corpus: Corpus, max_dropped: float) -> Prepared:
    """Leaves out what cannot be used, and sorts the rest into sets.

    Raises:
        UserError: More than the share `max_dropped` cannot be used, or the rest cannot be split.
    """
    listed = corpus.utterances()
    unusable = _unusable(listed)
    dropped = {**corpus.dropped, **{reason[0]: reason[1] for reason in unusable.values()}}
    if len(dropped) > max_dropped * (len(listed) + len(corpus.dropped)):
        some = "; ".join(f"{utt}: {reason}" for utt, reason in sorted(dropped.items())[:5])
        raise UserError(
            f"corpus {name}: {len(dropped)} of {len(listed) + len(corpus.dropped)} utterances cannot be used ({some}"
            f"{'; ...' if len(dropped) > 5 else ''}), more than {max_dropped:.0%}: repair them, or raise --max_dropped"
        )
    utterances = [utterance for index, utterance in enumerate(listed) if index not in unusable]
    sets = split(utterances, corpus.policy, corpus.units())
    chosen = {corpus.policy.unit(u) for group in sets.values() for u in group} if corpus.policy.held_out else set()
    held_out = sum(corpus.policy.unit(u) in chosen for u in utterances) - sum(map(len, sets.values())) if chosen else 0
    return Prepared(sets, held_out, dropped)


def _unusable(utterances: Sequence[Utterance]) -> dict[int, tuple[str, str]]:
    """Finds utterances without text or recording, ids and recordings that come twice: id and reason by index."""
    found: dict[int, tuple[str, str]] = {}
    ids: Counter[str] = Counter()
    sizes = Counter(u.audio.stat().st_size for u in utterances if u.audio and u.audio.is_file())
    contents: dict[str, str] = {}
    for index, utterance in enumerate(utterances):
        utt, audio = utterance.id, utterance.audio
        ids[utt] += 1
        if ids[utt] > 1:
            found[index] = (f"{utt} ({ids[utt]})", "duplicate id")
        elif not utterance.text.strip():
            found[index] = (utt, "empty text")
        elif audio and not audio.is_file():
            found[index] = (utt, f"missing recording: {audio}")
        elif audio and sizes[audio.stat().st_size] > 1:
            first = contents.setdefault(hashlib.sha256(audio.read_bytes()).hexdigest(), utt)
            if first != utt:
                found[index] = (utt, f"same recording as {first}")
    return found


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
    kinds = Counter(reason.partition(":")[0] for reason in prepared.dropped.values())
    counted = ", ".join(f"{kinds[kind]} {kind}" for kind in sorted(kinds))
    lines.append(f"dropped: {len(prepared.dropped)}{f' ({counted})' if counted else ''}")
    lines += [f"  {utt}: {reason}" for utt, reason in sorted(prepared.dropped.items())]
    return "\n".join(lines) + "\n"
