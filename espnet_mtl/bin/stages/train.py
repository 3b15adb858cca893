"""Stage 5: training. Options after `--` are ESPnet's and override the YAML, e.g. `-- --max_epoch 4`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.bin import split_options
from espnet_mtl.bin.arguments import INIT_MODEL, Parser, output_directory, whole_number
from espnet_mtl.errors import run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and trains."""
    parser = Parser(description=__doc__)
    parser.add_argument("--train_config", required=True, help="training YAML")
    parser.add_argument("--dump", type=Path, required=True, help="directory of stage 3, e.g. dump/raw")
    parser.add_argument("--token_list", type=Path, required=True, help="token lists of stage 4")
    parser.add_argument("--tables", type=Path, required=True, help="label tables of stage 4")
    parser.add_argument("--stats", type=Path, required=True, help="statistics of stage 4")
    parser.add_argument(
        "--output", type=output_directory, required=True, help="where the experiment goes, e.g. exp/<tag>"
    )
    parser.add_argument("--token_type", default="phn", help="phn, char or bpe")
    parser.add_argument("--ngpu", type=whole_number(0), default=0, help="GPUs; 0: CPU")
    parser.add_argument(
        "--num_splits",
        type=whole_number(1),
        default=1,
        help="parts of the train set, of which one is in memory at a time: for millions of utterances",
    )
    parser.add_argument("--init_model", help=INIT_MODEL)
    own, espnet = split_options(argv)
    args = parser.parse_args(own)
    from espnet_mtl.system.paths import check_places
    from espnet_mtl.training.dataset import TrainPaths
    from espnet_mtl.training.fine_tuning import open_pretrained
    from espnet_mtl.training.train import train

    check_places({"--dump": args.dump, "--tables": args.tables, "--stats": args.stats, "--output": args.output})
    paths = TrainPaths(args.dump, args.token_list, args.tables, args.stats, args.output)
    pretrained = open_pretrained(args.init_model)
    train(args.train_config, paths, args.token_type, args.ngpu, espnet, pretrained, args.num_splits)


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
