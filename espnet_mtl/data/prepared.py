"""What stage 1 has made of a corpus, and its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from espnet_mtl.corpora.base import Corpus, Utterance
from espnet_mtl.corpora.split import SETS
from espnet_mtl.system.unicode import printable


@dataclass(frozen=True)
class Prepared:
    """A corpus in sets.

    Attributes:
        sets: Utterances of each.
        held_out: How many were kept out of train and dev.
        dropped: Reason by utterance, for what cannot be used.
        usable: How many can, whether the split takes them or not.
    """

    sets: dict[str, list[Utterance]]
    held_out: int
    dropped: Mapping[str, str]
    usable: int


def report(name: str, prepared: Prepared, corpus: Corpus) -> str:
    """Says how many utterances each set, speaker and emotion has, and what was left out and why."""
    lines = [f"corpus {name}"]
    for set_name, group in prepared.sets.items():
        sentences = {utterance.sentence for utterance in group}
        lines.append(f"{set_name}: {len(group)} utterances, {len(sentences)} sentences")
        counts = Counter((utterance.speaker, utterance.emotion or "unlabelled") for utterance in group)
        lines += [f"  {speaker} {emotion}: {counts[speaker, emotion]}" for speaker, emotion in sorted(counts)]
    pairs = sorted(f"{speaker} {emotion}" for speaker, emotion in corpus.policy.held_out)
    if pairs:
        kept_out = f"{prepared.held_out} utterances kept out of train and dev"
        lines.append(f"only in test: {', '.join(pairs)} ({kept_out})")
    lines += [*_shared_lines(prepared.sets), *dropped_lines(prepared.dropped)]
    return "\n".join(lines) + "\n"


def _shared_lines(sets: Mapping[str, Sequence[Utterance]]) -> list[str]:
    """Says which sentences, dialogues and speakers of dev and test are in train as well."""
    train, *others = SETS
    lines = []
    for kind in ("sentence", "dialogue", "speaker"):
        values = {}
        for name in SETS:
            values[name] = {getattr(utterance, kind) for utterance in sets[name]} - {None, ""}
        counts = []
        for name in others:
            if values[name]:
                in_train = values[name] & values[train]
                counts.append(f"{len(in_train)} of {len(values[name])} in {name}")
        if counts:
            lines.append(f"{kind}s that are also in train: {', '.join(counts)}")
    return lines


def dropped_lines(dropped: Mapping[str, str]) -> list[str]:
    """Says how many utterances were dropped for each kind of reason, and names each with its reason."""
    kinds = Counter(reason.partition(":")[0] for reason in dropped.values())
    counted = ", ".join(f"{kinds[kind]} {kind}" for kind in sorted(kinds))
    total = f"dropped: {len(dropped)}" + (f" ({counted})" if counted else "")
    return [total, *(printable(f"  {utt}: {reason}") for utt, reason in sorted(dropped.items()))]
