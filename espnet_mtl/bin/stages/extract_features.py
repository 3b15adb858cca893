"""Stage 3: log-mel, F0, energy and durations of every utterance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.bin.arguments import INIT_MODEL, Parser, add_workers, output_directory
from espnet_mtl.errors import run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and runs the stage."""
    parser = Parser(description=__doc__)
    parser.add_argument("--dump", type=Path, required=True, help="directory of stage 2, e.g. dump/raw")
    parser.add_argument("--train_config", required=True, help="training YAML: sampling rate, hop, mels, F0 range")
    parser.add_argument("--token_type", default="phn", help="phn, char or bpe")
    parser.add_argument(
        "--token_list", type=output_directory, default=Path("dump/token_list"), help="where the bpe model goes"
    )
    parser.add_argument("--teacher_dumpdir", type=Path, help="durations by a teacher: a directory with <set>/durations")
    add_workers(parser, 2)
    parser.add_argument("--init_model", help=INIT_MODEL)
    args = parser.parse_args(argv)
    from espnet_mtl.bin.workers import workers
    from espnet_mtl.config.load import load_train_config
    from espnet_mtl.data.provenance.check import check_stages
    from espnet_mtl.system.files import locked, require
    from espnet_mtl.system.paths import check_places

    check_places({"--dump": args.dump})
    config = load_train_config(args.train_config)
    dumps = [args.dump / name for name in ("train", "dev", "test")]
    require((dump / "wav.scp" for dump in dumps), "stage 2")
    check_stages(args.dump, config, args.token_type, 3)
    # These import PyTorch and ESPnet, which takes seconds: mistakes above are told before
    from espnet_mtl.data.features import extract_features
    from espnet_mtl.training.fine_tuning import open_pretrained
    from espnet_mtl.training.token_list import make_token_list

    model = None
    if args.token_type == "bpe":
        pretrained = open_pretrained(args.init_model)
        model = make_token_list(args.dump, args.token_list, config, "bpe", pretrained).bpemodel
    with locked(args.dump), workers(args):
        extract_features(dumps, config, args.nj, args.token_type, model, args.teacher_dumpdir)


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
