"""Token list, label tables and statistics of the training set (stage 4)."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from espnet_mtl.corpora.split import SETS
from espnet_mtl.data.arks import Matrices
from espnet_mtl.data.dump import PITCH_SCP, TRAIN_AND_DEV, UNVOICED, text_file
from espnet_mtl.data.kaldi import read_labels, read_optional, read_table, write_table
from espnet_mtl.data.provenance.notes import Note, digests, write_note
from espnet_mtl.errors import UserError
from espnet_mtl.labels import TABLES
from espnet_mtl.system.files import require, whole_directory, write_text
from espnet_mtl.system.progress import progress
from espnet_mtl.system.unicode import normal_name
from espnet_mtl.text.tokens import Tokenizer, unknown_tokens

FEATURES = ("feats", "pitch", "energy")
"""What statistics are made of: `<name>.scp` of a set gives `<name>_stats.npz`."""

TOKENS = "tokens.txt"
BPE_MODEL = "bpe.model"
UNKNOWN_TOKENS = "unknown_tokens.txt"
"""Beside the token list: the utterances with tokens that are not in it, where there are any."""
BLANK, UNKNOWN, END = "<blank>", "<unk>", "<sos/eos>"
"""Tokens of their own, first, second and last of a token list."""
SENTENCEPIECE_SPECIAL = ("<unk>", "<s>", "</s>")
MOST_NAMED = 5
LEAST_VARIANCE = 1e-6
"""Relative to the mean square: less is lost in the rounding to 32 bits of the sums that ESPnet takes it from."""

ZEROS = -9.99
"""ESPnet's floor of log-mel (1e-10) is below it: frames of nothing else are digital silence, which nobody recorded."""


def joined(known: Iterable[str], found: Iterable[str]) -> list[str]:
    """Returns the known names in their order, then the others found."""
    return list(dict.fromkeys([*known, *found]))


def write_token_list(
    dump: Path,
    output: Path,
    tokenizer: Tokenizer,
    vocab_size: int = 100,
    known: Sequence[str] = (),
    bpemodel: Path | None = None,
) -> None:
    """Writes `tokens.txt` (and `bpe.model`): blank, unknown, the tokens of the training set, start/end.

    Utterances of any set whose tokens are not in the list, so that a model reads them as unknown, are named on stderr
    and in `unknown_tokens.txt`.

    Args:
        dump: `dump/raw`.
        output: The directory to make, e.g. `dump/token_list/phn`.
        tokenizer: How texts become tokens.
        vocab_size: Pieces of the sentencepiece model.
        known: Token list of a pretrained model: its tokens come first.
        bpemodel: Sentencepiece model of a pretrained model, which is taken over; None: one is trained.

    Raises:
        UserError: A missing input, or a text too small for the vocabulary.
    """
    lines = read_table(dump / "train" / text_file(tokenizer.token_type), "stage 3")
    with whole_directory(output) as directory:
        if tokenizer.token_type == "bpe":
            model = directory / BPE_MODEL
            found = _bpe_pieces(model, lines.values(), tokenizer, vocab_size, bpemodel)
            tokenizer = Tokenizer("bpe", tokenizer.language, tokenizer.cleaner, model, tokenizer.punctuation)
        else:
            found = _all_tokens(lines.values(), tokenizer)
        special = (BLANK, UNKNOWN, END)
        kept = [token for token in known if token not in special]
        token_list = [BLANK, UNKNOWN, *joined(kept, found), END]
        write_text(directory / TOKENS, "".join(f"{token}\n" for token in token_list))
        _report_unknown(dump, directory, output, tokenizer, token_list)


def _all_tokens(lines: Iterable[str], tokenizer: Tokenizer) -> list[str]:
    tokens: set[str] = set()
    for line in lines:
        tokens.update(tokenizer.tokens(line))
    return sorted(tokens)


def _bpe_pieces(
    model: Path, lines: Iterable[str], tokenizer: Tokenizer, vocab_size: int, bpemodel: Path | None
) -> list[str]:
    """Makes the sentencepiece model and returns its pieces; those of one taken over are in its token list."""
    if bpemodel:
        shutil.copyfile(bpemodel, model)
        return []
    texts = [tokenizer.clean(line) for line in lines]
    return _train_bpe(texts, model, vocab_size)


