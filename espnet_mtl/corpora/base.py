"""What a corpus is to the rest of the code."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from espnet_mtl.data.alignment import Alignment
from espnet_mtl.data.split import SplitPolicy


@dataclass(frozen=True)
class Utterance:
    """One recording and what is known of it.

    Attributes:
        id: Unique; starts with the speaker, so that Kaldi's files sort alike.
        speaker: Who speaks.
        text: What is said.
        sentence: Identity of the text: equal for the same sentence in other voices or emotions.
        emotion: Its label, or None where unlabelled.
        language: A language code of espeak, such as `en-us`, or None.
        audio: The recording; None until `Corpus.materialize` made it.
        alignment: Phones with their ends in seconds, or None.
    """

    id: str
    speaker: str
    text: str
    sentence: str
    emotion: str | None = None
    language: str | None = None
    audio: Path | None = None
    alignment: Alignment | None = None


class Corpus(ABC):
    """A corpus: constructor arguments are its settings (`--corpus_conf key=value`).

    Attributes:
        policy: The split that suits it.
        dropped: Reason by utterance, for what `utterances` left out.
    """

    policy: SplitPolicy

    def __init__(self) -> None:
        self.dropped: dict[str, str] = {}

    @abstractmethod
    def utterances(self) -> list[Utterance]:
        """Lists every utterance, always in the same order.

        Raises:
            UserError: The corpus is not where its settings say, or a file of it cannot be read.
        """

    def units(self) -> dict[str, frozenset[str]]:
        """Names, per sentence, the units (phones) that training must have seen; empty = no demand."""
        return {}

    def materialize(self, utterance: Utterance, directory: Path) -> Utterance:
        """Returns the utterance with its audio; a corpus that makes its audio writes it under `directory`.

        Runs in worker processes: the result must depend on nothing but the arguments and the settings.
        """
        return utterance
