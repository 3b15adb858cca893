"""Where the times of the tokens come from (stage 3): the corpus, a teacher's attention, or an aligner."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import kaldiio
import numpy as np
import torch

from espnet_mtl.corpora.alignment import Alignment, parse_alignment
from espnet_mtl.data.arks import ark_writers
from espnet_mtl.data.kaldi import read_optional, read_table
from espnet_mtl.data.options import AlignerConf
from espnet_mtl.errors import UserError
from espnet_mtl.system.espnet_imports import import_quietly
from espnet_mtl.system.files import locked, remove
from espnet_mtl.text.espeak import PAUSE, PUNCTUATION
from espnet_mtl.text.tokens import token_line

MOST_ONE_FRAME, MOST_AT_END = 0.5, 0.3
"""Share of tokens of one frame, and of frames in the end token, beyond which an alignment has failed."""
MOST_FRAMES_OFF = 10
"""A teacher may lack the frames beyond a multiple of its reduction factor."""
UNKNOWN = 1


@dataclass(frozen=True)
class Job:
    """One recording: utterance, audio file, line of tokens, the N tokens, and the end of each in seconds."""

    utt: str
    path: str
    line: str
    tokens: tuple[str, ...]
    ends: tuple[float, ...] = ()


def source(dumps: Sequence[Path], config: Mapping[str, Any], token_type: str) -> str:
    """Decides whether durations are "given" by the corpus or "learned" (the key `durations` of the config)."""
    if config["durations"] != "auto":
        return config["durations"]
    given = token_type == "phn" and all(_aligned(dump) for dump in dumps)
    return "given" if given else "learned"


def _aligned(dump: Path) -> bool:
    """Tells whether the corpus gives the times of every utterance; of joined corpora, one may not."""
    path = dump / "alignment"
    return path.is_file() and set(read_table(dump / "wav.scp", "stage 2")) <= set(read_table(path))


def jobs_of(dump: Path, config: Mapping[str, Any], token_type: str, bpemodel: Path | None, durations: str) -> list[Job]:
    """Reads what stage 2 wrote for one set, with the tokens, and with their times where `durations` are "given".

    Raises:
        UserError: A file or line is missing, or a text cannot be spoken.
    """
    wavs = read_table(dump / "wav.scp", "stage 2")
    if durations == "given":
        return _given(dump, wavs, token_type)
    texts = read_table(dump / "text", "stage 2")
    languages = read_optional(dump / "utt2lang")
    split = _splitter(token_type, config.get("cleaner"), bpemodel)
    jobs = []
    for utt in sorted(wavs):
        try:
            line = _line(texts[utt], token_type, languages.get(utt, config["language"]))
        except UserError as error:
            raise UserError(f"utterance {utt}: {error}") from error
        jobs.append(Job(utt, wavs[utt], line, split(line)))
    return jobs


@cache
def _line(text: str, token_type: str, language: str) -> str:
    return token_line(text, token_type, language, punctuation=True)


def _splitter(token_type: str, cleaner: str | None, bpemodel: Path | None) -> Callable[[str], tuple[str, ...]]:
    """Splits a line as ESPnet's preprocessing does."""
    clean = import_quietly("espnet2.text.cleaner").TextCleaner(cleaner)
    build = import_quietly("espnet2.text.build_tokenizer").build_tokenizer
    tokenizer = build(token_type, str(bpemodel) if bpemodel else None)
    return lambda line: tuple(tokenizer.text2tokens(clean(line)))


def _given(dump: Path, wavs: Mapping[str, str], token_type: str) -> list[Job]:
    if not (dump / "alignment").is_file():
        raise UserError(f"{dump / 'alignment'} is missing: the corpus has no phone times; set durations: learned")
    if token_type != "phn":
        raise UserError(f"token type {token_type!r}: the corpus' times are those of phones; set durations: learned")
    alignments = read_table(dump / "alignment")
    if lacking := sorted(set(wavs) - set(alignments)):
        raise UserError(f"{dump / 'alignment'}: no line for {lacking[0]} ({len(lacking)} utterances lack one)")
    jobs = []
    for utt in sorted(wavs):
        phones, ends = zip(*parse_alignment(alignments[utt]), strict=True)
        jobs.append(Job(utt, wavs[utt], " ".join(phones), phones, ends))
    return jobs


def taught(jobs: Sequence[Job], durations: Path, frame_rate: float, lengths: Mapping[str, int]) -> list[Job]:
    """Takes the times from a teacher's durations.

    Args:
        jobs: The utterances of a set.
        durations: `<utt> n n n …`, N + 1 frames of the tokens and the end, as a teacher's attention gives them.
        frame_rate: Frames per second.
        lengths: Frames of each utterance, where known.

    Raises:
        UserError: The file or a line is missing, or a line has another number of tokens, or of frames.
    """
    table = read_table(durations, "bin.teacher")
    taught = []
    for job in jobs:
        frames = table.get(job.utt, "").split()
        if len(frames) != len(job.tokens) + 1:
            raise UserError(f"{durations}: {job.utt} has {len(frames)} durations, but {len(job.tokens)} tokens + 1 end")
        if not all(map(str.isdecimal, frames)):
            raise UserError(f"{durations}: {job.utt}: durations are whole numbers of frames, got {' '.join(frames)!r}")
        total = sum(map(int, frames))
        if abs(total - lengths.get(job.utt, total)) > MOST_FRAMES_OFF:
            raise UserError(
                f"{durations}: {job.utt} has {total} frames, but its recording {lengths[job.utt]}: the teacher read "
                "another one, or with another hop_length"
            )
        taught.append(_timed(job, list(map(int, frames)), frame_rate))
    return taught


