"""What is seen of the speakers (stage 3): vectors for each utterance that has a picture, a video or an array."""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.data.arks import ark_writers, file_and_offset, load_matrix, moved_scp
from espnet_mtl.data.dump import MEDIA_SCP, NUM_SAMPLES, VISUAL_NOTE, VISUAL_REPORT, VISUAL_SCP, WAV_SCP
from espnet_mtl.data.kaldi import parse_counts, read_optional, read_scp, write_table
from espnet_mtl.data.utterances import read_visual
from espnet_mtl.errors import UserError
from espnet_mtl.registry import VISUAL_EXTRACTORS
from espnet_mtl.system.files import remove, whole_directory, write_text
from espnet_mtl.system.processes import parallel_map
from espnet_mtl.system.unicode import printable
from espnet_mtl.visual.arrays import Given
from espnet_mtl.visual.extractors.base import VisualExtractor
from espnet_mtl.visual.extractors.build import build_extractor
from espnet_mtl.visual.faces import import_opencv
from espnet_mtl.visual.sources import Source, is_array, is_timed, opened
from espnet_mtl.visual.unusable import UnusableVisual

DIRECTORY = "visual"
"""Of a set: where the archive lies."""
LACKING_S, BEYOND_S = 0.5, 10.0
"""Seconds that a video may be shorter and longer than the speech: it is of another utterance else. Stage 2 has taken
silence away, so that it may well be longer."""


@dataclass(frozen=True)
class Seen:
    """What an utterance has to look at: the entry of its table, the place of that, and seconds of speech."""

    utt: str
    place: str
    where: str
    seconds: float | None


@dataclass(frozen=True)
class Extraction:
    """What was made of it: vectors (T_v, D), or the reason why there are none."""

    utt: str
    vectors: NDArray[np.float32] | None = None
    reason: str = ""


def check_visual(dumps: Sequence[Path], config: Mapping[str, Any]) -> None:
    """Makes sure that a config that asks for what is seen can have it, before any work is done.

    Raises:
        UserError: No utterance has anything to look at, a table is wrong, or OpenCV is needed and not there.
    """
    name = config["visual_extract"]
    if name is None:
        return
    seen = list(chain.from_iterable(_read_seen(dump, config) for dump in dumps))
    if not seen:
        raise UserError(
            f"visual_extract: {name}, but no utterance has a picture, a video or an array: stage 1 takes them from the "
            "corpus, or write data/<set>/visual.scp and run stage 2; else set visual_extract: null"
        )
    if VISUAL_EXTRACTORS.load(name).finds_faces and not all(_is_given(one.place) for one in seen):
        import_opencv()


def extract_visual(dumps: Sequence[Path], config: Mapping[str, Any], nj: int) -> list[str]:
    """Adds visual.scp to directories of stage 2, where a config asks for it; what an earlier run left is gone else.

    Beside them, `visual.json` says of what kind the vectors are: `extractor`, `shape` of one before it was flattened,
    and `rate`, vectors a second (null: not known); and `visual_report.txt` names the utterances without, and why.

    Args:
        dumps: Directories such as `dump/raw/train`.
        config: A completed training config.
        nj: Parallel processes.

    Returns:
        Digests of what is in the archives.

    Raises:
        UserError: Nothing could be made of any of them.
    """
    root = dumps[0].parent
    remove(root / VISUAL_NOTE, root / VISUAL_REPORT)
    for dump in dumps:
        remove(dump / VISUAL_SCP, dump / DIRECTORY)
    if config["visual_extract"] is None:
        return []
    name, conf = config["visual_extract"], config["visual_extract_conf"]
    sets = {dump: _read_seen(dump, config) for dump in dumps}
    every = list(chain.from_iterable(sets.values()))
    extractions = parallel_map(partial(_extract, json.dumps([name, conf])), every, nj, "stage 3, faces")
    sizes, content, report, reasons = _Sizes(), [], [], Counter[str]()
    for dump, seen in sets.items():
        digests, dropped = _write(dump, islice(extractions, len(seen)), sizes)
        content += digests
        kinds = Counter(reason.partition(":")[0] for reason in dropped.values())
        reasons += kinds
        report += _report(dump, len(digests), kinds, dropped)
    write_text(root / VISUAL_REPORT, "\n".join(report) + "\n")
    if sizes.size is None:
        raise UserError(f"visual_extract: {name}: nothing could be made of {_counted(reasons)}: {root / VISUAL_REPORT}")
    extractor = _extractor(json.dumps([name, conf]))
    note = {"extractor": name, "shape": list(extractor.shape or (sizes.size,)), "rate": extractor.rate}
    write_text(root / VISUAL_NOTE, json.dumps(note) + "\n")
    if reasons:
        print(f"stage 3: dropped what is seen of {_counted(reasons)}: {root / VISUAL_REPORT}", file=sys.stderr)
    return content


