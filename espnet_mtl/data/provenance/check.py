"""Whether the outputs of stages 2 to 4 are whole, belong together, and go with a configuration.

Every stage that reads these outputs calls `check_stages` or `check_trained_on` first.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

from espnet_mtl.corpora.split import SETS
from espnet_mtl.data.dump import DURATIONS_NOTE, FEATS_SCP, NUM_SAMPLES, WAV_SCP
from espnet_mtl.data.kaldi import read_optional
from espnet_mtl.data.options import AudioConf
from espnet_mtl.data.provenance.notes import MISSING, Note, changed_files, file_digest, note_file, read_note
from espnet_mtl.data.provenance.settings import (
    AUDIO,
    FEATURES,
    MADE,
    STATISTICS,
    audio_settings,
    feature_settings,
    stage_versions,
    statistics_settings,
)
from espnet_mtl.data.utterances import FROM_ALIGNER, FROM_TEACHER, durations_source
from espnet_mtl.errors import UserError
from espnet_mtl.labels import CONTINUOUS_LABELS
from espnet_mtl.registry import BACKBONES
from espnet_mtl.system.files import read_text, require

FILES = {AUDIO: WAV_SCP, FEATURES: FEATS_SCP}
"""A table of the files that a stage writes, whole paths."""
TEXT_KEYS = ("token_type", "language", "cleaner")
"""How stage 3 read the texts, as `DURATIONS_NOTE` says."""


@dataclass(frozen=True)
class Mismatch:
    """Something that is not as it was when a stage ran.

    Attributes:
        stage: That stage.
        subject: The setting or file.
        message: What is said of it.
    """

    stage: int
    subject: str
    message: str


def check_stages(
    dump: Path,
    config: Mapping[str, Any],
    token_type: str,
    stage: int,
    stats: Path | None = None,
    init_model: str | None = None,
) -> None:
    """Makes sure that what earlier stages left is whole, goes with the config, and belongs together.

    Args:
        dump: `dump/raw`.
        config: A completed training config.
        token_type: "phn", "char" or "bpe".
        stage: The stage that is about to read it, 3 to 5.
        stats: `exp/stats`, where it is stage 5.
        init_model: Digest of the weights of the pretrained model, where it is stage 5.

    Raises:
        UserError: It is not so; the message says which stages to run again.
    """
    wanted = {AUDIO: audio_settings(config["feats_extract_conf"]["fs"], AudioConf(**config["audio_conf"]))}
    if stage > FEATURES:
        require([dump / DURATIONS_NOTE], "stage 3")
        wanted[FEATURES] = _wanted_features(dump, config, token_type)
    if stats and stage > STATISTICS:
        wanted[STATISTICS] = statistics_settings(token_type, init_model)
    mismatches: list[Mismatch] = []
    unnoted = []
    for earlier, settings in wanted.items():
        directory = stats if stats and earlier == STATISTICS else dump
        note = read_whole(directory, earlier, stage)
        if note is None:
            unnoted.append(str(note_file(directory, earlier)))
            mismatches += _against_facts(earlier, dump, settings)
            continue
        mismatches += _other_settings(note, settings)
        if config["visual_extract"] is not None:
            note = replace(note, inputs={**note.inputs, **note.media})
        mismatches += _other_files(note, directory)
        mismatches += _other_dump(note, directory)
        _tell_versions(note, directory)
    if mismatches:
        _refuse(mismatches, stage)
    if unnoted:
        print(
            f"not there: {', '.join(unnoted)}. An earlier version made this; sampling rate, hop, mel channels, tokens, "
            "language and cleaner fit, and what else has changed since cannot be seen",
            file=sys.stderr,
        )


def check_corpora(data: Path, corpora: Sequence[str]) -> None:
    """Makes sure that stage 1 made a directory of these corpora, and of no others, where a note says what it made.

    Raises:
        UserError: It is of others.
    """
    note = read_note(data, AUDIO - 1)
    if note and note.settings and set(note.settings) != set(corpora):
        made, wanted = "+".join(note.settings), "+".join(corpora)
        raise UserError(f"{data} is of the corpus {made}, not {wanted}: run stage {AUDIO - 1} again, or say {made}")


def check_trained_on(
    dump: Path, config: Mapping[str, Any], token_type: str, model: Path, part: str | None = None
) -> None:
    """Makes sure that a dump that a trained model is used with has features like those that it was trained on.

    Args:
        dump: `dump/raw`.
        config: The model's completed config.
        token_type: Its token type.
        model: Its directory, for messages.
        part: The set that is read, such as "test".

    Raises:
        UserError: Stage 2 or 3 was cut off, stage 3 made other features, or the set has changed since.
    """
    audio = read_whole(dump, AUDIO, FEATURES + 1)
    note = read_whole(dump, FEATURES, FEATURES + 1)
    settings = _wanted_features(dump, config, token_type)
    compared = {key: value for key, value in settings.items() if key.startswith("feats_extract") or key in TEXT_KEYS}
    if note:
        mismatches = list(_other_settings(note, compared))
    else:
        mismatches = _against_facts(AUDIO, dump, compared) + _against_facts(FEATURES, dump, compared)
    if mismatches:
        raise UserError(
            f"{dump}: {mismatches[0].message}, as {model} was trained with: run stages {AUDIO} to {FEATURES} again "
            "with its configuration, or train it anew"
        )
    for mismatch in chain(*(_other_dump(made, dump) for made in (audio, note) if made)):
        raise UserError(f"{mismatch.message}: {_again(mismatch.stage, FEATURES + 1)}")
    if note and part:
        # Of other sets, of data/ and of a teacher nothing is read any more.
        of_part = {place: digest for place, digest in note.inputs.items() if Path(place).parts[0] == part}
        for mismatch in _other_files(replace(note, inputs=of_part), dump):
            raise UserError(f"{mismatch.message}: {_again(FEATURES, FEATURES + 1)}")


def read_whole(directory: Path, stage: int, current: int) -> Note | None:
    """Reads the note of a stage that has come to its end; None where there is none."""
    note = read_note(directory, stage)
    if note and not note.finished:
        raise UserError(f"stage {stage} was cut off while it wrote {directory}: {_again(stage, current)}")
    if note and stage == FEATURES:
        return replace(note, settings={**note.settings, **_durations_note(directory)})
    return note


def _durations_note(dump: Path) -> dict[str, Any]:
    """Reads how stage 3 read the texts, and where its durations are from."""
    path = dump / DURATIONS_NOTE
    if not path.is_file():
        return {}
    try:
        note = json.loads(read_text(path))
        return {key: note[key] for key in (*TEXT_KEYS, "durations") if key in note}
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} is not what stage 3 wrote ({error}): run stage 3 again") from error


def _wanted_features(dump: Path, config: Mapping[str, Any], token_type: str) -> dict[str, Any]:
    """Returns what stage 3 must have gone by for this config: of pitch, energy and durations, where they are used."""
    settings = feature_settings(config) | {"language": config["language"], "cleaner": config["cleaner"]}
    used = features_used(config)
    for feature in ("pitch", "energy"):
        if feature not in used:
            settings = {key: value for key, value in settings.items() if not key.startswith(feature)}
    source = _durations_note(dump).get("durations")
    if "durations" in used:
        settings["token_type"] = token_type
        if source != FROM_TEACHER:  # it goes before whatever the config says
            sets = [dump / name for name in SETS if (dump / name).is_dir()]
            settings["durations"] = durations_source(sets, config, token_type)
    if "durations" not in used or source != FROM_ALIGNER:
        settings = {key: value for key, value in settings.items() if not key.startswith("aligner_conf")}
    return settings


def features_used(config: Mapping[str, Any]) -> set[str]:
    """Names what a config uses of pitch, energy and durations: its backbone, and labels that are measured."""
    spec = BACKBONES.spec(config["tts"])
    used = {*spec.token_features, *(("pitch", "energy") if spec.end_to_end else ())}
    for task in config["tasks"].values():
        label = CONTINUOUS_LABELS.get(task.get("label"))
        if label and label.file is None:
            used |= {"pitch", "energy", "durations"}
    return used


def _against_facts(stage: int, dump: Path, settings: Mapping[str, Any]) -> list[Mismatch]:
    """Compares with what can be measured where a stage of an earlier version noted nothing."""
    facts: dict[str, Any] = {}
    if stage == AUDIO:
        facts = _measured_audio(dump)
    if stage == FEATURES:
        # Notes of before name no language, and no cleaner where there was none.
        unnoted = {"language": settings.get("language"), "cleaner": None, "visual_extract": None}
        facts = {**unnoted, **_durations_note(dump), **_measured_audio(dump), **_measured_features(dump, settings)}
    known = {key: value for key, value in settings.items() if key in facts}
    return list(_other_settings(Note(stage, facts), known))


def _measured_audio(dump: Path) -> dict[str, Any]:
    """Looks at the first recording of stage 2."""
    import soundfile

    for path in read_optional(dump / "train" / WAV_SCP).values():
        try:
            return {"feats_extract_conf.fs": soundfile.info(path).samplerate}
        except (soundfile.LibsndfileError, OSError):
            return {}
    return {}


def _measured_features(dump: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Looks at the first mel spectrogram of stage 3: its channels, and the hop that its number of frames comes from."""
    import kaldiio

    samples = read_optional(dump / "train" / NUM_SAMPLES)
    for utt, place in read_optional(dump / "train" / FEATS_SCP).items():
        frames, channels = kaldiio.load_mat(place).shape
        facts: dict[str, Any] = {"feats_extract_conf.n_mels": channels}
        hop = settings["feats_extract_conf.hop_length"]
        if utt in samples and frames != 1 + int(samples[utt]) // hop:
            facts["feats_extract_conf.hop_length"] = round(int(samples[utt]) / max(1, frames - 1))
        return facts
    return {}


