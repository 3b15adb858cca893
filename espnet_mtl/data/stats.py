"""Token list, label tables and statistics of the training set (stage 4)."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import kaldiio
import numpy as np

from espnet_mtl.data.kaldi import read_optional, read_table, write_table
from espnet_mtl.errors import UserError, one_of
from espnet_mtl.labels import TABLES, ClassLabel
from espnet_mtl.system.files import require, whole_directory, write_text
from espnet_mtl.system.progress import progress
from espnet_mtl.training.fine_tuning import BaseModel, joined

SETS = ("train", "dev")
TOKEN_TYPES = ("phn", "char", "bpe")
MOMENTS = ("feats", "pitch", "energy")
SPACE = "<space>"
SPECIAL = ("<blank>", "<unk>", "<sos/eos>")


def text_file(token_type: str) -> str:
    """Names the file of a dump directory that holds the text as this token type takes it."""
    return "phones" if token_type == "phn" else "text"


def tokens_of(text: str, token_type: str) -> list[str]:
    """Splits a line of `text_file` into tokens as ESPnet's tokenizers do ("bpe" needs the model and is not here)."""
    if token_type == "phn":
        return text.split()
    return [SPACE if char == " " else char for char in text]


def write_token_list(
    dump: Path, output: Path, token_type: str, vocab_size: int = 100, base: BaseModel | None = None
) -> None:
    """Writes `tokens.txt` (and `bpe.model`): blank, unknown, the tokens of the training set, start/end.

    Args:
        dump: `dump/raw`.
        output: The directory to make, e.g. `dump/token_list/phn`.
        token_type: "phn", "char" or "bpe".
        vocab_size: Pieces of the sentencepiece model.
        base: A model to go on from: its tokens come first, and its sentencepiece model stays.

    Raises:
        UserError: An unknown token type, or not that of `base`, a missing input, or a text too small for the
            vocabulary.
    """
    if token_type not in TOKEN_TYPES:
        raise one_of("token type", token_type, TOKEN_TYPES)
    source = dump / "train" / text_file(token_type)
    texts = read_table(source, "stage 3").values()
    known = []
    if base:
        base.check_tokens(token_type)
        known = [token for token in base.names("token") if token not in SPECIAL]
    with whole_directory(output) as directory:
        if token_type == "bpe" and base:
            shutil.copyfile(base.file("bpe.model"), directory / "bpe.model")
            tokens = []
        elif token_type == "bpe":
            tokens = _train_bpe(texts, directory / "bpe", vocab_size)
        else:
            tokens = sorted({token for text in texts for token in tokens_of(text, token_type)})
        blank, unknown, end = SPECIAL
        write_text(directory / "tokens.txt", "\n".join([blank, unknown, *joined(known, tokens), end]) + "\n")


def _train_bpe(texts: Iterable[str], prefix: Path, vocab_size: int) -> list[str]:
    import sentencepiece

    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_prefix=str(prefix),
            vocab_size=vocab_size,
            model_type="bpe",
            character_coverage=1.0,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise UserError(f"sentencepiece: {error}; choose another vocab_size than {vocab_size}") from error
    model = sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")
    control = {"<unk>", "<s>", "</s>"}
    return [piece for piece in map(model.id_to_piece, range(model.vocab_size())) if piece not in control]


def write_tables(dump: Path, output: Path, base: BaseModel | None = None) -> None:
    """Writes the ordered names of speakers, emotions and languages, one a line, each a file of `output`.

    Those of a model to go on from, `base`, come first.
    """
    with whole_directory(output) as directory:
        for name, label in TABLES.items():
            # A split by speaker has speakers and languages of its own in dev; other labels unknown there are none.
            sets = SETS if label.spoken_by_new else SETS[:1]
            found = sorted({name for part in sets for name in _classes(dump / part / label.file, label)})
            known = base.names(label.name) if base else []
            write_text(directory / f"{name}.txt", "".join(f"{name}\n" for name in joined(known, found)))


def _classes(path: Path, label: ClassLabel) -> set[str]:
    """Names the classes of a label file.

    Raises:
        UserError: A line that is no label; the message names the file and the utterance.
    """
    names: set[str] = set()
    for utt, line in read_optional(path).items():
        try:
            names.update(label.classes_in(line))
        except UserError as error:
            raise UserError(f"{path}: utterance {utt}: {error}") from error
    return names


class Moments:
    """Count, sum and sum of squares over time, as ESPnet's `GlobalMVN` reads them."""

    def __init__(self) -> None:
        self.count, self.sum, self.sum_square = 0, np.zeros(()), np.zeros(())

    def add(self, values: np.ndarray) -> None:
        """Adds (T, D) values."""
        values = values.astype(np.float64)
        self.count += len(values)
        self.sum = self.sum + values.sum(0)
        self.sum_square = self.sum_square + (values**2).sum(0)

    def save(self, path: Path) -> None:
        """Writes the npz file."""
        total, square = (values.astype(np.float32) for values in (self.sum, self.sum_square))
        np.savez(path, count=self.count, sum=total, sum_square=square)


def collect_stats(dump: Path, output: Path, token_type: str, base: BaseModel | None = None) -> None:
    """Writes statistics and shapes of the training and development sets.

    Args:
        dump: `dump/raw`.
        output: `exp/stats`: `train/` gets feats_stats.npz, pitch_stats.npz and energy_stats.npz; both sets get
            text_shape and speech_shape.
        token_type: "phn", "char" or "bpe" (for the text's length).
        base: A model to go on from: its statistics stay, since its weights are made for them.
    """
    require((dump / name / "pitch.scp" for name in SETS), "stage 3")
    with whole_directory(output) as directory:
        for name in SETS:
            (directory / name).mkdir()
            _collect_set(dump / name, directory / name, token_type)
        if base:
            for name in MOMENTS:
                shutil.copyfile(base.file(f"{name}_stats.npz"), directory / "train" / f"{name}_stats.npz")


def _collect_set(dump: Path, output: Path, token_type: str) -> None:
    moments = {name: Moments() for name in MOMENTS}
    arrays: Mapping[str, Mapping[str, np.ndarray]] = {
        name: kaldiio.load_scp(str(dump / f"{name}.scp")) for name in moments
    }
    texts = read_table(dump / text_file(token_type), "stage 3")
    shapes = {}
    for utt in progress(sorted(texts), f"statistics of {dump.name}", len(texts)):
        for name, moment in moments.items():
            moment.add(arrays[name][utt])
        shapes[utt] = "{},{}".format(*arrays["feats"][utt].shape)
    for name, moment in moments.items():
        moment.save(output / f"{name}_stats.npz")
    write_table(output / "speech_shape", shapes)
    write_table(output / "text_shape", {utt: len(tokens_of(text, token_type)) for utt, text in texts.items()})