def media_files(dumps: Iterable[Path]) -> list[Path]:
    """Lists the tables of pictures, videos and arrays of some sets, and the files that they name, once each."""
    files: dict[Path, None] = {}
    for dump in dumps:
        table = read_visual(dump / MEDIA_SCP)
        files[table.path] = None
        for place in table.values():
            files[file_and_offset(place)[0]] = None
    return list(files)


def _read_seen(dump: Path, config: Mapping[str, Any]) -> list[Seen]:
    """Reads what the utterances of a set have to look at, and how long they speak."""
    media = read_visual(dump / MEDIA_SCP)
    media.check_only(read_scp(dump / WAV_SCP, "stage 2"), dump / WAV_SCP)
    samples = read_optional(dump / NUM_SAMPLES)
    fs = config["feats_extract_conf"]["fs"]
    seen = []
    for utt in sorted(media):
        seconds = parse_counts(samples, utt)[0] / fs if utt in samples else None
        seen.append(Seen(utt, media[utt], media.where(utt), seconds))
    return seen


@cache
def _extractor(settings: str) -> VisualExtractor:
    """Builds the extractor of a worker process once; `settings` are its name and options as JSON."""
    name, conf = json.loads(settings)
    return build_extractor(name, conf)


def _extract(settings: str, seen: Seen) -> Extraction:
    extractor = _extractor(settings)
    try:
        source = _opened(seen)
        vectors = extractor(source)
        if extractor.rate is not None and seen.seconds is not None and is_timed(source):
            _check_length(len(vectors) / extractor.rate, seen.seconds)
    except UnusableVisual as error:
        return Extraction(seen.utt, reason=str(error))
    return Extraction(seen.utt, vectors)


def _is_given(place: str) -> bool:
    return _is_matrix(place) or is_array(Path(place))


def _is_matrix(place: str) -> bool:
    path, offset = file_and_offset(place)
    return path.suffix == ".ark" or offset > 0


def _opened(seen: Seen) -> Source:
    """Reads an array; a picture or video stays where it is."""
    if _is_matrix(seen.place):
        try:
            return Given(load_matrix(seen.place, seen.where))
        except UserError as error:
            raise UnusableVisual(f"unreadable: {error}") from error
    return opened(seen.place)


def _check_length(seconds: float, speech: float) -> None:
    if not -LACKING_S <= seconds - speech <= BEYOND_S:
        raise UnusableVisual(f"wrong length: {seconds:.2f} s are seen of {speech:.2f} s of speech")


class _Sizes:
    """The one size D of all vectors: that of the first ones."""

    def __init__(self) -> None:
        self.size: int | None = None

    def fault(self, vectors: NDArray[np.float32]) -> str:
        """Says what is wrong with vectors (T_v, D) of another size; "" where nothing is."""
        size = vectors.shape[1]
        if self.size is None:
            self.size = size
        return "" if size == self.size else f"wrong shape: vectors of {size} numbers, where others have {self.size}"


def _write(dump: Path, extractions: Iterable[Extraction], sizes: _Sizes) -> tuple[list[str], dict[str, str]]:
    """Writes the archive and the table of one set; returns digests of what is in them, and what was dropped and why."""
    digests, dropped = [], {}
    with whole_directory(dump / DIRECTORY) as directory:
        with ark_writers(directory, [DIRECTORY]) as writers:
            for extraction in extractions:
                fault = extraction.reason
                if extraction.vectors is not None:
                    fault = sizes.fault(extraction.vectors)
                if fault:
                    dropped[extraction.utt] = fault
                    continue
                vectors = np.ascontiguousarray(extraction.vectors, np.float32)
                writers[DIRECTORY](extraction.utt, vectors)
                digests.append(hashlib.sha256(vectors.tobytes()).hexdigest())
        scp = moved_scp(directory / VISUAL_SCP, dump / DIRECTORY)
    write_table(dump / VISUAL_SCP, scp)
    return digests, dropped


def _report(dump: Path, kept: int, kinds: Counter[str], dropped: Mapping[str, str]) -> list[str]:
    total = len(read_scp(dump / WAV_SCP))
    nothing = total - kept - len(dropped)
    lines = [f"{dump.name}: {kept} of {total} utterances are seen, {nothing} have nothing to look at{_counts(kinds)}"]
    for utt, reason in sorted(dropped.items()):
        lines.append(printable(f"  dropped {utt}: {reason}"))
    return lines


def _counts(kinds: Mapping[str, int]) -> str:
    return "".join(f", {kinds[kind]} {kind}" for kind in sorted(kinds))


def _counted(kinds: Counter[str]) -> str:
    return f"{kinds.total()} utterances{_counts(kinds)}"
