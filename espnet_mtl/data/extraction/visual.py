"""What is seen of the speakers (stage 3): vectors for each utterance that has a picture, a video or an array."""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.data.arks import ark_writers, moved_scp
from espnet_mtl.data.dump import VISUAL_NOTE, VISUAL_REPORT, VISUAL_SCP, WAV_SCP
from espnet_mtl.data.extraction.seen import Seen, check_length, read_seen
from espnet_mtl.data.kaldi import read_scp, write_table
from espnet_mtl.errors import UserError
from espnet_mtl.registry import VISUAL_EXTRACTORS
from espnet_mtl.system.files import remove, whole_directory, write_text
from espnet_mtl.system.parallel.mapping import parallel_map
from espnet_mtl.system.unicode import printable
from espnet_mtl.visual.extractors.base import VisualExtractor
from espnet_mtl.visual.extractors.build import build_extractor
from espnet_mtl.visual.faces import import_opencv
from espnet_mtl.visual.sources import is_array, is_timed, source_of
from espnet_mtl.visual.unusable import UnusableVisual

DIRECTORY = "visual"
"""Of a set: where the archive lies."""


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
    seen = list(chain.from_iterable(read_seen(dump, config) for dump in dumps))
    if not seen:
        raise UserError(
            f"visual_extract: {name}, but no utterance has a picture, a video or an array: stage 1 takes them from the "
            "corpus, or write data/<set>/visual.scp and run stage 2; else set visual_extract: null"
        )
    if VISUAL_EXTRACTORS.load(name).finds_faces and not all(is_array(one.place) for one in seen):
        import_opencv()


def extract_visual(dumps: Sequence[Path], config: Mapping[str, Any], nj: int) -> list[str]:
    """Adds visual.scp to directories of stage 2, where a config asks for it; what an earlier run left is gone else.

    Beside them, `visual.json` says of what kind the vectors are: `extractor`, `shape` of one before it was flattened,
    `rate`, vectors a second (null: not known), and `weights`, the digest of the extractor's (null: it has none); and
    `visual_report.txt` names the utterances without, and why.

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
    sets = {dump: read_seen(dump, config) for dump in dumps}
    every = list(chain.from_iterable(sets.values()))
    sizes, content, report, reasons = _Sizes(), [], [], Counter[str]()
    extract = partial(_extract, json.dumps([name, conf]))
    with closing(parallel_map(extract, every, nj, "stage 3, faces")) as extractions:
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
    note = {
        "extractor": name,
        "shape": list(extractor.shape or (sizes.size,)),
        "rate": extractor.rate,
        "weights": extractor.weights and extractor.weights.digest,
    }
    write_text(root / VISUAL_NOTE, json.dumps(note) + "\n")
    if reasons:
        print(f"stage 3: dropped what is seen of {_counted(reasons)}: {root / VISUAL_REPORT}", file=sys.stderr)
    return content


@cache
def _extractor(settings: str) -> VisualExtractor:
    """Builds the extractor of a worker process once; `settings` are its name and options as JSON."""
    name, conf = json.loads(settings)
    return build_extractor(name, conf)


def _extract(settings: str, seen: Seen) -> Extraction:
    extractor = _extractor(settings)
    try:
        source = source_of(seen.place)
        vectors = extractor(source)
        if extractor.rate is not None and seen.seconds is not None and is_timed(source):
            check_length(len(vectors) / extractor.rate, seen.seconds)
    except UnusableVisual as error:
        return Extraction(seen.utt, reason=str(error))
    return Extraction(seen.utt, vectors)


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
