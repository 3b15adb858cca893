"""Which files are mutated, what then reads them, and what that leaves per utterance."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import kaldiio

from espnet_mtl.bin import synthesize
from espnet_mtl.bin.stages import check_config, evaluate
from espnet_mtl.data.kaldi import read_optional
from espnet_mtl.labels import LABEL_FILES
from fuzzing import base, faces, mutations
from fuzzing.mutations import Mutation

Output = dict[tuple[str, str], str]
"""By table and utterance, what a stage left."""
SETS = ("train", "dev", "test")


@dataclass(frozen=True)
class Target:
    """A kind of file.

    Attributes:
        files: Patterns of them, below the directory of `base.build`.
        mutations: What happens to them.
        run: The command that reads them.
        output: What it left.
    """

    files: tuple[str, ...]
    mutations: tuple[Mutation, ...]
    run: Callable[[Path], None]
    output: Callable[[Path], Output] = lambda work: {}


def _sets(directory: Path, tables: Iterable[str]) -> Output:
    """Reads tables of all sets; an utterance may have moved to another set."""
    output = {}
    for name in SETS:
        for table in tables:
            for utt, line in read_optional(directory / name / table).items():
                output[table, utt] = line
    return output


def _prepared(work: Path) -> Output:
    return _sets(work / "data", ("text", *LABEL_FILES))


def _recordings(work: Path) -> Output:
    """What stage 2 left, and the samples of each recording."""
    output = _sets(work / "dump/raw", ("wav.scp", "text", "media.scp", *LABEL_FILES, "alignment"))
    for (table, utt), line in list(output.items()):
        if table == "wav.scp":
            output["samples", utt] = hashlib.sha256(Path(line).read_bytes()).hexdigest()
    return output


def _features(work: Path) -> Output:
    """What stage 3 left, with the numbers of the archives."""
    output = _sets(work / "dump/raw", ("phones", "durations"))
    for (table, utt), place in _sets(work / "dump/raw", ("feats.scp", "pitch.scp", "energy.scp")).items():
        output[table, utt] = hashlib.sha256(kaldiio.load_mat(place).tobytes()).hexdigest()
    return output


def _seen(work: Path) -> Output:
    """What stage 3 left of faces, with the numbers of the archive."""
    output = {}
    for (table, utt), place in _sets(work / "dump/raw", ("visual.scp",)).items():
        output[table, utt] = hashlib.sha256(kaldiio.load_mat(place).tobytes()).hexdigest()
    return output


def _decode(work: Path) -> None:
    """Checks the decoding configuration as run.sh does before stage 1, and decodes."""
    check_config.main([str(work / "conf/train.yaml"), "--inference_config", str(work / "conf/decode.yaml")])
    base.stage_6(work)


def _train(work: Path) -> None:
    """Checks the training configuration, and goes through the stages that read it but for the second."""
    check_config.main([str(work / "conf/train.yaml")])
    base.stage_3(work)
    base.stage_4(work)
    _train_again(work)


def _train_again(work: Path) -> None:
    """Trains a model anew."""
    shutil.rmtree(work / "exp/tiny")
    base.stage_5(work)


def _speak(work: Path, model: str, *mood: str) -> None:
    words = ["--text", "Good morning.", "--speaker", "ann", *(mood or ("--emotion", "happy:0.5,neutral:0.5"))]
    synthesize.main(["--model", str(work / model), *words, "--output", str(work / "said.wav")])


def _speak_seeing(work: Path) -> None:
    """Speaks with each of the faces; only one of them is mutated."""
    for face in sorted((work / "shown").iterdir()):
        _speak(work, "exp/tiny", "--visual", str(face))


def _speak_packed(work: Path) -> None:
    _speak(work, "model.zip")


def _speak_repacked(work: Path) -> None:
    (work / "model.zip").unlink()
    shutil.make_archive(str(work / "model"), "zip", work / "unpacked")
    _speak(work, "model.zip")


def _speak_unpacked(work: Path) -> None:
    _speak(work, "exp/tiny")


def _evaluate(work: Path) -> None:
    """Judges speech as that of an external system; `reference` lies beside no training speech."""
    places = ["--reference", str(work / "judged/reference"), "--hypothesis", str(work / "judged/speech")]
    evaluate.main([*places, "--output", str(work / "judged/figures"), "--nj", "1"])


DATA = tuple(f"data/*/{table}" for table in ("wav.scp", "text", "spk2utt", "alignment", "visual.scp", *LABEL_FILES))
RAW = tuple(f"dump/raw/*/{table}" for table in ("wav.scp", "text", "utt2num_samples", "alignment", "utt2lang"))
STATISTICS = tuple(f"dump/raw/*/{table}" for table in ("phones", "durations", "*.scp", "text", *LABEL_FILES))
TRAINING = (
    *STATISTICS, "dump/token_list/phn/tokens.txt", "dump/tables/*.txt", "exp/stats/*/*_shape",
    "dump/raw/durations.json", "dump/raw/visual.json", "d*/**/stage_*.json", "exp/**/stage_*.json",
)  # fmt: skip
ARCHIVES = ("dump/raw/*/features/*.ark", "dump/raw/*/visual/*.ark", "exp/stats/train/*.npz")
FACES = tuple(f"*.{kind}" for kind in faces.KINDS)

TARGETS: Mapping[str, Target] = {
    "metadata": Target(("source/metadata.csv",), mutations.TABLE, base.stage_1, _prepared),
    "corpus settings": Target(("source/csv.yaml",), mutations.YAML, base.stage_1),
    "data directory": Target(DATA, mutations.TABLE, base.stage_2, _recordings),
    "recordings": Target(("source/*.wav",), mutations.BINARY, base.stage_2, _recordings),
    "dump": Target(RAW, mutations.TABLE, base.stage_3, _features),
    "tables of faces": Target(("dump/raw/*/media.scp",), mutations.TABLE, base.stage_3, _seen),
    "faces": Target(tuple(f"source/{face}" for face in FACES), mutations.BINARY, base.stage_3, _seen),
    "features": Target(STATISTICS, mutations.TABLE, base.stage_4),
    "training tables": Target(TRAINING, mutations.TABLE, _train_again),
    "archives": Target(ARCHIVES, mutations.BINARY, _train_again),
    "training config": Target(("conf/train.yaml",), mutations.YAML, _train),
    "decoding config": Target(("conf/decode.yaml",), mutations.YAML, _decode),
    "test set": Target(("dump/raw/test/text", "dump/raw/test/utt2*"), mutations.TABLE, base.stage_6),
    "experiment config": Target(("exp/tiny/config.yaml",), mutations.YAML, _speak_unpacked),
    "experiment files": Target(("exp/tiny/*.pth", "exp/stats/train/*.npz"), mutations.BINARY, _speak_unpacked),
    "shown faces": Target(tuple(f"shown/{face}" for face in FACES), mutations.BINARY, _speak_seeing),
    "packed model": Target(("model.zip",), mutations.BINARY, _speak_packed),
    "packed config": Target(("unpacked/*.yaml", "unpacked/exp/tiny/*.yaml"), mutations.YAML, _speak_repacked),
    "packed files": Target(("unpacked/exp/*/*.pth", "unpacked/exp/*/*.npz"), mutations.BINARY, _speak_repacked),
    "judged tables": Target(("judged/*/*.scp", "judged/*/text", "judged/*/utt2*"), mutations.TABLE, _evaluate),
    "judged recordings": Target(("judged/*/*.wav", "judged/*/*.flac"), mutations.BINARY, _evaluate),
}
"""Kinds of files by name."""
