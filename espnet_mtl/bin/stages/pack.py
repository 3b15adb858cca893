"""Stage 8: packs a trained model into one archive for espnet_model_zoo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.bin.arguments import Parser, output_file
from espnet_mtl.errors import run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and packs."""
    parser = Parser(description=__doc__)
    parser.add_argument("--exp", type=Path, required=True, help="experiment directory of stage 5")
    parser.add_argument("--inference_config", type=Path, help="decoding YAML, packed too; names <exp>/<decode>")
    parser.add_argument("--output", type=output_file, help="archive to write (default: <exp>/<tag>.zip)")
    parser.add_argument("--onnx", choices=("true", "false"), default="true", help="pack graphs of ONNX, too")
    args = parser.parse_args(argv)
    from espnet_mtl.zoo.pack import pack_model

    print(f"packed {pack_model(args.exp, args.output, args.inference_config, args.onnx == 'true')}")


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
