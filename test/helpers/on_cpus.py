"""`espnet_mtl.bin.stages.train` with a process on the CPU in the place of each GPU.

Where WITHOUT_DROPOUT is set there is none: it is random, and so not the same in one process and in two.
"""

import os

from torch import nn

import espnet_mtl.tasks.tts
import espnet_mtl.training.train
from espnet_mtl.bin.stages.train import cli

if os.environ.get("WITHOUT_DROPOUT"):
    nn.Dropout.forward = lambda layer, values: values


class OnCPUs(espnet_mtl.tasks.tts.MTLTTSTask):
    """The processes of several GPUs, without GPUs."""

    @classmethod
    def main_worker(cls, args):
        args.ngpu, args.dist_backend = 0, "gloo"
        super().main_worker(args)


if __name__ == "__main__":
    espnet_mtl.tasks.tts.MTLTTSTask = OnCPUs
    espnet_mtl.training.train.check_gpus = int
    cli()
