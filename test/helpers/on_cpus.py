"""`espnet_mtl.bin.train` with a process on the CPU in the place of each GPU."""

import espnet_mtl.task
import espnet_mtl.training
from espnet_mtl.bin.train import cli


class OnCPUs(espnet_mtl.task.MTLTTSTask):
    """The processes of several GPUs, without GPUs."""

    @classmethod
    def main_worker(cls, args):
        args.ngpu, args.dist_backend = 0, "gloo"
        super().main_worker(args)


if __name__ == "__main__":
    espnet_mtl.task.MTLTTSTask = OnCPUs
    espnet_mtl.training.check_gpus = int
    cli()
