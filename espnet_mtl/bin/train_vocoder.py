"""Trains a source-filter vocoder on natural speech, for the features of a training configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.bin.arguments import Parser, output_directory, whole_number
from espnet_mtl.errors import run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and trains."""
    parser = Parser(description=__doc__)
    parser.add_argument("--train_config", required=True, help="training YAML: its features, and its section vocoder")
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, help="directories of stage 2, e.g. dump/raw/train"
    )
    parser.add_argument("--output", type=output_directory, required=True, help="where it goes, e.g. exp/vocoder")
    parser.add_argument("--steps", type=whole_number(1), help="steps of training, in place of the section's")
    parser.add_argument("--init_vocoder", type=Path, help="vocoder.pth to start from; none: from nothing")
    parser.add_argument("--ngpu", type=whole_number(0), default=0, help="1: on a GPU; 0: CPU")
    parser.add_argument("--nj", type=whole_number(1), default=1, help="processes that read recordings [%(default)s]")
    args = parser.parse_args(argv)
    from espnet_mtl.config.load import load_train_config
    from espnet_mtl.system.devices import check_gpus
    from espnet_mtl.vocoder.options import VocoderOptions

    config = load_train_config(args.train_config)
    check_gpus(args.ngpu)
    given = dict(config["vocoder"])
    if args.steps is not None:
        given["steps"] = args.steps
    # This imports PyTorch and ESPnet, which takes seconds: mistakes above are told before
    from espnet_mtl.system.log import TRAIN_LOG, logged
    from espnet_mtl.training.vocoder.train import train_vocoder

    args.output.mkdir(parents=True, exist_ok=True)
    options = VocoderOptions(**given)
    with logged(args.output / TRAIN_LOG):
        weights = train_vocoder(config, options, args.data, args.output, args.init_vocoder, args.ngpu, args.nj)
    print(weights)


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
