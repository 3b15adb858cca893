"""Serves synthesis over HTTP, in the dialects of OpenAI and Piper."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from espnet_mtl.bin.arguments import Parser, add_address, add_engine, number_from, whole_number
from espnet_mtl.config.numbers import MAX_TOKENS
from espnet_mtl.errors import UserError, run_command
from espnet_mtl.server.options import (
    CHARACTERS,
    MEGABYTES,
    QUEUE,
    SECONDS,
    TOKEN,
    VISUAL_SECONDS,
    WORKERS,
    ServerOptions,
    is_open,
    read_token,
)
from espnet_mtl.system.imports.extras import check_installed, is_installed

LONGEST_S = 3600.0


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line, and serves until it is interrupted."""
    args = _parser().parse_args(argv)
    options = _options(args)
    if is_open(args.host) and not options.token:
        print(f"warning: whoever reaches {args.host} may use this server: --token asks for one", file=sys.stderr)
    from espnet_mtl.system.sockets import bind
    from espnet_mtl.zoo.archive import naming, resolve

    check_installed("fastapi")
    with bind(args.host, args.port) as listening:
        files: dict[str, Any] = dict(resolve(args.model))
        with naming(args.model, files):
            # This may import PyTorch and ESPnet, which takes seconds: mistakes above are told before
            from espnet_mtl.onnx.engines import load_model

            tts = load_model(files, args.engine, args.device, args.workers, max_tokens=args.max_tokens)
        from espnet_mtl.server.run import serve

        serve(tts, options, listening)


def _options(args: argparse.Namespace) -> ServerOptions:
    token = read_token(args.token)
    return ServerOptions(
        name=args.name or served_name(args.model),
        host=args.host,
        workers=args.workers,
        queue=args.queue,
        seconds=args.seconds,
        characters=args.characters,
        megabytes=args.megabytes,
        visual_seconds=args.visual_seconds,
        token=token,
        hosts=tuple(args.allow_host),
        origins=tuple(args.allow_origin),
        page=_has_page(args.page, token),
        model=args.model,
    )


def _has_page(wanted: str | None, token: str) -> bool:
    """Tells whether there is to be a demo page; where nothing is said of it, there is one where there can be.

    Raises:
        UserError: It is asked for, and there cannot be one.
    """
    if wanted is None:
        return not token and is_installed("gradio")
    if wanted == "false":
        return False
    if token:
        raise UserError("--page true: a browser cannot send the token that requests must have: leave one of them out")
    check_installed("gradio")
    return True


def served_name(model: str) -> str:
    """Returns the name that a model is served by: that of its file or directory, or of its repository."""
    last = model.rstrip("/").rpartition("/")[2]
    return last.removesuffix(".zip") or "espnet_mtl"


def _parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("--model", required=True, help="zip, URL, model directory or user/repo")
    add_address(parser, 8000)
    parser.add_argument("--name", help="what clients call the model; default: as its file is called")
    add_engine(parser)
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:<number>")
    number = whole_number(1)
    parser.add_argument("--workers", type=number, default=WORKERS, help="threads that speak [%(default)s]")
    waiting = "requests that wait; those beyond are refused [%(default)s]"
    parser.add_argument("--queue", type=whole_number(0), default=QUEUE, help=waiting)
    limit = "until the first sound, and until the last one is made [%(default)s]"
    parser.add_argument("--seconds", type=number_from(0.1, LONGEST_S), default=SECONDS, help=limit)
    parser.add_argument("--characters", type=number, default=CHARACTERS, help="the most of a text [%(default)s]")
    parser.add_argument("--megabytes", type=number, default=MEGABYTES, help="the most of a request [%(default)s]")
    length = "the longest video of a face [%(default)s]"
    parser.add_argument("--visual_seconds", type=number_from(0.1, LONGEST_S), default=VISUAL_SECONDS, help=length)
    most = "the most tokens that are said in one go [%(default)s]"
    parser.add_argument("--max_tokens", type=number, default=MAX_TOKENS, help=most)
    token = f"a file with the token that requests must have; default: ${TOKEN}, else none is asked for"
    parser.add_argument("--token", type=Path, metavar="FILE", help=token)
    host = "another name that clients use for this server, if no token is asked for; may be repeated"
    parser.add_argument("--allow_host", action="append", default=[], metavar="NAME", help=host)
    page = "the demo page, for a server without a token; default: where gradio is installed"
    parser.add_argument("--page", choices=("true", "false"), help=page)
    origin = "web pages from there may send requests (CORS), such as https://example.org; may be repeated"
    parser.add_argument("--allow_origin", action="append", default=[], metavar="ORIGIN", help=origin)
    return parser


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
