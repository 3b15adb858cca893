"""Stage 4: token list, label tables and statistics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.bin.arguments import INIT_MODEL, Parser, output_directory, whole_number
from espnet_mtl.errors import run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and runs the stage."""
    parser = Parser(description=__doc__)
    parser.add_argument("--dump", type=Path, required=True, help="directory of stage 3, e.g. dump/raw")
    parser.add_argument(
        "--token_list", type=output_directory, required=True, help="where token lists go, one directory a type"
    )
    parser.add_argument("--tables", type=output_directory, required=True, help="where the names of the labels go")
    parser.add_argument("--stats", type=output_directory, required=True, help="where the statistics go, e.g. exp/stats")
    parser.add_argument("--token_type", default="phn", help="phn, char or bpe")
    parser.add_argument("--vocab_size", type=whole_number(1), default=100, help="sentencepiece pieces, for bpe")
    parser.add_argument("--train_config", required=True, help="training YAML")
    parser.add_argument("--init_model", help=INIT_MODEL)
    args = parser.parse_args(argv)
    from espnet_mtl.config.load import load_train_config
    from espnet_mtl.data.provenance.check import check_stages, features_used
    from espnet_mtl.data.provenance.notes import begin
    from espnet_mtl.data.provenance.settings import STATISTICS, statistics_note
    from espnet_mtl.labels import TABLES
    from espnet_mtl.system.files import locked, require
    from espnet_mtl.training.fine_tuning import open_pretrained

    config = load_train_config(args.train_config)
    pretrained = open_pretrained(args.init_model)
    require((args.dump / name / "pitch.scp" for name in ("train", "dev", "test")), "stage 3")
    check_stages(args.dump, config, args.token_type, 4)
    # These import PyTorch and ESPnet, which takes seconds: mistakes above are told before
    from espnet_mtl.data.stats import FEATURES, collect_stats, statistics_file, write_tables
    from espnet_mtl.training.dataset import TrainPaths
    from espnet_mtl.training.inputs import check_inputs
    from espnet_mtl.training.token_list import make_token_list

    note = statistics_note(args.dump, args.stats, args.token_type, pretrained.digest if pretrained else None)
    with locked(args.stats):
        begin(args.stats, STATISTICS)
        tokenizer = make_token_list(args.dump, args.token_list, config, args.token_type, pretrained, args.vocab_size)
        known = {table: pretrained.names(label.name) for table, label in TABLES.items()} if pretrained else {}
        write_tables(args.dump, args.tables, known)
        files = [statistics_file(feature) for feature in FEATURES] if pretrained else []
        statistics = {file: pretrained.file(file) for file in files} if pretrained else {}
        made = [args.token_list / args.token_type, args.tables]
        collect_stats(args.dump, args.stats, tokenizer, statistics, "durations" in features_used(config), note, made)
        # Here, so that the trainings need not: each looks again only at what has changed since
        paths = TrainPaths(args.dump, args.token_list, args.tables, args.stats, output=args.stats)
        check_inputs(paths, config["tts"], args.token_type)


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
