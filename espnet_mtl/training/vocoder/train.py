"""Training a vocoder into a directory, so that it can be killed and called again."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from espnet_mtl.config.load import read_yaml
from espnet_mtl.config.signal import check_trainable
from espnet_mtl.data.dump import WAV_SCP
from espnet_mtl.data.kaldi import read_scp
from espnet_mtl.data.provenance.notes import file_digest, joined_digest
from espnet_mtl.errors import UserError
from espnet_mtl.model.checkpoint import best_model, is_whole
from espnet_mtl.system.files import locked, remove, whole_file, write_text
from espnet_mtl.training.vocoder.data import VocoderData
from espnet_mtl.training.vocoder.trainer import VocoderTrainer
from espnet_mtl.vocoder.options import WEIGHTS, VocoderOptions
from espnet_mtl.vocoder.source_filter.network import SourceFilterNetwork
from espnet_mtl.vocoder.source_filter.options import NetworkOptions
from espnet_mtl.vocoder.source_filter.vocoder import (
    read_discriminators,
    read_network,
    signal_of,
    universal_difference,
    universal_weights,
    write_network,
)

CHECKPOINT, NOTE = "vocoder_checkpoint.pth", "vocoder.json"
SIGNAL_KEYS = ("feats_extract", "feats_extract_conf", "pitch_extract", "pitch_extract_conf")
"""Keys of a training configuration that say what a vocoder reads."""


@dataclass(frozen=True)
class VocoderPaths:
    """Where the training of a vocoder writes.

    Attributes:
        output: The directory.
    """

    output: Path

    @property
    def weights(self) -> Path:
        """The trained vocoder."""
        return self.output / WEIGHTS

    @property
    def checkpoint(self) -> Path:
        """What a training that was cut off goes on from."""
        return self.output / CHECKPOINT

    @property
    def note(self) -> Path:
        """What the vocoder is made of."""
        return self.output / NOTE


def train_vocoder(
    config: Mapping[str, Any],
    options: VocoderOptions,
    data: Sequence[Path],
    output: Path,
    weights: Path | None = None,
    ngpu: int = 0,
    nj: int = 1,
) -> Path:
    """Trains a vocoder on natural speech.

    Args:
        config: A training configuration, which says what the log-mel is.
        options: How to train.
        data: Directories with wav.scp, such as dump/raw/train.
        output: Where it goes.
        weights: A vocoder to start from; None: nothing.
        ngpu: 0: CPU.
        nj: Processes that read recordings.

    Returns:
        The trained vocoder, `<output>/vocoder.pth`.

    Raises:
        UserError: A recording or the weights cannot be used, or the directory holds a vocoder of other settings.
    """
    check_trainable(config["feats_extract_conf"], options.segment)
    recordings: list[str] = []
    for directory in data:
        recordings += read_scp(directory / WAV_SCP, "stage 2").values()
    wavs = _drawn(recordings, options)
    made_of = {
        "signal": {key: config[key] for key in SIGNAL_KEYS},
        "options": _noted(options),
        "recordings": joined_digest(file_digest(Path(wav)) for wav in wavs),
        "weights": file_digest(weights) if weights else None,
    }
    paths = VocoderPaths(output)

    def make() -> tuple[SourceFilterNetwork, VocoderData]:
        _tell(wavs, recordings)
        speech = VocoderData.read(wavs, config, nj, options.resampled)
        return initial_network(config["feats_extract_conf"], speech, weights, options.seed), speech

    with locked(output):
        if (paths.note.is_file() or paths.weights.is_file()) and not _is_made_of(paths, made_of):
            raise UserError(
                f"{output} holds a vocoder of other settings or data: delete it, or choose another directory"
            )
        _run(paths, made_of, make, options, "cuda" if ngpu else "cpu", weights)
    return paths.weights


def fine_tune_vocoder(exp: Path, dump: Path, ngpu: int, nj: int = 1) -> None:
    """Trains the vocoder of an experiment on what its acoustic model predicts: `exp/<tag>/vocoder.pth`.

    It starts from the weights in this package where they are for the same features, else from nothing. Where it is
    there already, nothing happens.

    Args:
        exp: The experiment, whose acoustic model is trained; its config.yaml has the section `vocoder`.
        dump: The training set, `dump/raw/train`.
        ngpu: 0: CPU.
        nj: Processes that read recordings.

    Raises:
        UserError: A recording cannot be read.
    """
    config = read_yaml(exp / "config.yaml")
    options = VocoderOptions(**(config.get("vocoder") or {}))
    paths = VocoderPaths(exp)
    if not options.trains:
        remove(paths.weights, paths.checkpoint, paths.note)
        return
    model_file = best_model(exp, config)
    wavs = read_scp(dump / WAV_SCP, "stage 2")
    drawn = _drawn(list(wavs), options)
    made_of: dict[str, Any] = {"options": _noted(options), "model": file_digest(model_file)}
    if len(drawn) < len(wavs):
        made_of["max_utterances"] = options.max_utterances
    features = config["feats_extract_conf"]
    weights = None if universal_difference(features) else universal_weights()
    device = "cuda" if ngpu else "cpu"

    def make() -> tuple[SourceFilterNetwork, VocoderData]:
        from espnet_mtl.training.vocoder.predictions import Predictor

        _tell(drawn, wavs)
        predictor = Predictor(exp / "config.yaml", model_file, device)
        utts = predictor.in_turn(drawn)
        speech = VocoderData.read([wavs[utt] for utt in utts], config, nj)
        speech.take_predictions(predictor.predict(utts))
        return initial_network(features, speech, weights, options.seed), speech

    if not _is_made_of(paths, made_of):
        remove(paths.weights, paths.checkpoint)
    _run(paths, made_of, make, options, device, weights)


def _drawn(recordings: Sequence[str], options: VocoderOptions) -> list[str]:
    """Draws those that a vocoder learns from, where there are more than it may hold; they keep their order."""
    if len(recordings) <= options.max_utterances:
        return list(recordings)
    places = np.random.default_rng(options.seed).choice(len(recordings), options.max_utterances, replace=False)
    return [recordings[place] for place in sorted(places)]


def _tell(drawn: Sequence[str], recordings: Collection[str]) -> None:
    if len(drawn) < len(recordings):
        shares = f"{len(drawn)} of {len(recordings)} recordings"
        logging.warning(f"vocoder: {shares}, drawn at random (vocoder.max_utterances)")


def _noted(options: VocoderOptions) -> dict[str, Any]:
    """Returns the options that a vocoder is made with; its recordings are noted by themselves."""
    return options.model_dump(exclude={"max_utterances"})


def _is_made_of(paths: VocoderPaths, made_of: Mapping[str, Any]) -> bool:
    return paths.note.is_file() and paths.note.read_bytes() == _written(made_of).encode()


def _written(made_of: Mapping[str, Any]) -> str:
    return json.dumps(made_of, indent=2) + "\n"


def _run(
    paths: VocoderPaths,
    made_of: Mapping[str, Any],
    make: Callable[[], tuple[SourceFilterNetwork, VocoderData]],
    options: VocoderOptions,
    device: str,
    weights: Path | None,
) -> None:
    """Trains, or goes on, unless the vocoder is there; of what is cut off or damaged, nothing is taken."""
    if is_whole(paths.weights):
        remove(paths.checkpoint)  # a training that was killed at its very end leaves it
        return
    if paths.checkpoint.exists() and not is_whole(paths.checkpoint):
        logging.warning(f"{paths.checkpoint} is damaged: the vocoder's training begins again")
        remove(paths.checkpoint)
    write_text(paths.note, _written(made_of))
    logging.info("vocoder: training, %d steps", options.steps)
    network, speech = make()
    discriminators = read_discriminators(weights) if weights else None
    try:
        trainer = VocoderTrainer(network, options, device, discriminators)
    except RuntimeError as error:
        raise UserError(f"{weights}: its discriminators are not those of this version: {error}") from error
    trainer.run(speech, paths.checkpoint)
    with whole_file(paths.weights) as file:
        write_network(trainer.average, file, trainer.discriminators)
    remove(paths.checkpoint)


def initial_network(
    features: Mapping[str, Any], data: VocoderData, weights: Path | None, seed: int
) -> SourceFilterNetwork:
    """Builds the network that a training begins with.

    Args:
        features: `feats_extract_conf`.
        data: What it will learn from.
        weights: A trained vocoder; None: nothing.
        seed: Of weights that are drawn at random.

    Raises:
        UserError: The weights are none of a vocoder for such features.
    """
    if weights is not None:
        return read_network(weights, features)
    torch.manual_seed(seed)
    network = SourceFilterNetwork(signal_of(features), NetworkOptions())
    mean, deviation = data.moments()
    network.mean.copy_(mean)
    network.std.copy_(deviation)
    return network
