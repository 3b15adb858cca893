"""A listening test in the browser: opinion scores, A/B preference or choice of the emotion, blind and resumable."""

from __future__ import annotations

from collections.abc import Sequence

from espnet_mtl.bin.arguments import Parser, add_address, directory_of, whole_number
from espnet_mtl.errors import run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and serves the test, or prints the analysis of its answers."""
    parser = Parser(description=__doc__)
    parser.add_argument("--test", choices=("mos", "ab", "emotion"), required=True)
    parser.add_argument("--output", type=directory_of("answers.csv"), required=True, help="directory of the answers")
    parser.add_argument("--system", action="append", default=[], metavar="[NAME=]DIR", help="decoded or natural speech")
    parser.add_argument("--listener", default="", help="default: asked on the page")
    parser.add_argument("--n", type=whole_number(1), default=20, help="number of trials")
    parser.add_argument("--seed", type=whole_number(0), default=0, help="draws the trials")
    add_address(parser, 7860)
    parser.add_argument("--analyze", action="store_true", help="print what the answers say instead of serving")
    args = parser.parse_args(argv)
    if args.analyze:
        from espnet_mtl.listening.analysis import analyze

        print(analyze(args.test, args.output))
        return
    from espnet_mtl.listening.answers import read_answers
    from espnet_mtl.listening.app import serve
    from espnet_mtl.listening.trials import ListeningTest, read_systems

    test = ListeningTest(args.test, read_systems(args.system), args.output, args.n, args.seed, args.listener)
    if args.listener:
        read_answers(test, args.listener)
    serve(test, args.host, args.port)


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
