"""Speaks a text with a trained model."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from espnet_mtl.bin.arguments import Parser, number_from, sound_file, whole_number
from espnet_mtl.config.numbers import INTENSITIES, KNOBS, MAX_TOKENS
from espnet_mtl.errors import UserError, run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and writes a sound file."""
    args = _parser().parse_args(argv)
    text = _text(args)
    from espnet_mtl.zoo.archive import naming, resolve

    options = resolve(args.model)
    with naming(args.model, options):
        _speak(args, text, options)


def _text(args: argparse.Namespace) -> str:
    """Returns what is to be said, from the command line, a file or the standard input."""
    from espnet_mtl.system.files import read_text
    from espnet_mtl.text.normal import check_unicode, speakable

    name = "--text" if args.file is None else f"--file {args.file}"
    if args.file is None:
        text = args.text
    elif args.file == "-":
        text = sys.stdin.buffer.read().decode("utf-8-sig", errors="surrogateescape")
    else:
        text = read_text(args.file, utf16=True)
    check_unicode(name, text)
    if not speakable(text):
        raise UserError(f"{name}: there is nothing to say")
    return text


def _speak(args: argparse.Namespace, text: str, options: Mapping[str, Any]) -> None:
    from espnet_mtl.config.load import read_yaml
    from espnet_mtl.inference.sound_files import check_rate, writing_sound

    signal = read_yaml(options["train_config"]).get("feats_extract_conf")
    rate = signal.get("fs") if isinstance(signal, dict) else None
    if isinstance(rate, int) and rate > 0:  # what else is wrong with the model is told when it is loaded
        check_rate(args.output, rate)
    from espnet_mtl.inference.controls import Controls

    controls = Controls(**{field.name: getattr(args, field.name) for field in fields(Controls)})
    # This imports PyTorch and ESPnet, which takes seconds: mistakes above are told before
    from espnet_mtl.inference.reading import plan, read_parts
    from espnet_mtl.inference.text2speech import Text2Speech
    from espnet_mtl.system.progress import progress

    tts = Text2Speech(**options, max_tokens=args.max_tokens)
    parts = plan(tts, text, controls)
    spoken = read_parts(tts, parts, seed=0)
    if len(parts) > 1:
        spoken = progress(spoken, "sentences", len(parts))
    with writing_sound(args.output, tts.fs) as write:
        for part in spoken:
            write(part["wav"].cpu().numpy())


def _parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("--model", required=True, help="zip, URL, model directory or user/repo")
    said = parser.add_mutually_exclusive_group(required=True)
    said.add_argument("--text", help="what to say")
    said.add_argument("--file", help="a text file to read out, of any length; - is the standard input")
    parser.add_argument(
        "--output", type=sound_file, required=True, help="file to write: .wav, .flac, .ogg, .opus or .mp3"
    )
    parser.add_argument("--speaker", help="a speaker of the model, or a mixture: f2:0.7,m1:0.3; default: its first")
    parser.add_argument("--language", help="espeak's name of a language of the model; default: the speaker's own")
    parser.add_argument("--emotion", help="an emotion of the model, or a mixture: sad:0.3,neutral:0.7")
    parser.add_argument(
        "--intensity",
        type=number_from(*INTENSITIES),
        default=1.0,
        help="0: neutral, 1: all of the emotion; 0 to 2 is natural",
    )
    parser.add_argument("--reference", type=Path, help="a recording whose emotion is taken, in place of --emotion")
    for name, knob in KNOBS.items():
        names = [f"--{name}", "--speed"] if name == "rate" else [f"--{name}"]  # as it was called before
        default = None if name == "pause" else knob.neutral
        parser.add_argument(*names, type=number_from(*knob.limits), default=default, help=knob.meaning)
    parser.add_argument(
        "--max_tokens",
        type=whole_number(1),
        default=MAX_TOKENS,
        help="the most tokens that are said in one go [%(default)s]",
    )
    return parser


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