def _train_bpe(texts: Iterable[str], path: Path, vocab_size: int) -> list[str]:
    import sentencepiece

    file = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=file,
            vocab_size=vocab_size,
            model_type="bpe",
            character_coverage=1.0,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise UserError(f"sentencepiece: {error}; choose another vocab_size than {vocab_size}") from error
    path.write_bytes(file.getvalue())
    model = sentencepiece.SentencePieceProcessor(model_proto=file.getvalue())
    pieces = [model.id_to_piece(number) for number in range(model.vocab_size())]
    return [piece for piece in pieces if piece not in SENTENCEPIECE_SPECIAL]


def _report_unknown(dump: Path, directory: Path, output: Path, tokenizer: Tokenizer, token_list: Sequence[str]) -> None:
    """Names the utterances with tokens that are not in the list; `output` is the directory's name when it is whole."""
    reports = []
    for name in SETS:
        lines = read_optional(dump / name / text_file(tokenizer.token_type))
        for utt, line in lines.items():
            unknown = unknown_tokens(tokenizer.tokens(line), token_list)
            if unknown:
                reports.append(f"{name} {utt}: {' '.join(unknown)}")
    if not reports:
        return
    write_text(directory / UNKNOWN_TOKENS, "\n".join(reports) + "\n")
    print(
        f"tokens that train lacks are read as {UNKNOWN} in {len(reports)} utterances "
        f"({'; '.join(islice(reports, MOST_NAMED))}; all: {output / UNKNOWN_TOKENS})",
        file=sys.stderr,
    )


def write_tables(dump: Path, output: Path, known: Mapping[str, Sequence[str]] | None = None) -> None:
    """Writes the ordered names of the classes of each label, one a line, each a file of `output`.

    Args:
        dump: `dump/raw`.
        output: The directory to make, e.g. `dump/tables`.
        known: Names of a pretrained model by table, such as "speakers": they come first.

    Raises:
        UserError: A line of a label file is no label.
    """
    known = known or {}
    with whole_directory(output) as directory:
        for table, label in TABLES.items():
            # A split by speaker has speakers and languages of its own in dev; other labels unknown there are none.
            sets = TRAIN_AND_DEV if label.spoken_by_new else TRAIN_AND_DEV[:1]
            found: set[str] = set()
            for name in sets:
                for line in read_labels(dump / name / label.file, label).values():
                    found.update(label.classes_in(line))
            own = known.get(table, ())
            spelled = {normal_name(name) for name in own}  # models of before may have them in other forms
            names = joined(own, sorted(found - spelled))
            write_text(directory / f"{table}.txt", "".join(f"{name}\n" for name in names))


class Moments:
    """Count, sum and sum of squares over time, as ESPnet's `GlobalMVN` reads them."""

    def __init__(self) -> None:
        self.count = 0
        self.sum = np.zeros(())
        self.sum_square = np.zeros(())

    def add(self, values: np.ndarray) -> None:
        """Adds (T, D) values.

        Raises:
            UserError: One of them is not finite.
        """
        values = values.astype(np.float64)
        if not np.isfinite(values).all():
            raise UserError("NaN or infinity among its values")
        self.count += len(values)
        self.sum = self.sum + values.sum(0)
        self.sum_square = self.sum_square + (values**2).sum(0)

    def save(self, path: Path) -> None:
        """Writes the npz file.

        A dimension that never changes gets a standard deviation of 1: ESPnet would divide what is left of it after
        rounding by one of 1e-10.
        """
        with_variance_1 = self.sum**2 / max(self.count, 1) + self.count
        sum_square = np.where(self.constant, with_variance_1, self.sum_square)
        file = io.BytesIO()
        np.savez(file, count=self.count, sum=self.sum.astype(np.float32), sum_square=sum_square.astype(np.float32))
        path.write_bytes(file.getvalue())

    @property
    def constant(self) -> np.ndarray:
        """Tells which dimensions never change (D,), as far as numbers of 32 bits can tell."""
        count = max(self.count, 1)
        mean_square = self.sum_square / count
        return mean_square - (self.sum / count) ** 2 <= LEAST_VARIANCE * mean_square


