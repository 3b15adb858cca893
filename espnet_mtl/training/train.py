"""Running ESPnet's training (stage 5) on a dump, so that it can be killed and called again."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from espnet_mtl.config.load import load_train_config, read_train_config
from espnet_mtl.config.overrides import override
from espnet_mtl.config.schema import SPEAKER_LANGUAGES, VISUAL_SHAPE, VISUAL_WEIGHTS, VOCODER_WEIGHTS
from espnet_mtl.data.dump import TRAIN_AND_DEV
from espnet_mtl.data.provenance.check import check_stages
from espnet_mtl.data.utterances import languages_of_speakers
from espnet_mtl.errors import UserError
from espnet_mtl.labels import CONTINUOUS_LABELS
from espnet_mtl.model.checkpoint import save_whole
from espnet_mtl.registry import BACKBONES
from espnet_mtl.system.devices import check_gpus
from espnet_mtl.system.files import locked, write_text
from espnet_mtl.system.log import TRAIN_LOG, logged
from espnet_mtl.tasks.saving import CHECKPOINT, PREVIOUS
from espnet_mtl.text.tokens import Tokenizer
from espnet_mtl.training.dataset import SPLITS_IN, TrainPaths, written_labels
from espnet_mtl.training.experiment import noted_training
from espnet_mtl.training.faces import face_note, write_faces
from espnet_mtl.training.fine_tuning import PretrainedModel, initial_state
from espnet_mtl.training.inputs import check_inputs
from espnet_mtl.training.nodes import follow, leading, this_node, without_launching
from espnet_mtl.training.recordings import check_recordings
from espnet_mtl.training.resume import INITIAL, config_kept, finish_epoch, repair
from espnet_mtl.training.splits import check_steps, read_in_parts
from espnet_mtl.vocoder.options import WEIGHTS, VocoderOptions

if TYPE_CHECKING:
    from espnet_mtl.tasks.tts import MTLTTSTask


def train(
    train_config: str,
    paths: TrainPaths,
    token_type: str,
    ngpu: int,
    arguments: Sequence[str],
    pretrained: PretrainedModel | None = None,
    num_splits: int = 1,
) -> None:
    """Trains, or goes on where a killed training stopped; the result is the same.

    Args:
        train_config: The training YAML.
        paths: Where to read and write.
        token_type: "phn", "char" or "bpe".
        ngpu: GPUs; more than one trains in as many processes.
        arguments: Options of ESPnet's training, which override the YAML.
        pretrained: A trained model to start from.
        num_splits: Parts of the train set, of which one is in memory at a time.

    Raises:
        UserError: A mistake in the config or options, an input missing, or an experiment trained with other settings
            or data.
    """
    paths.check_output()
    config = load_train_config(train_config)
    final = override(train_config, config, arguments)
    if pretrained:
        pretrained.check(final)
    check_steps(final.get("num_iters_per_epoch"), num_splits)
    labels = written_labels(final["tasks"])
    # What is missing is told before ESPnet is imported, which takes seconds.
    sees = final["style_conf"].get("visual") is not None
    faces = face_note(paths.dump, final["visual_extract"]) if sees else None
    recipe_options = paths.options(final["tts"], token_type, labels, sees)
    init_model = pretrained.digest if pretrained else None
    state = paths.state(token_type)
    check_stages(paths.dump, final, token_type, 5, paths.stats, init_model)
    from espnet_mtl.tasks.tts import training_task, with_labels

    task = training_task(final["tts"])
    args = _parse(task, train_config, config, recipe_options, ngpu, arguments)
    check_inputs(paths, final["tts"], token_type)
    speaks_itself = BACKBONES.spec(final["tts"]).end_to_end
    if speaks_itself:
        check_recordings(paths.dump, final["feats_extract_conf"])
    settings = {"token_type": token_type, "data": paths.digest(token_type, sees), **_settings(config, arguments)}
    if init_model:
        settings["init_model"] = init_model
    if num_splits > 1:  # they decide on the batches
        settings["num_splits"] = num_splits
    node = this_node(args)
    if node.rank > 0:
        task.main(args=follow(node, args))
        return
    with leading(node, args) as others, locked(paths.output):
        _same_settings(paths.output, settings)
        checkpoint = repair(paths.output)
        if checkpoint:
            finish_epoch(paths.output, checkpoint, args)
        paths.keep_files(token_type)
        tokenizer = Tokenizer.from_config(final, token_type, args.bpemodel)
        absent = paths.label_files.write(labels, tokenizer)
        # Classes that the data lack are found by the task itself, in the label tables.
        args.tasks = with_labels(args.tasks, set(absent) & set(CONTINUOUS_LABELS))
        known = pretrained.config.get(SPEAKER_LANGUAGES) if pretrained else None
        setattr(args, SPEAKER_LANGUAGES, languages_of_speakers([paths.dump / part for part in TRAIN_AND_DEV], known))
        setattr(args, VISUAL_SHAPE, faces and faces.shape)
        setattr(args, VISUAL_WEIGHTS, faces and faces.weights)
        if faces:
            write_faces(paths.dump, faces.shape, paths.faces)
        read_in_parts(args, num_splits, paths.shared / SPLITS_IN)
        if pretrained:
            args.init_param = [str(paths.output / INITIAL)]
            save_whole(initial_state(pretrained, args), paths.output / INITIAL)
        trains_vocoder = VocoderOptions(**final["vocoder"]).trains and not speaks_itself
        setattr(args, VOCODER_WEIGHTS, str(paths.output / WEIGHTS) if trains_vocoder else None)
        paths.check_unchanged(state, token_type)
        with logged(paths.output / TRAIN_LOG), noted_training(paths.output, paths.dump):
            others.begin(args)
            _run(task, args, paths, speaks_itself)


def _run(task: type[MTLTTSTask], args: argparse.Namespace, paths: TrainPaths, speaks_itself: bool) -> None:
    """Trains the model, and then its vocoder, where it needs one."""
    with config_kept(paths.output):
        task.main(args=args)
    if not speaks_itself:
        # Imported here: who only asks for a mistake in the configuration does not wait for it
        from espnet_mtl.training.vocoder.train import fine_tune_vocoder

        fine_tune_vocoder(paths.output, paths.dump / "train", args.ngpu)


def _parse(
    task: type[MTLTTSTask],
    train_config: str,
    config: Mapping[str, Any],
    recipe_options: Sequence[str],
    ngpu: int,
    arguments: Sequence[str],
) -> argparse.Namespace:
    """Reads the options of ESPnet's training: first the YAML, then what the recipe decides, then the user's.

    Raises:
        UserError: More GPUs than there are, or several that one process is to drive.
    """
    parser = task.get_parser()
    given = read_train_config(train_config)
    # A section that is left empty in the YAML has the default of its key.
    parser.set_defaults(**{key: value for key, value in given.items() if value is not None or not config.get(key)})
    users = ["--resume", "true", "--ngpu", str(ngpu), "--multiprocessing_distributed", "true", *arguments]
    args = parser.parse_args([*recipe_options, *users])
    check_gpus(args.ngpu)
    if args.ngpu > 1 and not args.multiprocessing_distributed:
        raise UserError("--multiprocessing_distributed false: several GPUs are driven by a process each")
    args.config = train_config
    return args


def _settings(config: Mapping[str, Any], arguments: Sequence[str]) -> dict[str, Any]:
    """Returns what decides on the acoustic model; a vocoder is trained again by itself."""
    acoustic = {key: value for key, value in config.items() if key != "vocoder"}
    return {"config": acoustic, "arguments": without_launching(arguments)}


def _same_settings(output: Path, settings: dict) -> None:
    """Notes settings and data of an experiment, and refuses to go on with one that was trained with others."""
    path, text = output / "settings.yaml", yaml.safe_dump(settings, sort_keys=True)
    # Where one of them is missing, `repair` goes on from the other
    trained = any((output / name).exists() for name in (CHECKPOINT, PREVIOUS))
    if trained and path.is_file() and path.read_text(encoding="utf-8") != text:
        raise UserError(
            f"{output} was trained with other settings or data, or by another version ({path}): "
            "delete it, or choose another name (--tag; of an ablation, the YAML's)"
        )
    write_text(path, text)
