"""Says where to listen to a model of the recipe, and how to let it say something else; for the end of run.sh."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.bin.arguments import Parser
from espnet_mtl.errors import run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and prints a line for each thing that is there."""
    parser = Parser(description=__doc__)
    parser.add_argument("--exp", type=Path, required=True, help="experiment directory of stage 5")
    parser.add_argument("--inference_config", type=Path, required=True, help="decoding YAML of stage 6")
    args = parser.parse_args(argv)
    from espnet_mtl.config.load import read_yaml
    from espnet_mtl.zoo.example import example_command

    exp = args.exp.resolve()
    report = exp / args.inference_config.stem / "test/report/index.html"
    model = exp / f"{exp.name}.zip"
    if report.is_file():
        print(f"Listen and compare: {report}")
    if model.is_file():
        config = read_yaml(exp / "config.yaml")
        print("Say something else:", example_command(sys.executable, str(model), "Good morning.", "a.wav", config))


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
