"""Stage 1: a corpus becomes Kaldi-style directories train, dev and test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

from espnet_mtl.corpora.base import Corpus, Utterance
from espnet_mtl.data.alignment import format_alignment
from espnet_mtl.data.kaldi import invert, whole_directory, write_table, write_text
from espnet_mtl.data.parallel import parallel_map
from espnet_mtl.data.split import assign, check_leakage, split_sentences

COLUMNS = {
    "wav.scp": "audio",
    "text": "text",
    "utt2spk": "speaker",
    "utt2emo": "emotion",
    "utt2lang": "language",
}


def prepare_data(corpus: Corpus, output: Path, nj: int = 1) -> dict[str, list[Utterance]]:
    """Writes `<output>/{train,dev,test}` and `<output>/report.txt`.

    Raises:
        UserError: The corpus cannot be read, or cannot be split as it asks for.
    """
    output = output.absolute()
    utterances = corpus.utterances()
    set_of = split_sentences({u.sentence for u in utterances}, corpus.policy, corpus.units())
    sets = assign(utterances, set_of, corpus.policy)
    check_leakage(sets, corpus.policy)
    with ExitStack() as stack:
        directories = {name: stack.enter_context(whole_directory(output / name)) for name in sets}
        tasks = [(u, directories[name] / "wav") for name, group in sets.items() for u in group]
        made = iter(list(parallel_map(partial(_materialize, corpus), tasks, nj, "stage 1")))
        for name, group in sets.items():
            directory = directories[name]
            done = islice(made, len(group))
            sets[name] = [replace(u, audio=_renamed(u, directory, output / name)) for u in done]
            write_directory(directory, sets[name])
    held_out = sum(u.sentence in set_of for u in utterances) - sum(map(len, sets.values()))
    write_text(output / "report.txt", report(sets, corpus, held_out))
    return sets


def write_directory(directory: Path, utterances: Iterable[Utterance]) -> None:
    """Writes the tables of one set; a missing label has no line, a table without lines is left out."""
    utterances = list(utterances)
    for table, attribute in COLUMNS.items():
        values = {u.id: getattr(u, attribute) for u in utterances if getattr(u, attribute) is not None}
        if values or table == "utt2emo":
            write_table(directory / table, values)
    write_table(directory / "spk2utt", invert({u.id: u.speaker for u in utterances}))
    aligned = {u.id: format_alignment(u.alignment) for u in utterances if u.alignment}
    if aligned:
        write_table(directory / "alignment", aligned)


def _materialize(corpus: Corpus, task: tuple[Utterance, Path]) -> Utterance:
    return corpus.materialize(*task)


def _renamed(utterance: Utterance, temporary: Path, final: Path) -> Path:
    """The path that the audio has once the temporary directory has its name."""
    assert utterance.audio is not None, f"{utterance.id} has no audio"
    if temporary in utterance.audio.parents:
        return final / utterance.audio.relative_to(temporary)
    return utterance.audio.absolute()


def report(sets: Mapping[str, Iterable[Utterance]], corpus: Corpus, held_out: int) -> str:
    """Says how many utterances each set, speaker and emotion has, and what was left out and why."""
    lines = []
    for name, group in sets.items():
        group = list(group)
        lines.append(f"{name}: {len(group)} utterances, {len({u.sentence for u in group})} sentences")
        counts = Counter((u.speaker, u.emotion or "unlabelled") for u in group)
        lines += [f"  {speaker} {emotion}: {counts[speaker, emotion]}" for speaker, emotion in sorted(counts)]
    pairs = ", ".join(sorted(f"{speaker} {emotion}" for speaker, emotion in corpus.policy.held_out))
    if pairs:
        lines.append(f"only in test: {pairs} ({held_out} utterances kept out of train and dev)")
    lines.append(f"dropped: {len(corpus.dropped)}")
    lines += [f"  {utt}: {reason}" for utt, reason in sorted(corpus.dropped.items())]
    return "\n".join(lines) + "\n"
