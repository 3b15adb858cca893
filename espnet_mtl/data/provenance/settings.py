"""What stages 2 to 4 go by, for their notes: of a training YAML only these keys count.

A learning rate or a task may change without any of these stages running again.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from espnet_mtl.config.visual import extractor_options
from espnet_mtl.corpora.split import SETS
from espnet_mtl.data.dump import (
    ALIGNMENT,
    DURATIONS,
    NUM_SAMPLES,
    TEXT,
    TRAIN_AND_DEV,
    UTT2LANG,
    UTT2SPK,
    VISUAL_SCP,
    WAV_SCP,
    text_file,
)
from espnet_mtl.data.options import AlignerConf, AudioConf
from espnet_mtl.data.provenance.notes import Note, digests, flat, note_file
from espnet_mtl.labels import LABEL_FILES

AUDIO, FEATURES, STATISTICS = 2, 3, 4
"""The stages whose outputs are checked."""
MADE = {AUDIO: "audio", FEATURES: "features", STATISTICS: "statistics"}
REVISIONS = {AUDIO: 2, FEATURES: 2, STATISTICS: 2}
"""Of the code of each stage: one more where it makes something else of the same input."""
PACKAGES = {AUDIO: ("soxr", "soundfile"), FEATURES: ("espnet", "torch", "librosa", "pyworld"), STATISTICS: ("numpy",)}
"""What computes in each stage: another version is told, and not refused."""
READ_FROM_DATA = tuple(dict.fromkeys((WAV_SCP, TEXT, UTT2SPK, *LABEL_FILES, ALIGNMENT, VISUAL_SCP)))
"""Tables of a set of stage 1 that stage 2 reads."""
READ_FROM_AUDIO = (WAV_SCP, TEXT, UTT2SPK, UTT2LANG, NUM_SAMPLES, ALIGNMENT)
"""Tables of a set of stage 2 that stage 3 reads."""
INIT_MODEL = "--init_model"
"""The setting of stage 4 that says which model names and statistics are from, by the digest of its weights."""


def audio_settings(fs: int, conf: AudioConf) -> dict[str, Any]:
    """Returns what stage 2 goes by."""
    return {"revision": REVISIONS[AUDIO], "feats_extract_conf.fs": fs} | flat("audio_conf", conf.model_dump())


def feature_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what stage 3 goes by, but for how texts are read and where durations are from (`DURATIONS_NOTE`)."""
    settings: dict[str, Any] = {"revision": REVISIONS[FEATURES]}
    for feature in ("feats", "pitch", "energy"):
        settings[f"{feature}_extract"] = config[f"{feature}_extract"]
        settings |= flat(f"{feature}_extract_conf", config[f"{feature}_extract_conf"])
    return settings | aligner_settings(config) | visual_settings(config)


def aligner_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what the aligner of stage 3 goes by."""
    return flat("aligner_conf", AlignerConf(**config["aligner_conf"]).model_dump())


def visual_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what stage 3 goes by where a config asks for what is seen; nothing where it does not."""
    name = config["visual_extract"]
    if name is None:
        return {}
    options = extractor_options(name, config["visual_extract_conf"])
    return {"visual_extract": name} | flat("visual_extract_conf", options.model_dump())


def statistics_settings(token_type: str, init_model: str | None) -> dict[str, Any]:
    """Returns what stage 4 goes by."""
    return {"revision": REVISIONS[STATISTICS], "token_type": token_type, INIT_MODEL: (init_model or "none")[:12]}


def stage_versions(stage: int) -> dict[str, str]:
    """Returns the versions of the packages that compute in a stage."""
    return {name: version(name) for name in PACKAGES[stage]}


def audio_note(data: Path, output: Path, fs: int, conf: AudioConf) -> Note:
    """Notes what stage 2 is about to read from the directory of stage 1, and how it makes `output` of it."""
    data, output = data.absolute(), output.absolute()
    read = [note_file(data, AUDIO - 1)]
    for name in SETS:
        read += [data / name / table for table in READ_FROM_DATA]
    return Note(AUDIO, audio_settings(fs, conf), inputs=digests(read, output), versions=stage_versions(AUDIO))


def features_note(
    dumps: Sequence[Path], config: Mapping[str, Any], teacher: Path | None, extractors: Mapping[str, type]
) -> Note:
    """Notes what stage 3 is about to read, and how it makes features of it.

    Args:
        dumps: Directories such as `dump/raw/train`.
        config: A completed training config.
        teacher: Directory of a teacher's durations.
        extractors: ESPnet's classes by the key of their options; what a config does not say has their defaults.
    """
    root = dumps[0].parent
    read = [note_file(root, FEATURES - 1)]
    for dump in dumps:
        read += [dump / table for table in READ_FROM_AUDIO]
        if teacher:
            read.append(teacher.absolute() / dump.name / DURATIONS)
    defaults: dict[str, Any] = {}
    for key, extractor in extractors.items():
        parameters = inspect.signature(extractor).parameters.values()
        defaults |= flat(key, {one.name: one.default for one in parameters if one.default is not one.empty})
    return Note(FEATURES, feature_settings(config), defaults, digests(read, root), versions=stage_versions(FEATURES))


def statistics_note(dump: Path, output: Path, token_type: str, init_model: str | None) -> Note:
    """Notes what stage 4 is about to read.

    Args:
        dump: `dump/raw`.
        output: `exp/stats`.
        token_type: "phn", "char" or "bpe".
        init_model: Digest of the weights of a pretrained model; None: there is none.
    """
    read = [note_file(dump, FEATURES)]
    for name in TRAIN_AND_DEV:
        read += [dump / name / table for table in (text_file(token_type), DURATIONS, UTT2SPK, UTT2LANG)]
    settings = statistics_settings(token_type, init_model)
    return Note(STATISTICS, settings, inputs=digests(read, output), versions=stage_versions(STATISTICS))