def _other_settings(note: Note, settings: Mapping[str, Any]) -> Iterator[Mismatch]:
    for key, (then, now) in note.differing(settings).items():
        yield Mismatch(note.stage, key, f"stage {note.stage} made {MADE[note.stage]} with {key} {then}, not {now}")


def _other_files(note: Note, directory: Path) -> Iterator[Mismatch]:
    made = MADE[note.stage]
    for path in changed_files(directory, note.inputs):
        message = f"{path} has changed since stage {note.stage} made {made} of it"
        if path.name == note_file(path.parent, note.stage - 1).name:
            message = f"stage {note.stage - 1} has made something else since stage {note.stage} made {made} of it"
        elif note.stage == AUDIO:
            message += f" (to go on with {directory} as it is, rename {path.parents[1]})"
        yield Mismatch(note.stage, str(path), message)
    for path in changed_files(directory, note.outputs):
        yield Mismatch(note.stage, str(path), f"{path} is not as stage {note.stage} wrote it")


def _other_dump(note: Note, directory: Path) -> Iterator[Mismatch]:
    """Finds tables of a copied dump, whose paths lead to the files of the original, where that was made anew since."""
    for path in (directory / name / FILES[note.stage] for name in SETS if note.stage in FILES):
        place = next(iter(read_optional(path).values()), "")
        # <dump>/<set>/<audio or features>/<file>
        original = Path(place).absolute().parents[2:3]
        if not original or original[0].resolve() == directory.resolve():
            continue
        there, here = (file_digest(note_file(dump, note.stage)) for dump in (original[0], directory))
        if there not in (MISSING, here):
            message = f"{path} names files of {original[0]}, which stage {note.stage} has made anew since"
            yield Mismatch(note.stage, str(path), f"{message} this copy was made")


def _refuse(mismatches: Sequence[Mismatch], stage: int) -> NoReturn:
    """Raises the error of the first stage that must run again, as the last stage tells it that goes by the same."""
    first = min(mismatches, key=lambda mismatch: mismatch.stage)
    told = [mismatch for mismatch in mismatches if mismatch.subject == first.subject][-1]
    raise UserError(f"{told.message}: {_again(first.stage, stage)}")


def _again(first: int, current: int) -> str:
    last = current - 1
    return f"run stage {first} again" if first == last else f"run stages {first} to {last} again"


def _tell_versions(note: Note, directory: Path) -> None:
    """Says which packages have another version than when a stage ran: most such changes make no difference."""
    now = stage_versions(note.stage)
    changed = [
        f"{name} {then} (now {now[name]})" for name, then in note.versions.items() if now.get(name, then) != then
    ]
    if changed:
        print(f"{directory}: stage {note.stage} ran with {', '.join(changed)}", file=sys.stderr)
