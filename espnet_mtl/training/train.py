"""Running ESPnet's training (stage 5) on a dump, so that it can be killed and called again."""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from espnet_mtl.config.load import DURATIONS_NOTE, load_train_config, read_train_config
from espnet_mtl.config.overrides import override
from espnet_mtl.data.continuous import standardized
from espnet_mtl.data.kaldi import read_optional, read_table, write_table
from espnet_mtl.data.stats import LABEL_FILES, SETS, text_file
from espnet_mtl.errors import UserError, one_of
from espnet_mtl.labels import TABLES, UNLABELLED
from espnet_mtl.model.backbones import token_features
from espnet_mtl.model.checkpoint import is_readable
from espnet_mtl.model.heads import LABELS, VALUES
from espnet_mtl.system.devices import check_gpus
from espnet_mtl.system.files import locked, remove, require, write_text
from espnet_mtl.system.log import TRAIN_LOG, log_to
from espnet_mtl.training.fine_tuning import BaseModel, initial_state

TOKEN_FILES = (
    ("durations", "durations", "text_int"),
    ("pitch", "pitch.scp", "kaldi_ark"),
    ("energy", "energy.scp", "kaldi_ark"),
)
"""(batch entry, file of the dump, type) of the features per token."""


@dataclass
class TrainPaths:
    """Where stage 5 reads and writes.

    Attributes:
        dump: `dump/raw`.
        token_list: `dump/token_list`.
        tables: `dump/tables`.
        stats: `exp/stats`.
        output: `exp/<tag>`.
    """

    dump: Path
    token_list: Path
    tables: Path
    stats: Path
    output: Path

    def data(self, name: str, tts: str, token_type: str, labels: Collection[str]) -> list[tuple[Path, str, str]]:
        """Lists (file, batch entry, type) of the set `name`: what the backbone `tts` takes, and labels of tasks."""
        dump = self.dump / name
        return [
            (dump / text_file(token_type), "text", "text"),
            (dump / "feats.scp", "speech", "kaldi_ark"),
            *((dump / file, entry, kind) for entry, file, kind in TOKEN_FILES if entry in token_features(tts)),
            (dump / "utt2spk", "sids", "text"),
            *([(dump / "utt2lang", "lids", "text")] if self._several_languages() else []),
            *(
                (self.output / "labels" / name / label, label, "text_float" if label in VALUES else "text")
                for label in labels
            ),
        ]

    def _several_languages(self) -> bool:
        table = self.tables / "languages.txt"
        return table.is_file() and len(table.read_text(encoding="utf-8").split()) > 1

    def write_labels(self, labels: Collection[str], token_type: str) -> list[str]:
        """Writes label files that have a line for every utterance, as ESPnet wants them.

        It is `-` where an utterance is unlabelled, or, in dev, where its label is not in train; of values it is `nan`.

        Returns:
            The labels that no utterance of train has.
        """
        absent = []
        values = standardized(self.dump, [label for label in labels if label in VALUES], token_type, SETS)
        for label in labels:
            tables = _lines(values[label]) if label in VALUES else self._names(label)
            absent += [] if tables["train"] else [label]
            blank = " ".join(["nan"] * VALUES[label]) if label in VALUES else UNLABELLED
            for name, table in tables.items():
                utts = read_table(self.dump / name / "utt2spk", "stage 2")
                write_table(self.output / "labels" / name / label, {utt: table.get(utt, blank) for utt in utts})
        return absent

    def _names(self, label: str) -> dict[str, dict[str, str]]:
        key = next(key for key, named in TABLES.items() if named == label)
        known = set((self.tables / f"{key}.txt").read_text(encoding="utf-8").split())
        tables = {name: read_optional(self.dump / name / LABEL_FILES[key]) for name in SETS}
        return {name: {u: v for u, v in table.items() if _is_known(v, known)} for name, table in tables.items()}

    def digest(self, token_type: str) -> str:
        """Hashes what a model learns from: texts, labels, durations, tables and statistics."""
        tables = (text_file(token_type), "durations", "utt2vad", *LABEL_FILES.values())
        paths = [self.dump / name / table for name in SETS for table in tables]
        paths += [self.token_list / token_type / "tokens.txt", *sorted(self.tables.glob("[!.]*"))]
        paths += sorted((self.stats / "train").glob("[!.]*"))
        digest = hashlib.sha256()
        for path in filter(Path.is_file, paths):
            digest.update(path.name.encode() + path.read_bytes())
        return digest.hexdigest()

    def options(self, tts: str, token_type: str, labels: Collection[str]) -> list[str]:
        """Composes the options of ESPnet's training that the recipe decides.

        Raises:
            UserError: Something of stage 3 or 4 is missing.
        """
        tokens = self.token_list / token_type / "tokens.txt"
        stats = {
            "normalize_conf": self.stats / "train" / "feats_stats.npz",
            "pitch_normalize_conf": self.stats / "train" / "pitch_stats.npz",
            "energy_normalize_conf": self.stats / "train" / "energy_stats.npz",
        }
        require([self.dump / "train" / "pitch.scp", self.dump / "dev" / "pitch.scp"], "stage 3")
        require([tokens, self.tables / "speakers.txt", *stats.values()], "stage 4")
        options = ["--token_type", token_type, "--token_list", str(tokens), "--output_dir", str(self.output)]
        if token_type == "bpe":
            options += ["--bpemodel", str(self.token_list / "bpe" / "bpe.model")]
        for key, path in stats.items():
            options += [f"--{key}", f"stats_file={path}"]
        for key in TABLES:
            options += [f"--{key}", str(self.tables / f"{key}.txt")]
        for split, name in (("train", "train"), ("valid", "dev")):
            for path, entry, kind in self.data(name, tts, token_type, labels):
                options += [f"--{split}_data_path_and_name_and_type", f"{path},{entry},{kind}"]
            for shape in ("text_shape", "speech_shape"):
                options += [f"--{split}_shape_file", str(self.stats / name / shape)]
        return options


