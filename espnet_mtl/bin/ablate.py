"""Trains configurations with several seeds on the same data (stages 1 to 4), and writes one table of them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.bin import split_options
from espnet_mtl.bin.arguments import Parser, output_directory, whole_number
from espnet_mtl.errors import run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line, trains, judges and writes the page."""
    cores = os.cpu_count() or 1
    parser = Parser(description=__doc__, epilog="Options after -- are ESPnet's, for every training.")
    parser.add_argument("configs", type=Path, nargs="+", metavar="YAML", help="configurations, the baseline first")
    parser.add_argument("--seeds", type=whole_number(1), default=3, help="trainings of each [%(default)s]")
    parser.add_argument("--dump", type=Path, default=Path("dump/raw"), help="directory of stage 3 [%(default)s]")
    parser.add_argument(
        "--expdir", type=output_directory, default="exp", help="experiments, and stats of stage 4 [%(default)s]"
    )
    parser.add_argument(
        "--inference_config",
        type=Path,
        nargs="+",
        default=[Path("conf/decode.yaml")],
        metavar="YAML",
        help="how the models speak: by several, all of them by each [conf/decode.yaml]",
    )
    parser.add_argument("--part", default="test", choices=("dev", "test"), help="dev to choose, test to report")
    parser.add_argument(
        "--natural", type=Path, help="stage 3 of the natural speech that judges, if it has other labels [<dump>]"
    )
    parser.add_argument("--speakers", nargs="+", default=[], metavar="NAME", help="judge their speech alone")
    parser.add_argument("--output", type=output_directory, help="directory of the tables [<expdir>/ablation_<part>]")
    parser.add_argument("--token_type", default="phn", help="phn, char or bpe")
    parser.add_argument("--jobs", type=whole_number(1), default=cores, help="trainings side by side [%(default)s]")
    parser.add_argument("--cmd", default="", help="what commands are run by, such as a scheduler's wrapper")
    own, train_args = split_options(argv)
    args = parser.parse_args(own)
    try:
        command = shlex.split(args.cmd)
    except ValueError as error:
        parser.error(f"--cmd {args.cmd}: {error}")
    from espnet_mtl.ablation.comparison import judge_all, write_ablation
    from espnet_mtl.ablation.grid import Grid, name_variants, train_all
    from espnet_mtl.system.paths import check_output

    output = args.output or args.expdir / f"ablation_{args.part}"
    check_output(output / "table.csv")
    threads = {"OMP_NUM_THREADS": str(max(1, cores // args.jobs))} if not args.cmd else {}
    grid = Grid(
        configs=name_variants(args.configs),
        seeds=range(1, args.seeds + 1),
        dump=args.dump,
        exp=args.expdir,
        inference_configs=args.inference_config,
        part=args.part,
        token_type=args.token_type,
        train_args=train_args,
        command=command,
        jobs=args.jobs,
        environment=threads,
        natural=args.natural,
        speakers=args.speakers,
    )
    train_all(grid)
    page = write_ablation(output, judge_all(grid, cores))
    print(f"Table: {page.with_name('table.csv')}\nRuns: {page.with_name('runs.csv')}\nPage: {page}")


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
