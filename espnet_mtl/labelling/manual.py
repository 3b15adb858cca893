"""Labels that people give to recordings, each saved when it is given."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from espnet_mtl.data.kaldi import read_labels, read_optional, read_table, write_table
from espnet_mtl.errors import UserError, one_of
from espnet_mtl.evaluation.speech_set import read_speech_set
from espnet_mtl.labelling.pseudo import MANUAL_LABELS
from espnet_mtl.labels import CLASS_LABELS
from espnet_mtl.system.files import locked, require


class ManualLabels:
    """The utterances of `<output>/least_certain` in that order, and the labels that people gave.

    All state is on disk: a label stands in `<output>/utt2emo_by_hand` and in `<output>/utt2emo` once `save` returns.

    Args:
        directory: The recordings.
        output: What `espnet_mtl.bin.label` wrote.

    Raises:
        UserError: A table is missing, or an utterance has no recording.
    """

    def __init__(self, directory: Path, output: Path):
        require([output / name for name in ("least_certain", "utt2emo")], "espnet_mtl.bin.label without --listen")
        speech = read_speech_set(directory, "stage 1 or 2")
        self.output = output
        self.queue = list(read_table(output / "least_certain"))
        self.wavs = dict(zip(speech.utts, speech.wavs, strict=True))
        self.texts = dict(zip(speech.utts, speech.texts, strict=True))
        emotion = CLASS_LABELS["emotion"]
        labels = read_labels(output / "utt2emo", emotion).values()
        classes = map(emotion.classes_in, labels)
        self.emotions = sorted(set(chain.from_iterable(classes)))
        if lacking := [utt for utt in self.queue if utt not in self.wavs]:
            raise UserError(f"{output / 'least_certain'}: {lacking[0]} is not in {directory / 'wav.scp'}")

    def labels(self) -> dict[str, str]:
        """The labels that people have given so far."""
        return read_optional(self.output / MANUAL_LABELS)

    def next(self, position: int = 0) -> int:
        """The first position without a label, from `position` on; the length of the queue where there is none."""
        labels = self.labels()
        while position < len(self.queue) and self.queue[position] in labels:
            position += 1
        return position

    def save(self, utt: str, emotion: str) -> None:
        """Writes a label to disk, in place of the machine's or of an earlier one.

        Raises:
            UserError: An emotion or an utterance that there is not.
        """
        if emotion not in self.emotions:
            raise one_of("emotion", emotion, self.emotions)
        if utt not in self.wavs:
            raise UserError(f"utterance {utt!r} is not among the recordings")
        with locked(self.output / MANUAL_LABELS):
            write_table(self.output / MANUAL_LABELS, {**self.labels(), utt: emotion})
            write_table(self.output / "utt2emo", {**read_table(self.output / "utt2emo"), utt: emotion})
