"""What a corpus is to the rest of the code."""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from espnet_mtl.config.fields import Options, options_of_constructor
from espnet_mtl.corpora.alignment import Alignment
from espnet_mtl.corpora.split import SplitPolicy
from espnet_mtl.errors import UserError, shown
from espnet_mtl.system.unicode import normal_name
from espnet_mtl.text.faults import text_fault
from espnet_mtl.text.normal import normal_text
from espnet_mtl.text.tokens import Tokenizer

SUFFIXES = (".wav", ".flac")
"""What names of recordings end with."""
PROJECT_NAMES = {
    **dict.fromkeys(("ang", "anger"), "angry"),
    **dict.fromkeys(("hap", "happiness"), "happy"),
    **dict.fromkeys(("neu",), "neutral"),
    **dict.fromkeys(("sadness",), "sad"),
    **dict.fromkeys(("fea", "fear"), "fearful"),
    **dict.fromkeys(("dis", "disgust"), "disgusted"),
    **dict.fromkeys(("sur", "surprise"), "surprised"),
    **dict.fromkeys(("boredom",), "bored"),
    **dict.fromkeys(("exc",), "excited"),
    **dict.fromkeys(("fru",), "frustrated"),
    **dict.fromkeys(("oth",), "other"),
}
"""One name for what corpora write differently, so that their label tables merge. Other names stay as they are."""


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
        dialogue: Conversation or scenario that it is part of, or None.
        session: Recording session, or None.
        split: Set that the corpus itself puts it in, or None.
        vad: Valence, activation (arousal) and dominance, or None.
        gender: `f` or `m`, or None.
        intensity: How strongly the emotion is acted, such as `low` or `strong`, or None.
        emotion_voice: As `emotion`: what raters said who only heard the utterance, or None.
        emotion_face: The same of raters who only saw it, or None.
        visual: A picture, a video or an array of the speaker's face, or None.
    """

    id: str
    speaker: str
    text: str
    sentence: str
    emotion: str | None = None
    language: str | None = None
    audio: Path | None = None
    alignment: Alignment | None = None
    dialogue: str | None = None
    session: str | None = None
    split: str | None = None
    vad: tuple[float, float, float] | None = None
    gender: str | None = None
    intensity: str | None = None
    emotion_voice: str | None = None
    emotion_face: str | None = None
    visual: Path | None = None


class Corpus(ABC):
    """A corpus: constructor arguments are its settings (`--corpus_conf key=value`).

    Attributes:
        policy: The split that suits it.
        dropped: Reason by utterance, for what `utterances` left out.
    """

    policy: SplitPolicy

    def __init__(self) -> None:
        self.dropped: dict[str, str] = {}

    @classmethod
    def options_class(cls) -> type[Options]:
        """Its settings: the arguments of its constructor."""
        return options_of_constructor(cls, Options, fixed=())

    @abstractmethod
    def utterances(self) -> list[Utterance]:
        """Lists every utterance, always in the same order.

        Raises:
            UserError: The corpus is not where its settings say, or a file of it cannot be read.
        """

    def named(
        self, directory: Path, name: re.Pattern[str], form: str, suffixes: Sequence[str] = SUFFIXES
    ) -> Iterator[tuple[Path, re.Match[str]]]:
        """Yields the recordings below a directory whose names match; the others are dropped.

        Args:
            directory: Where to look.
            name: What a whole name without its suffix matches.
            form: How to say that.
            suffixes: What names of recordings end with.
        """
        for path in recordings(directory, suffixes):
            parts = name.fullmatch(path.stem)
            if parts:
                yield path, parts
            else:
                self.dropped[path.stem] = f"name is not {form}"

    def units(self, utterances: Sequence[Utterance]) -> dict[str, frozenset[str]]:
        """Names, per sentence of the utterances, the units (phones) that training must have seen; empty = no demand."""
        return {}

    def materialize(self, utterance: Utterance, directory: Path) -> Utterance:
        """Returns the utterance with its audio; a corpus that makes its audio writes it under `directory`.

        Runs in worker processes: the result must depend on nothing but the arguments and the settings.

        Raises:
            UnusableAudio: It cannot be made: the utterance is dropped, with the reason.
        """
        return utterance


def find_root(corpus: str, root: str | Path | None) -> Path:
    """Returns the directory of a corpus.

    Raises:
        UserError: It is not set, or is no directory.
    """
    how = f"set {corpus.upper()} in db.sh, or root=... in --corpus_conf"
    if not root:
        raise UserError(f"corpus {corpus}: its directory is not set: {how}")
    if not isinstance(root, (str, Path)):
        raise UserError(f"corpus {corpus}: root: expected a directory, got {shown(root)}: {how}")
    if not Path(root).is_dir():
        raise UserError(f"corpus {corpus}: {root} is no directory: {how}")
    return Path(root)


def emotion_name(label: str) -> str:
    """Returns the project's name of a corpus' emotion label, in lower case."""
    label = normal_name(label.lower())
    return PROJECT_NAMES.get(label, label)


def normalized(text: str) -> str:
    """Returns the identity of a text: its letters and digits in lower case, however Unicode composes them."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", normal_text(text)).lower()))


def with_speaker(name: str, speaker: str) -> str:
    """Returns an utterance id that starts with the speaker."""
    return name if name.startswith(speaker) else f"{speaker}_{name}"


def on_disk(path: Path) -> Path:
    """Returns a path in the form of Unicode that the disk has it in: an archive made on macOS has decomposed names."""
    for form in ("NFC", "NFD"):
        other = Path(unicodedata.normalize(form, str(path)))
        if not path.exists() and other.exists():
            return other
    return path


def recordings(directory: Path, suffixes: Sequence[str] = SUFFIXES) -> list[Path]:
    """Lists the files below a directory that end so, by name.

    Raises:
        UserError: There is none.
    """
    found = [path for path in directory.rglob("*") if path.suffix.lower() in suffixes]
    found.sort(key=lambda path: (path.stem, str(path)))
    if not found:
        raise UserError(f"{directory}: no {' or '.join(suffixes)} file below it")
    return found


def phones_of(utterances: Iterable[Utterance]) -> dict[str, frozenset[str]]:
    """Names the phones of every sentence of utterances that have a language, in which espeak can read them."""
    texts: dict[str, tuple[str, str]] = {}
    for utterance in utterances:
        if utterance.language and not text_fault(utterance.text, utterance.language):
            texts[utterance.sentence] = (utterance.text, utterance.language)
    phones = {}
    for sentence, (text, language) in texts.items():
        spoken = Tokenizer("phn", language, punctuation=False).phones(text, language)
        phones[sentence] = frozenset(phone for phone, _ in spoken)
    return phones
