"""The times of the tokens (stage 3) where the corpus does not know them: from a teacher's attention or an aligner."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch

from espnet_mtl.corpora.alignment import Alignment, parse_alignment
from espnet_mtl.data.arks import Matrices, ark_writers
from espnet_mtl.data.dump import ALIGNMENT, UTT2SPK, WAV_SCP
from espnet_mtl.data.kaldi import parse_counts, read_optional, read_table
from espnet_mtl.data.options import AlignerConf
from espnet_mtl.data.utterances import TokenizedUtterance
from espnet_mtl.errors import UserError
from espnet_mtl.system.files import locked, remove
from espnet_mtl.system.imports.espnet import import_quietly
from espnet_mtl.text.espeak import SILENT

MOST_ONE_FRAME, MOST_AT_END = 0.5, 0.3
"""Share of tokens of one frame, and of frames in the end token, beyond which an alignment has failed."""
MOST_FRAMES_LACKING = 10
"""A teacher may lack the frames beyond a multiple of its reduction factor; it never has more than there are."""
MOST_LACKING = 0.1
"""Of all frames of a set: where more are lacking, those of the teacher are longer."""
PADDING_ID, UNKNOWN_ID = 0, 1
"""Ids of the aligner; those of the tokens of the training set follow, and the end token is last."""
UNKNOWN_SPEAKER = 0


def from_teacher(
    utterances: Sequence[TokenizedUtterance], durations: Path, frame_rate: float, lengths: Mapping[str, int]
) -> list[TokenizedUtterance]:
    """Takes the times from a teacher's durations.

    Args:
        utterances: Those of a set.
        durations: `<utt> n n n …`, N + 1 frames of the tokens and the end, as a teacher's attention gives them.
        frame_rate: Frames per second.
        lengths: Frames of each utterance, where known.

    Raises:
        UserError: The file or a line is missing, or a line has another number of tokens, or of frames.
    """
    table = read_table(durations, "bin.teacher")
    timed = []
    lacking_frames, frames_in_all = 0, 0
    for utterance in utterances:
        utt, tokens = utterance.utt, utterance.tokens
        numbers = parse_counts(table, utt) if utt in table else []
        if len(numbers) != len(tokens) + 1:
            raise UserError(f"{durations}: {utt} has {len(numbers)} durations, but {len(tokens)} tokens + 1 end")
        total = sum(numbers)
        lacking = lengths.get(utt, total) - total
        if not 0 <= lacking <= MOST_FRAMES_LACKING:
            raise UserError(
                f"{durations}: {utt} has {total} frames, but its recording {lengths[utt]}: the teacher read "
                "another one, or with another hop_length"
            )
        timed.append(_timed(utterance, numbers, frame_rate))
        lacking_frames += lacking
        frames_in_all += total + lacking
    if lacking_frames > MOST_LACKING * frames_in_all:
        raise UserError(
            f"{durations}: its {frames_in_all - lacking_frames} frames are {lacking_frames / frames_in_all:.0%} fewer "
            "than those of the recordings: the teacher read with another hop_length"
        )
    return timed


def _timed(utterance: TokenizedUtterance, frames: Sequence[int], frame_rate: float) -> TokenizedUtterance:
    """Adds the ends of the tokens; the last of the frames are those of the end token, which has none."""
    ends = np.cumsum(frames[:-1]) / frame_rate
    return replace(utterance, ends=tuple(ends.tolist()))


def from_aligner(
    sets: Mapping[Path, Sequence[TokenizedUtterance]],
    log_mels: Callable[[Sequence[TokenizedUtterance]], Generator[np.ndarray, None, None]],
    config: Mapping[str, Any],
    nj: int,
) -> tuple[dict[Path, list[TokenizedUtterance]], dict[str, float]]:
    """Finds the times with an aligner that learns from the first set (`espnet_mtl.data.extraction.aligner`).

    Args:
        sets: Utterances of each set by its directory, the training set first.
        log_mels: Yields the log-mel (T, n_mels) of each of some utterances.
        config: A training config: `aligner_conf` and the signal parameters.
        nj: Threads.

    Returns:
        The utterances of each set with their times, and figures of the alignment.

    Raises:
        UserError: An utterance has more tokens than frames, or the aligner failed.
    """
    every = list(chain.from_iterable(sets.values()))
    speaker_of: dict[str, str] = {}
    for dump, utterances in sets.items():
        table = read_table(dump / UTT2SPK, "stage 2")
        table.check_has((utterance.utt for utterance in utterances), dump / WAV_SCP)
        speaker_of.update(table)
    train_dump = next(iter(sets))
    with _scratch(train_dump.parent / ".aligner.tmp") as directory:
        with closing(log_mels(every)) as mels:
            frames = _write_mels(directory, every, mels)
        feats = Matrices(directory / "feats.scp")
        with _threads(nj):
            aligned, loss = _train_and_align(sets[train_dump], every, speaker_of, frames, feats, config)
    figures = {"forward_sum_loss": loss, **alignment_shares(list(aligned.values()))}
    check_shares(figures)
    rate = frame_rate(config)
    timed: dict[Path, list[TokenizedUtterance]] = {}
    for dump, utterances in sets.items():
        timed[dump] = [_timed(utterance, aligned[utterance.utt], rate) for utterance in utterances]
    return timed, {**figures, **boundary_error(timed)}


def _train_and_align(
    train: Sequence[TokenizedUtterance],
    every: Sequence[TokenizedUtterance],
    speaker_of: Mapping[str, str],
    frames: Mapping[str, int],
    feats: Matrices,
    config: Mapping[str, Any],
) -> tuple[dict[str, list[int]], float]:
    """Returns the frames of each token of every utterance, and the aligner's loss."""
    # The aligner takes over classes of ESPnet's JETS: the first import of those must be this one.
    import_quietly("espnet2.gan_tts.jets.alignments")
    from espnet_mtl.data.extraction.aligner import Example, align_all, train_aligner

    conf = AlignerConf(**config["aligner_conf"])
    speaker_ids = _numbered({speaker_of[utterance.utt] for utterance in train}, UNKNOWN_SPEAKER + 1)
    tokens = set(chain.from_iterable(utterance.tokens for utterance in train))
    token_ids = _numbered(tokens, UNKNOWN_ID + 1)
    end = UNKNOWN_ID + 1 + len(token_ids)

    def example(utterance: TokenizedUtterance) -> Example:
        utt = utterance.utt
        ids = [token_ids.get(token, UNKNOWN_ID) for token in utterance.tokens]
        speaker = speaker_ids.get(speaker_of[utt], UNKNOWN_SPEAKER)
        return Example(utt, [*ids, end], speaker, frames[utt], lambda: feats[utt])

    train_examples = [example(utterance) for utterance in train]
    aligner, loss = train_aligner(train_examples, end + 1, len(speaker_ids) + 1, **conf.model_dump())
    every_example = [example(utterance) for utterance in every]
    return align_all(aligner, every_example, conf.batch_size), loss