def train(
    train_config: str,
    paths: TrainPaths,
    token_type: str,
    ngpu: int,
    arguments: Sequence[str],
    base: BaseModel | None = None,
) -> None:
    """Trains, or goes on where a killed training stopped; the result is the same.

    Args:
        train_config: The training YAML.
        paths: Where to read and write.
        token_type: "phn", "char" or "bpe".
        ngpu: GPUs; more than one trains in as many processes.
        arguments: Options of ESPnet's training, which override the YAML.
        base: A trained model to go on from.

    Raises:
        UserError: A mistake in the config or options, an input missing, or an experiment trained with other settings
            or data.
    """
    config = load_train_config(train_config)
    final = override(train_config, config, arguments)
    from espnet_mtl.tasks.tts import MTLTTSTask, with_labels

    parser = MTLTTSTask.get_parser()
    given = read_train_config(train_config)
    parser.set_defaults(**{key: value for key, value in given.items() if value is not None or not config.get(key)})
    command = ["--resume", "true", "--ngpu", str(ngpu), "--multiprocessing_distributed", "true", *arguments]
    first = parser.parse_args(command)
    check_gpus(first.ngpu)
    check_class_keys(first)
    labels = written_labels(first.tasks)
    args = parser.parse_args([*paths.options(final["tts"], token_type, labels), *command])
    args.config = train_config
    if "durations" in token_features(final["tts"]):
        _check_durations(paths.dump / DURATIONS_NOTE, token_type)
    settings = {"config": config, "arguments": list(arguments), "token_type": token_type}
    settings["data"] = paths.digest(token_type)
    if base:
        base.check(final)
        settings["init_model"] = hashlib.sha256(base.model_file.read_bytes()).hexdigest()
    with locked(paths.output):
        _same_settings(paths.output, settings)
        repair(paths.output)
        absent = paths.write_labels(labels, token_type)
        args.tasks = with_labels(args.tasks, set(absent) & set(VALUES))
        if base:
            args.init_param = [str(paths.output / "init.pth")]
            torch.save(initial_state(base, args), paths.output / "init.pth")
        log_to(paths.output / TRAIN_LOG)
        MTLTTSTask.main(args=args)


def check_class_keys(args: argparse.Namespace) -> None:
    """Raises UserError where an optimizer or a scheduler of ESPnet's does not have one of the keys of its section."""
    from espnet2.tasks.abs_task import optim_classes, scheduler_classes

    for kind, classes in (("optim", optim_classes), ("scheduler", scheduler_classes)):
        name = getattr(args, kind)
        if name is None:
            continue
        _, *valid = inspect.signature(classes[name]).parameters
        for key in getattr(args, f"{kind}_conf"):
            if key not in valid:
                raise one_of(f"key of {kind}_conf ({name})", key, valid)


def written_labels(tasks: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Names the labels that need files of their own: those of tasks, and emotions, which the style needs."""
    labels = {task["label"] for task in tasks.values() if "label" in task}
    if unknown := labels - LABELS.keys():
        raise one_of("label", min(unknown), LABELS)
    return sorted({"emotion", *labels} - {"speaker", "language"})


def _lines(values: Mapping[str, Mapping[str, Iterable[float]]]) -> dict[str, dict[str, str]]:
    """Writes out numbers by set and utterance."""
    return {
        name: {utt: " ".join(f"{number:.5f}" for number in value) for utt, value in table.items()}
        for name, table in values.items()
    }


def _is_known(label: str, names: set[str]) -> bool:
    return label == UNLABELLED or {part.partition(":")[0] for part in label.split(",")} <= names


def _check_durations(note: Path, token_type: str) -> None:
    require([note], "stage 3")
    made_for = json.loads(note.read_text(encoding="utf-8"))["token_type"]
    if made_for != token_type:
        raise UserError(f"{note}: stage 3 made durations for --token_type {made_for}, not {token_type}: run it again")


def _same_settings(output: Path, settings: dict) -> None:
    """Notes settings and data of an experiment, and refuses to go on with one that was trained with others."""
    path, text = output / "settings.yaml", yaml.safe_dump(settings, sort_keys=True)
    trained = (output / "checkpoint.pth").exists()
    if trained and path.is_file() and path.read_text(encoding="utf-8") != text:
        raise UserError(
            f"{output} was trained with other settings or data ({path}): "
            "delete it, or choose another name (--tag; of an ablation, the YAML's)"
        )
    write_text(path, text)


def repair(output: Path) -> None:
    """Makes what a killed training left consistent: without a readable checkpoint it starts again, and an epoch
    that is in the checkpoint but not in its own file is written out."""
    checkpoint = output / "checkpoint.pth"
    if not checkpoint.exists():
        return
    if not is_readable(checkpoint):
        logging.warning(f"{checkpoint} is cut off: training starts again")
        remove(*output.glob("*.pth"))
        return
    state = torch.load(checkpoint, map_location="cpu", weights_only=False)
    epoch = state["reporter"]["epoch"]
    path = output / f"{epoch}epoch.pth"
    if not is_readable(path):
        torch.save(state["model"], path)
