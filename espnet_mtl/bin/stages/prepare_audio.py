"""Stage 2: resamples, trims and levels the recordings of data/ into dump/raw/, as 16-bit FLAC."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.bin.arguments import Parser, add_workers, number_from, output_directory
from espnet_mtl.errors import run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and runs the stage."""
    parser = Parser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="what stage 1 wrote")
    parser.add_argument("--output", type=output_directory, default="dump/raw", help="where train, dev and test go")
    parser.add_argument(
        "--train_config", type=Path, required=True, help="training YAML: feats_extract_conf.fs, audio_conf"
    )
    parser.add_argument("--max_dropped", type=number_from(0, 1), default=0.05, help="largest share of utterances lost")
    parser.add_argument("--token_type", default="phn", choices=("phn", "char", "bpe"), help="what texts become")
    add_workers(parser)
    pipes = "whether commands in wav.scp (sox a.wav -t wav - |) are run, as Kaldi does"
    parser.add_argument("--allow_pipes", choices=("true", "false"), default="false", help=pipes)
    args = parser.parse_args(argv)
    from espnet_mtl.bin.workers import workers
    from espnet_mtl.config.load import load_train_config
    from espnet_mtl.data.audio import AudioConf, prepare_audio
    from espnet_mtl.system.paths import check_places

    check_places({"--output": args.output})
    config = load_train_config(args.train_config)
    conf = AudioConf(**config["audio_conf"])
    fs = config["feats_extract_conf"]["fs"]
    pipes = args.allow_pipes == "true"
    with workers(args):
        dropped = prepare_audio(
            args.data, args.output, fs, conf, args.max_dropped, args.nj, config["language"], args.token_type, pipes
        )
    number = sum(map(len, dropped.values()))
    print(f"{args.output}: {number} utterances dropped, see {args.output}/report.txt")


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
