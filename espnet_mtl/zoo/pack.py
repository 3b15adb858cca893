"""Packing a trained model for espnet_model_zoo: one archive that loads where the recipe never was."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import yaml

from espnet_mtl import __version__
from espnet_mtl.config.load import read_yaml
from espnet_mtl.config.schema import OWN_KEYS, SPEAKER_LANGUAGES
from espnet_mtl.errors import UserError, read_system_error
from espnet_mtl.inference.sets.spoken import check_spoken
from espnet_mtl.labels import TABLES
from espnet_mtl.model.checkpoint import FILE_KEYS, best_model, locate_files, lookup
from espnet_mtl.onnx.files import FOLDER
from espnet_mtl.system.files import locked, naming, remove, rename, require, write_text
from espnet_mtl.system.parallel.children import run_child
from espnet_mtl.training.experiment import cut_off, experiment_notices
from espnet_mtl.zoo.archive import check_archive
from espnet_mtl.zoo.example import example_arguments, example_command, example_voice
from espnet_mtl.zoo.faces import face_card
from espnet_mtl.zoo.members import SUFFIXES

NAMES = ("token_list", *TABLES, SPEAKER_LANGUAGES)
"""Config keys that hold tokens and names ("/" may be one), never paths."""


def pack_model(
    exp: str | Path,
    output: str | Path | None = None,
    inference_config: str | Path | None = None,
    onnx: bool = False,
) -> Path:
    """Packs an experiment with ESPnet's pack command, whole or not at all.

    The archive holds exp/<tag>/config.yaml, the model file that `best_model` chooses, the statistics of mel,
    pitch and energy, README.md (the model card), the decoding config, and metrics.json of the test set where
    stage 7 wrote it; and graphs of ONNX in exp/<tag>/onnx. Nothing in config.yaml refers to this machine.

    Args:
        exp: Experiment directory of stage 5.
        output: Archive to write; None: <exp>/<tag>.zip.
        inference_config: Decoding YAML; its name without suffix is that of the decoding directory.
        onnx: Whether to export the model, too, so that it speaks without PyTorch; one that cannot be is packed without.

    Returns:
        The archive.

    Raises:
        UserError: Something is missing, or `output` has an unknown suffix.
        OSError: There is no room for it.
    """
    exp = Path(exp).absolute()
    output = Path(output or exp / f"{exp.name}.zip").absolute()
    if not output.name.endswith(SUFFIXES):
        raise UserError(f"{output}: a packed model ends in {', '.join(SUFFIXES)}")
    require([exp / "config.yaml"], "stage 5")
    config = read_yaml(exp / "config.yaml")
    locate_files(config, exp)
    members = _members(exp, config, Path(inference_config) if inference_config else None)
    require(members.values(), "stages 4 and 5")
    metrics = _metrics(members.get(f"exp/{exp.name}/metrics.json"))
    if metrics and inference_config:
        check_spoken(exp, exp / Path(inference_config).stem / "test", (6, 7))
    for notice in experiment_notices(exp, config):
        print(notice, file=sys.stderr)
    with _staging(output) as staging:
        for member, source in members.items():
            (staging / member).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, staging / member)
        graphs = _export(config, members, staging, f"exp/{exp.name}/{FOLDER}") if onnx else []
        text = yaml.safe_dump(portable(config, f"exp/{exp.name}"), sort_keys=False, allow_unicode=True)
        write_text(staging / f"exp/{exp.name}/config.yaml", text)
        card = model_card(exp.name, output.name, config, metrics, cut_off(exp, config), bool(graphs))
        write_text(staging / "README.md", card)
        _run_pack(staging, output.name, f"exp/{exp.name}/config.yaml", [*members, *graphs, "README.md"])
        check_archive(staging / output.name)
        rename(staging / output.name, output)
    return output


def _members(exp: Path, config: Mapping[str, Any], inference_config: Path | None) -> dict[str, Path]:
    """Lists what is copied as it is, member -> file; the first is the model file."""
    root = f"exp/{exp.name}"
    model = best_model(exp, config)
    members = {f"{root}/{model.name}": model}
    for name, keys in FILE_KEYS.items():
        if value := lookup(config, keys):
            members[f"{root}/{name}"] = Path(value)
    if inference_config:
        members[f"{root}/{inference_config.name}"] = inference_config
        metrics = exp / inference_config.stem / "test/metrics.json"
        if metrics.is_file():
            members[f"{root}/metrics.json"] = metrics
    return members


def _export(config: Mapping[str, Any], members: Mapping[str, Path], staging: Path, folder: str) -> list[str]:
    """Exports a model into a folder, and returns the members; none, which it says, where it cannot be exported."""
    from espnet_mtl.inference.text2speech import Text2Speech  # these import PyTorch
    from espnet_mtl.onnx.export import export_model, why_not

    located = staging / "located.yaml"  # with the files where they are on this machine; it is not packed
    write_text(located, yaml.safe_dump(dict(config), allow_unicode=True))
    model_file, *_ = members.values()
    tts = Text2Speech(located, model_file)
    if reason := why_not(tts):
        print(f"packed without ONNX: {reason}", file=sys.stderr)
        return []
    export_model(tts, staging / folder)
    return [f"{folder}/{path.name}" for path in sorted((staging / folder).iterdir())]


def portable(config: Mapping[str, Any], root: str) -> dict[str, Any]:
    """Returns a config without absolute paths, whose `FILE_KEYS` are the members below `root`.

    A path below the current directory becomes relative to it; of any other one only the name stays.
    """
    result = {}
    for key, value in config.items():
        result[key] = value if key in NAMES else _relative(value)
    for name, keys in FILE_KEYS.items():
        if lookup(config, keys):
            lookup(result, keys[:-1])[keys[-1]] = f"{root}/{name}"
    return result


def _relative(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _relative(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_relative(item) for item in value]
    if not isinstance(value, str):
        return value
    path = Path(value.removeprefix("file://"))
    if not path.is_absolute():
        return value
    if path.is_relative_to(Path.cwd()):
        return path.relative_to(Path.cwd()).as_posix()
    return path.name or value  # "/" has no name


@contextmanager
def _staging(output: Path) -> Iterator[Path]:
    # One fixed name beside the archive: what a killed run left is cleared by the next one
    staging = output.with_name(f".{output.name}.tmp")
    with locked(output):
        remove(staging)
        staging.mkdir()
        try:
            yield staging
        finally:
            remove(staging)


def _run_pack(staging: Path, output: str, config: str, members: list[str]) -> None:
    # ESPnet names members relative to the current directory: in a process of its own, it is the staged tree
    model, *others = members
    command = [sys.executable, "-m", "espnet_mtl.zoo.espnet_pack", "tts", "--outpath", output]
    command += ["--train_config", config, "--model_file", model]
    for other in others:
        command += ["--option", other]
    done = run_child(command, staging)
    if done.returncode:
        said = " ".join(done.stderr.splitlines()[-1:])
        with naming(staging / output):
            raise read_system_error(said) or UserError(f"ESPnet's pack failed: {said}")


def _metrics(path: Path | None) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path else {}


def model_card(
    tag: str,
    archive: str,
    config: Mapping[str, Any],
    metrics: Mapping[str, Any],
    training: str | None = None,
    onnx: bool = False,
) -> str:
    """Writes the model card: what the model is and may be used for, its figures, and how to use it.

    Args:
        tag: Name of the experiment.
        archive: File name of the packed model.
        config: Training config.
        metrics: metrics.json of stage 7, or nothing.
        training: How far the training had come, where it had not come to its end.
        onnx: Whether it holds graphs of ONNX.
    """
    config = {**OWN_KEYS, **config}
    speakers, emotions = config["speakers"] or [], config["emotions"] or []
    languages = config["languages"] or [config["language"]]
    return _template().render(
        tag=tag,
        archive=json.dumps(archive, ensure_ascii=False),
        config=config,
        speakers=speakers,
        emotions=emotions,
        languages=languages,
        language_codes=sorted({language.partition("-")[0] for language in languages}),
        choice=example_arguments(example_voice(config)),
        command=example_command("python", archive, "Hello there.", "hello.wav", config),
        faces=face_card(config),
        versions=_versions(),
        metrics=list(_rows(tag, metrics)),
        training=training,
        onnx=onnx,
    )


def _template() -> jinja2.Template:
    text = (files("espnet_mtl.zoo") / "model_card.md.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(text)


def _versions() -> dict[str, str]:
    return {
        "espnet_mtl": __version__,
        "espnet": version("espnet"),
        "torch": version("torch"),
        "Python": platform.python_version(),
    }


def _rows(tag: str, metrics: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yields the rows of the card's table: a metric, and its figure for the model, natural and vocoded speech."""
    systems = metrics.get("systems", {})
    columns = [systems.get(name, {}).get("metrics", {}) for name in (tag, "natural", "natural vocoded")]
    for metric in columns[0]:
        figures = [_figure(column.get(metric)) for column in columns]
        yield (metric, *figures)


def _figure(entry: Any) -> str:
    return f"{entry['value']:.3g} [{entry['low']:.3g}, {entry['high']:.3g}]" if entry else ""
