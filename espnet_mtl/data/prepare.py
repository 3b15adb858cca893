"""Stage 1: a corpus becomes Kaldi-style directories train, dev and test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from espnet_mtl.corpora.alignment import format_alignment
from espnet_mtl.corpora.base import Corpus, Utterance
from espnet_mtl.corpora.split import SETS, check_filled, split
from espnet_mtl.data.dump import (
    ALIGNMENT,
    DROPPED,
    REPORT,
    SPK2UTT,
    TEXT,
    UTT2EMO,
    VISUAL_SCP,
    WAV_SCP,
)
from espnet_mtl.data.kaldi import Label, invert, normal_label, write_table
from espnet_mtl.data.prepared import Prepared, dropped_lines, report
from espnet_mtl.data.provenance.notes import Note, whole_sets, write_note
from espnet_mtl.data.unusable import find_unusable
from espnet_mtl.errors import UserError
from espnet_mtl.labels import LABELS, ClassLabel
from espnet_mtl.system.audio_files import UnusableAudio
from espnet_mtl.system.files import locked, remove, write_text
from espnet_mtl.system.parallel.mapping import parallel_map
from espnet_mtl.system.unicode import normal_name, printable
from espnet_mtl.text.normal import normal_text

LABEL_OF_FILE = {label.file: label for label in LABELS.values() if label.file}
COLUMNS = {
    WAV_SCP: "audio",
    TEXT: "text",
    **{file: label.name for file, label in LABEL_OF_FILE.items()},
    VISUAL_SCP: "visual",
}
"""Attribute of an utterance that each table holds."""
MOST_NAMED = 5


def prepare_data(
    corpora: Mapping[str, Corpus],
    output: Path,
    nj: int = 1,
    max_dropped: float = 0.05,
    language: str = "en-us",
    token_type: str = "phn",
    settings: Mapping[str, Any] | None = None,
) -> dict[str, list[Utterance]]:
    """Writes `<output>/{train,dev,test}` and `<output>/report.txt`.

    Where there are several corpora, each is split on its own, and its name stands before its utterances and speakers.

    Args:
        corpora: Corpora by name.
        output: Where to write.
        nj: Processes.
        max_dropped: Largest share of a corpus' utterances that may be unusable.
        language: espeak's language of utterances that name none.
        token_type: "phn", "char" or "bpe": for phones, espeak must be able to read the texts.
        settings: What the corpora were built with, for the note of the stage.

    Raises:
        UserError: A corpus cannot be read, cannot be split as it asks for, or loses too much.
    """
    output = output.absolute()
    listed = {}
    for name, corpus in corpora.items():
        listed[name] = [clean(utterance) for utterance in corpus.utterances()]
    unusable = find_unusable(listed, language, token_type)
    prepared = {}
    for name, corpus in corpora.items():
        usable = [utterance for index, utterance in enumerate(listed[name]) if index not in unusable[name]]
        dropped = {**corpus.dropped, **dict(unusable[name].values())}
        _check_loss(name, dropped, len(usable), max_dropped, output / DROPPED)
        prepared[name] = split_corpus(usable, corpus, dropped)
    with locked(output):
        sets, prepared = _write_sets(corpora, prepared, output, nj, max_dropped)
        remove(output / DROPPED)
        write_text(output / REPORT, "\n".join(report(name, prepared[name], corpora[name]) for name in corpora))
        write_note(output, Note(1, settings or {}))
    return sets


def _write_sets(
    corpora: Mapping[str, Corpus], prepared: Mapping[str, Prepared], output: Path, nj: int, max_dropped: float
) -> tuple[dict[str, list[Utterance]], dict[str, Prepared]]:
    """Makes the audio of all sets, and writes each set; all take their names when the last one is whole.

    Returns:
        The sets as they were written, and by corpus, with what could not be made among what was dropped.
    """
    prefixes = {name: name if len(corpora) > 1 else "" for name in corpora}
    sets: dict[str, list[Utterance]] = {}
    recordings: set[Path] = set()
    for of_corpus in prepared.values():
        for utterances in of_corpus.sets.values():
            for utterance in utterances:
                recordings.update(path for path in (utterance.audio, utterance.visual) if path)
    with whole_sets(output, SETS, 1, recordings) as directories:
        audio = {set_name: directory / "wav" for set_name, directory in directories.items()}
        made = _make_audio(corpora, prepared, audio, prefixes, nj)
        for name, of_corpus in made.items():
            _check_loss(name, of_corpus.dropped, of_corpus.usable, max_dropped, output / DROPPED)
            _check_left(name, of_corpus, output / DROPPED)
        for set_name, directory in directories.items():
            sets[set_name] = []
            for name in corpora:
                for utterance in made[name].sets[set_name]:
                    sets[set_name].append(_placed(utterance, directory, output / set_name, prefixes[name]))
            write_directory(directory, sets[set_name])
    return sets, made


def _make_audio(
    corpora: Mapping[str, Corpus],
    prepared: Mapping[str, Prepared],
    directories: Mapping[str, Path],
    prefixes: Mapping[str, str],
    nj: int,
) -> dict[str, Prepared]:
    """Lets the corpora make the audio of each set in its directory; what cannot be made is dropped."""
    tasks = []
    for set_name in SETS:
        for name, corpus in corpora.items():
            audio = directories[set_name] / prefixes[name]
            tasks += [(corpus, utterance, audio) for utterance in prepared[name].sets[set_name]]
    # One pool of processes for all sets: its results come in the order of the tasks. The list waits for all of
    # them, so that none writes on where an error clears the directories.
    results = iter(list(parallel_map(_materialize, tasks, nj, "stage 1")))
    sets: dict[str, dict[str, list[Utterance]]] = {name: {} for name in corpora}
    dropped = {name: dict(prepared[name].dropped) for name in corpora}
    for set_name in SETS:
        for name in corpora:
            wanted = prepared[name].sets[set_name]
            sets[name][set_name] = []
            for utterance, result in zip(wanted, islice(results, len(wanted)), strict=True):
                if isinstance(result, str):
                    dropped[name][utterance.id] = result
                else:
                    sets[name][set_name].append(result)
    made = {}
    for name, before in prepared.items():
        lost = len(dropped[name]) - len(before.dropped)
        made[name] = replace(before, sets=sets[name], dropped=dropped[name], usable=before.usable - lost)
    return made


def clean(utterance: Utterance) -> Utterance:
    """Brings id, names and text of an utterance into their one form, fit for tables.

    Raises:
        UserError: A label is none, or nothing of the id can be seen.
    """
    utt = normal_name(utterance.id)
    if not utt:
        raise UserError(f"utterance {utterance.id!r}: none of the characters of its id can be seen")
    names: dict[str, Any] = {}
    for table, attribute in COLUMNS.items():
        label, name = LABEL_OF_FILE.get(table), getattr(utterance, attribute)
        if isinstance(label, ClassLabel) and name is not None:
            names[attribute] = _normal_label(label, name, utt)
    return replace(utterance, id=utt, text=normal_text(utterance.text), **names)


def _normal_label(label: Label, line: str, utt: str) -> str:
    """Returns a label in its one form; its mistakes name the utterance."""
    try:
        return normal_label(label, line)
    except UserError as error:
        raise UserError(f"utterance {utt}: {error}") from error


def _check_loss(name: str, dropped: Mapping[str, str], kept: int, max_dropped: float, path: Path) -> None:
    """Stops where more than the share `max_dropped` cannot be used; `path` then lists it."""
    total = kept + len(dropped)
    if len(dropped) <= max_dropped * total:
        return
    raise UserError(
        f"{_loss(name, dropped, kept, path)}, more than {max_dropped:.0%}: repair them, or raise --max_dropped"
    )


def _check_left(name: str, made: Prepared, path: Path) -> None:
    """Stops where nothing of a set could be made; `path` then lists what could not."""
    try:
        check_filled(made.sets)
    except UserError as error:
        raise UserError(f"{error}; {_loss(name, made.dropped, made.usable, path)}") from error


def _loss(name: str, dropped: Mapping[str, str], kept: int, path: Path) -> str:
    """Says what of a corpus cannot be used, and lists all of it in the file `path`."""
    write_text(path, "\n".join([f"corpus {name}", *dropped_lines(dropped)]) + "\n")
    some = printable("; ".join(f"{utt}: {dropped[utt]}" for utt in sorted(dropped)[:MOST_NAMED]))
    return f"corpus {name}: {len(dropped)} of {kept + len(dropped)} utterances cannot be used ({some}; all: {path})"


def split_corpus(utterances: Sequence[Utterance], corpus: Corpus, dropped: Mapping[str, str]) -> Prepared:
    """Sorts the usable utterances of a corpus into sets.

    Raises:
        UserError: They cannot be split as the corpus asks for.
    """
    sets = split(utterances, corpus.policy, corpus.units(utterances))
    return Prepared(sets, _count_held_out(utterances, sets, corpus), dropped, len(utterances))


def _count_held_out(utterances: Sequence[Utterance], sets: Mapping[str, list[Utterance]], corpus: Corpus) -> int:
    """Counts the utterances of held-out pairs whose sentences are in train or dev, so that they are in no set."""
    policy = corpus.policy
    if not policy.held_out:
        return 0
    in_sets = list(chain.from_iterable(sets.values()))
    # The policy may take fewer sentences than there are; the others are not held out, but not wanted.
    chosen = {policy.unit(utterance) for utterance in in_sets}
    wanted = [utterance for utterance in utterances if policy.unit(utterance) in chosen]
    return len(wanted) - len(in_sets)


def _materialize(task: tuple[Corpus, Utterance, Path]) -> Utterance | str:
    """Returns the utterance with its audio, or the reason why there is none."""
    corpus, utterance, directory = task
    try:
        return corpus.materialize(utterance, directory)
    except UnusableAudio as error:
        return str(error)


def _placed(utterance: Utterance, temporary: Path, final: Path, corpus: str) -> Utterance:
    """Gives an utterance its corpus' name, and its files the paths that they have once `temporary` is renamed."""
    assert utterance.audio is not None, f"{utterance.id} has no audio"
    audio = _final_path(utterance.audio, temporary, final)
    visual = utterance.visual and _final_path(utterance.visual, temporary, final)
    placed = replace(utterance, audio=audio, visual=visual)
    if not corpus:
        return placed
    return replace(placed, id=f"{corpus}_{utterance.id}", speaker=f"{corpus}_{utterance.speaker}")


def _final_path(path: Path, temporary: Path, final: Path) -> Path:
    return final / path.relative_to(temporary) if temporary in path.parents else path.absolute()


def write_directory(directory: Path, utterances: Iterable[Utterance]) -> None:
    """Writes the tables of one set; a missing label has no line, a table without lines is left out."""
    utterances = list(utterances)
    for table, attribute in COLUMNS.items():
        known = {utterance.id: getattr(utterance, attribute) for utterance in utterances}
        lines = {utt: _field(value) for utt, value in known.items() if value is not None}
        if label := LABEL_OF_FILE.get(table):
            lines = {utt: _normal_label(label, line, utt) for utt, line in lines.items()}
        if lines or table == UTT2EMO:
            write_table(directory / table, lines)
    write_table(directory / SPK2UTT, invert({utterance.id: utterance.speaker for utterance in utterances}))
    aligned = {utterance.id: format_alignment(utterance.alignment) for utterance in utterances if utterance.alignment}
    if aligned:
        write_table(directory / ALIGNMENT, aligned)


def _field(value: object) -> str:
    return " ".join(str(number) for number in value) if isinstance(value, tuple) else str(value)
