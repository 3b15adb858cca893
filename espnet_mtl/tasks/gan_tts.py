"""The ESPnet task of networks that make waveforms: a generator and a discriminator, trained in turns."""

from __future__ import annotations

import argparse
from types import SimpleNamespace

import torch
from torch import nn

from espnet_mtl.model.model import MTLTTSModel
from espnet_mtl.system.imports.espnet import import_quietly
from espnet_mtl.tasks.tts import MTLTTSTask, load_backbones

import_quietly("espnet2.tasks.gan_tts")

from espnet2.tasks.gan_tts import GANTrainer, GANTTSTask  # noqa: E402
from espnet2.train.class_choices import ClassChoices  # noqa: E402

from espnet_mtl.data.extraction.aligner import BatchedForwardSumLoss, FastAlignmentModule  # noqa: E402


class _Turns(GANTTSTask):
    """ESPnet's task, whose generator is all of the model but the discriminator: style, heads and weighting, too."""

    @classmethod
    def build_optimizers(cls, args: argparse.Namespace, model: MTLTTSModel) -> list[torch.optim.Optimizer]:
        """Builds the optimizers of the generator (`optim`) and of the discriminator (`optim2`)."""
        discriminator = model.tts.discriminator
        own = {id(parameter) for parameter in discriminator.parameters()}
        others = nn.ParameterList(parameter for parameter in model.parameters() if id(parameter) not in own)
        network = SimpleNamespace(generator=others, discriminator=discriminator)
        optimizers: list[torch.optim.Optimizer] = super().build_optimizers(args, SimpleNamespace(tts=network))
        return optimizers


class MTLGANTTSTask(MTLTTSTask, _Turns):
    """ESPnet's GAN task with this project's backbones, style, task heads and weighting."""

    num_optimizers = 2
    trainer = GANTrainer
    class_choices_list = [  # noqa: RUF012
        *(choices for choices in MTLTTSTask.class_choices_list if choices.name != "tts"),
        ClassChoices("tts", load_backbones(end_to_end=True), default="jets"),
    ]

    @classmethod
    def build_model(cls, args: argparse.Namespace) -> MTLTTSModel:
        """Builds the model; it aligns with the parts of stage 3's aligner: ESPnet's values in less time and memory.

        Raises:
            UserError: See `MTLTTSTask.build_model`.
        """
        model = super().build_model(args)
        module = FastAlignmentModule(model.tts.encoder_dim, model.tts.odim)
        model.tts.align_with(module, BatchedForwardSumLoss())
        return model