def frame_rate(config: Mapping[str, Any]) -> float:
    """Returns the frames per second of a training config."""
    return config["feats_extract_conf"]["fs"] / config["feats_extract_conf"]["hop_length"]


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Lets torch compute in `count` threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _scratch(directory: Path) -> Iterator[Path]:
    """A directory for as long as it is needed; one that a killed stage left is cleared first."""
    with locked(directory):
        remove(directory)
        directory.mkdir()
        try:
            yield directory
        finally:
            remove(directory)


def _numbered(names: set[str], first: int) -> dict[str, int]:
    return {name: number for number, name in enumerate(sorted(names), first)}


def _write_mels(
    directory: Path, utterances: Sequence[TokenizedUtterance], mels: Iterable[np.ndarray]
) -> dict[str, int]:
    """Writes feats.ark and returns the frames of each utterance."""
    frames = {}
    with ark_writers(directory, ["feats"]) as writers:
        for utterance, mel in zip(utterances, mels, strict=True):
            utt, tokens = utterance.utt, utterance.tokens
            if len(tokens) >= len(mel):
                raise UserError(f"utterance {utt}: {len(tokens)} tokens in {len(mel)} frames: is its text right?")
            writers["feats"](utt, mel)
            frames[utt] = len(mel)
    return frames


def alignment_shares(durations: Sequence[Sequence[int]]) -> dict[str, float]:
    """Computes the share of tokens that have one frame, and of frames that the end token has."""
    tokens = list(chain.from_iterable(own[:-1] for own in durations))
    end = sum(own[-1] for own in durations)
    return {"one_frame": float(np.mean(np.array(tokens) == 1)), "at_end": end / (sum(tokens) + end)}


def check_shares(figures: Mapping[str, float]) -> None:
    """Makes sure that an alignment is one.

    Raises:
        UserError: It has put most frames into a few tokens, as an aligner does that has learned nothing.
    """
    if figures["one_frame"] > MOST_ONE_FRAME or figures["at_end"] > MOST_AT_END:
        raise UserError(
            f"aligner: it did not learn: {figures['one_frame']:.0%} of the tokens have one frame (at most "
            f"{MOST_ONE_FRAME:.0%} is sane), {figures['at_end']:.0%} of the frames are in the end token (at most "
            f"{MOST_AT_END:.0%}): do texts and recordings belong together? Else raise aligner_conf.steps, or lower lr"
        )


def boundary_error(sets: Mapping[Path, Sequence[TokenizedUtterance]]) -> dict[str, float]:
    """Computes median and 90th percentile of the error at the ends of phones, in ms, where the corpus has the times."""
    errors: list[float] = []
    for dump, utterances in sets.items():
        table = read_optional(dump / ALIGNMENT)
        for utterance in utterances:
            if utterance.utt in table:
                alignment = parse_alignment(table[utterance.utt], table.where(utterance.utt))
                errors += boundary_errors(utterance, alignment)
    if not errors:
        return {}
    median, ninety = np.percentile(errors, [50, 90])
    return {"boundary_error_ms": float(median), "boundary_error_ms_p90": float(ninety)}


def boundary_errors(utterance: TokenizedUtterance, alignment: Alignment) -> list[float]:
    """Compares the ends of phones with the true ones, in ms; none where the phones are not the same.

    Pauses and punctuation stand for one another and are left out.
    """
    timed = zip(utterance.tokens, utterance.ends, strict=True)
    own = [(token, end) for token, end in timed if token not in SILENT]
    true = [(phone, end) for phone, end in alignment if phone not in SILENT]
    if [token for token, _ in own] != [phone for phone, _ in true]:
        return []
    return [1000 * abs(end - true_end) for (_, end), (_, true_end) in zip(own, true, strict=True)]
