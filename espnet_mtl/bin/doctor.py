"""Tells the versions of the stack and what is wrong with the machine; exit status 1 if anything is."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from espnet_mtl.bin.arguments import Parser
from espnet_mtl.errors import run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Prints what was looked at, and exits."""
    Parser(description=__doc__).parse_args(argv)
    from espnet_mtl.bin.environment import findings

    wrong = 0
    for name, found, problem in findings():
        print(f"{'WRONG' if problem else 'ok':7}{name:23}{found}{' - ' * bool(problem)}{problem}", flush=True)
        wrong += bool(problem)
    print(f"{wrong} of these are wrong" if wrong else "nothing is wrong")
    sys.exit(1 if wrong else 0)


def cli() -> None:
    """Entry point of `espnet-mtl-doctor`."""
    run_command(main)


if __name__ == "__main__":
    cli()
