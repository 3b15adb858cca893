"""Stage 1: prepares a corpus as data/{train,dev,test}."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.bin.arguments import Parser, add_workers, number_from, output_directory
from espnet_mtl.errors import run_command
from espnet_mtl.registry import CORPORA


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and runs the stage."""
    parser = Parser(description=__doc__)
    parser.add_argument("--corpus", default="demo", help="one or several joined by +, of " + ", ".join(sorted(CORPORA)))
    parser.add_argument("--local", type=Path, default=Path("local"), help="directory of <corpus>.yaml, its settings")
    parser.add_argument("--corpus_conf", nargs="*", default=[], metavar="KEY=VALUE", help="single settings")
    parser.add_argument("--output", type=output_directory, default="data", help="where train, dev and test go")
    parser.add_argument("--train_config", type=Path, help="training YAML, checked before any work is done")
    parser.add_argument("--max_dropped", type=number_from(0, 1), default=0.05, help="largest share of utterances lost")
    parser.add_argument("--token_type", default="phn", choices=("phn", "char", "bpe"), help="what texts become")
    add_workers(parser)
    args = parser.parse_args(argv)
    from espnet_mtl.bin.workers import workers
    from espnet_mtl.config.corpora import corpus_settings
    from espnet_mtl.config.load import load_train_config
    from espnet_mtl.data.prepare import prepare_data
    from espnet_mtl.system.paths import check_places

    check_places({"--output": args.output})
    language = load_train_config(args.train_config)["language"] if args.train_config else "en-us"
    settings = corpus_settings(args.corpus.split("+"), args.local, args.corpus_conf)
    corpora = {name: CORPORA.load(name)(**own) for name, own in settings.items()}
    with workers(args):
        sets = prepare_data(corpora, args.output, args.nj, args.max_dropped, language, args.token_type, settings)
    counts = ", ".join(f"{name} {len(group)}" for name, group in sets.items())
    print(f"{args.output}: {counts} utterances, see {args.output}/report.txt")


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