def collect_stats(
    dump: Path,
    output: Path,
    tokenizer: Tokenizer,
    statistics: Mapping[str, Path] | None = None,
    timed: bool = False,
    note: Note | None = None,
    made: Iterable[Path] = (),
) -> None:
    """Writes statistics and shapes of the training and development sets.

    Args:
        dump: `dump/raw`.
        output: `exp/stats`: `train/` gets feats_stats.npz, pitch_stats.npz and energy_stats.npz; both sets get
            text_shape and speech_shape.
        tokenizer: How texts become tokens (for their lengths).
        statistics: Files of a pretrained model by name, such as feats_stats.npz; they stay, since its weights are made
            for them.
        timed: Whether training uses durations: every token must have one.
        note: Of what the stage read; it is written beside the statistics, with what the stage made.
        made: Other directories that the stage made.

    Raises:
        UserError: A missing input, or a text that has changed since stage 3.
    """
    require((dump / name / PITCH_SCP for name in TRAIN_AND_DEV), "stage 3")
    with whole_directory(output) as directory:
        for name in TRAIN_AND_DEV:
            (directory / name).mkdir()
            _collect_set(dump / name, directory / name, tokenizer, timed)
        for file, path in (statistics or {}).items():
            shutil.copyfile(path, directory / "train" / file)
        if note:
            files: list[Path] = []
            for folder in (*made, *(directory / name for name in TRAIN_AND_DEV)):
                files += folder.glob("[!.]*")
            write_note(directory, replace(note, outputs=digests(sorted(files), directory)))


def statistics_file(feature: str) -> str:
    """Names the file of the statistics of one of `FEATURES`."""
    return f"{feature}_stats.npz"


def _collect_set(dump: Path, output: Path, tokenizer: Tokenizer, timed: bool) -> None:
    moments = {name: Moments() for name in FEATURES}
    lines = read_table(dump / text_file(tokenizer.token_type), "stage 3")
    arrays = {name: Matrices(dump / f"{name}.scp", "stage 3") for name in FEATURES}
    for matrices in arrays.values():
        matrices.places.check_has(lines, lines.path)
        matrices.places.check_only(lines, lines.path)
    if not lines:
        raise UserError(f"{lines.path}: no utterance: run stages 2 and 3 again")
    speech_shapes, text_lengths = {}, {}
    unvoiced = read_optional(dump / UNVOICED)
    some_voiced = len(unvoiced) < len(lines)
    for utt in progress(sorted(lines), f"statistics of {dump.name}", len(lines)):
        features = {name: arrays[name][utt] for name in FEATURES}
        for name, moment in moments.items():
            stands_in = name == "pitch" and utt in unvoiced
            if stands_in and some_voiced:
                continue
            values = features[name]
            moment.add(values[~(values <= ZEROS).all(axis=1)] if name == "feats" else values)
        frames, n_mels = features["feats"].shape
        speech_shapes[utt] = f"{frames},{n_mels}"
        text_lengths[utt] = len(tokenizer.tokens(lines[utt]))
        timed_tokens = len(features["pitch"]) - 1  # without the end
        if timed and text_lengths[utt] != timed_tokens:
            raise UserError(
                f"{dump / text_file(tokenizer.token_type)}: {utt} has {text_lengths[utt]} tokens, but stage 3 found "
                f"the times of {timed_tokens}: run stage 3 again"
            )
    for name, moment in moments.items():
        moment.save(output / statistics_file(name))
        if constant := int(np.sum(moment.constant)):
            of_all = f"{constant} of its {moment.constant.size} dimensions never change"
            print(f"{dump / name}.scp: {of_all}: there is nothing to learn in them", file=sys.stderr)
    write_table(output / "speech_shape", speech_shapes)
    write_table(output / "text_shape", text_lengths)