def _timed(job: Job, frames: Sequence[int], frame_rate: float) -> Job:
    return replace(job, ends=tuple((np.cumsum(frames[:-1]) / frame_rate).tolist()))


def learned(
    sets: Sequence[tuple[Path, Sequence[Job]]],
    mels: Callable[[Sequence[Job]], Any],
    config: Mapping[str, Any],
    nj: int,
) -> tuple[list[list[Job]], dict[str, float]]:
    """Finds the times with an aligner that learns from the first set (`espnet_mtl.data.aligner`).

    Args:
        sets: Directory and utterances of each set, the training set first.
        mels: Yields the log-mel (T, n_mels) of each of some utterances.
        config: A training config: `aligner_conf` and the signal parameters.
        nj: Threads.

    Returns:
        The utterances of each set with their times, and figures of the alignment.

    Raises:
        UserError: An utterance has more tokens than frames, or the aligner failed.
    """
    import_quietly("espnet2.gan_tts.jets.alignments")
    from espnet_mtl.data.aligner import Example, align_all, train_aligner

    conf = AlignerConf(**config["aligner_conf"])
    every = [job for _, jobs in sets for job in jobs]
    speaker_of = {utt: name for dump, _ in sets for utt, name in read_table(dump / "utt2spk", "stage 2").items()}
    train = sets[0][1]
    speakers = _numbered({speaker_of[job.utt] for job in train}, 1)
    tokens = _numbered({token for job in train for token in job.tokens}, UNKNOWN + 1)
    end = UNKNOWN + 1 + len(tokens)
    threads = torch.get_num_threads()
    with _scratch(sets[0][0].parent / ".aligner.tmp") as directory:
        frames = _write_mels(directory, every, mels(every))
        feats = kaldiio.load_scp(f"{directory}/feats.scp")

        def example(job: Job) -> Example:
            ids = [*(tokens.get(token, UNKNOWN) for token in job.tokens), end]
            return Example(job.utt, ids, speakers.get(speaker_of[job.utt], 0), frames[job.utt], lambda: feats[job.utt])

        torch.set_num_threads(nj)
        try:
            aligner, loss = train_aligner(
                [example(job) for job in train], end + 1, len(speakers) + 1, **conf.model_dump()
            )
            aligned = align_all(aligner, [example(job) for job in every], conf.batch_size)
        finally:
            torch.set_num_threads(threads)
    figures = {"forward_sum_loss": loss, **shares(list(aligned.values()))}
    check_shares(figures)
    rate = config["feats_extract_conf"]["fs"] / config["feats_extract_conf"]["hop_length"]
    timed = [[_timed(job, aligned[job.utt], rate) for job in jobs] for _, jobs in sets]
    return timed, {**figures, **boundary_error([dump for dump, _ in sets], timed)}


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


def _write_mels(directory: Path, jobs: Sequence[Job], mels: Any) -> dict[str, int]:
    """Writes feats.ark and returns the frames of each utterance."""
    frames = {}
    with ark_writers(directory, ["feats"]) as writers:
        for job, mel in zip(jobs, mels, strict=True):
            if len(job.tokens) >= len(mel):
                raise UserError(
                    f"utterance {job.utt}: {len(job.tokens)} tokens in {len(mel)} frames: is its text right?"
                )
            writers["feats"](job.utt, mel)
            frames[job.utt] = len(mel)
    return frames


def shares(durations: Sequence[Sequence[int]]) -> dict[str, float]:
    """Computes the share of tokens that have one frame, and of frames that the end token has."""
    tokens = [frames for own in durations for frames in own[:-1]]
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


def boundary_error(dumps: Sequence[Path], sets: Sequence[Sequence[Job]]) -> dict[str, float]:
    """Computes median and 90th percentile of the error at the ends of phones, in ms, where the corpus has the times."""
    errors: list[float] = []
    for dump, jobs in zip(dumps, sets, strict=True):
        table = read_optional(dump / "alignment")
        known = [job for job in jobs if job.utt in table]
        errors += [error for job in known for error in boundary_errors(job, parse_alignment(table[job.utt]))]
    if not errors:
        return {}
    median, ninety = np.percentile(errors, [50, 90])
    return {"boundary_error_ms": float(median), "boundary_error_ms_p90": float(ninety)}


def boundary_errors(job: Job, alignment: Alignment) -> list[float]:
    """Compares the ends of phones with the true ones, in ms; none where the phones are not the same.

    Pauses and punctuation stand for one another and are left out.
    """
    silent = {PAUSE, *PUNCTUATION.values()}
    own = [(token, end) for token, end in zip(job.tokens, job.ends, strict=True) if token not in silent]
    true = [(phone, end) for phone, end in alignment if phone not in silent]
    if [token for token, _ in own] != [phone for phone, _ in true]:
        return []
    return [1000 * abs(end - right) for (_, end), (_, right) in zip(own, true, strict=True)]
