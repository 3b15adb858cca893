"""Speaks texts with a trained model: one text, a file of any length, or a table with a text a line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espnet_mtl.bin.arguments import Parser, add_engine, number_from, output_directory, sound_file, whole_number
from espnet_mtl.config.numbers import INTENSITIES, KNOBS, MAX_TOKENS
from espnet_mtl.errors import UserError, run_command

if TYPE_CHECKING:
    from espnet_mtl.inference.base import BaseText2Speech
    from espnet_mtl.inference.request.controls import Controls
    from espnet_mtl.inference.table import Line


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and writes sound files."""
    args = _parser().parse_args(argv)
    _check_outputs(args)
    text = "" if args.list or args.table else _text(args)
    lines = _lines(args.table) if args.table else []
    controls = _controls(args)
    from espnet_mtl.zoo.archive import naming, resolve

    options: dict[str, Any] = dict(resolve(args.model))
    with naming(args.model, options):
        _check_rate(args, lines, options)
        # This may import PyTorch and ESPnet, which takes seconds: mistakes above are told before
        from espnet_mtl.onnx.engines import load_model

        tts = load_model(options, args.engine, max_tokens=args.max_tokens)
        if args.list:
            _list(tts)
        elif args.table:
            _speak_lines(tts, lines, controls, args.output_dir)
        else:
            _speak(tts, text, controls, args.output, show_progress=True)


def _check_outputs(args: argparse.Namespace) -> None:
    """Raises UserError where the command line does not name the place to write to, or names another one."""
    if args.list:
        return
    if args.table is None and args.output is None:
        raise UserError("--output: name a sound file, such as hello.wav")
    if args.table is not None and args.output_dir is None:
        raise UserError("--output_dir: name the directory of the sound files of --table")
    if args.output is not None and args.output_dir is not None:
        raise UserError("--output and --output_dir: a text is written to --output, a table to --output_dir")


def _text(args: argparse.Namespace) -> str:
    """Returns what is to be said, from the command line, a file or the standard input."""
    from espnet_mtl.system.files import read_text
    from espnet_mtl.text.normal import check_unicode, speakable

    name = "--text" if args.file is None else f"--file {args.file}"
    if args.file is None:
        text = args.text
    elif args.file == "-":
        if sys.stdin is None:
            raise UserError("--file -: the standard input is closed")
        text = sys.stdin.buffer.read().decode("utf-8-sig", errors="surrogateescape")
    else:
        text = read_text(args.file, utf16=True)
    check_unicode(name, text)
    if not speakable(text):
        raise UserError(f"{name}: there is nothing to say")
    return text


def _lines(table: Path) -> list[Line]:
    from espnet_mtl.inference.table import read_lines

    return read_lines(table)


def _controls(args: argparse.Namespace) -> Controls:
    from espnet_mtl.inference.request.controls import Controls
    from espnet_mtl.inference.table import CONTROLS

    return Controls(**{name: getattr(args, name) for name in CONTROLS})


def _check_rate(args: argparse.Namespace, lines: Sequence[Line], options: dict[str, Any]) -> None:
    """Raises UserError where a sound file cannot have the model's sampling rate."""
    from espnet_mtl.config.load import read_yaml
    from espnet_mtl.inference.sound_files import check_rate

    signal = read_yaml(options["train_config"]).get("feats_extract_conf")
    rate = signal.get("fs") if isinstance(signal, dict) else None
    if not isinstance(rate, int) or rate <= 0:  # what else is wrong with the model is told when it is loaded
        return
    for path in [args.output] if args.output else {line.output.suffix: line.output for line in lines}.values():
        check_rate(path, rate)


def _speak(tts: BaseText2Speech, text: str, controls: Controls, output: Path, show_progress: bool = False) -> None:
    from espnet_mtl.inference.reading import plan, read_parts
    from espnet_mtl.inference.sound_files import writing_sound
    from espnet_mtl.system.progress import progress

    parts = list(plan(tts, text, controls))
    spoken = read_parts(tts, parts, seed=0)
    if show_progress and len(parts) > 1:
        spoken = progress(spoken, "sentences", len(parts))
    with writing_sound(output, tts.fs) as write:
        for part in spoken:
            write(tts.samples(part["wav"]))


def _speak_lines(tts: BaseText2Speech, lines: Sequence[Line], controls: Controls, directory: Path) -> None:
    """Speaks a table; goes on behind a line that cannot be spoken, and ends with status 1 where there was one."""
    from espnet_mtl.system.progress import progress

    failed = []
    for line in progress(lines, "lines", len(lines)):
        try:
            _speak(tts, line.text, line.controls(controls), directory / line.output)
        except UserError as error:
            failed.append(line)
            print(f"error: {line.place}: {error}", file=sys.stderr)
    if failed:
        places = ", ".join(line.place for line in failed)
        print(f"error: {len(failed)} of {len(lines)} lines were not spoken: {places}", file=sys.stderr)
        sys.exit(1)


def _list(tts: BaseText2Speech) -> None:
    languages = tts.languages or [tts.train_args.language]
    for name, values in {"speakers": tts.speakers, "emotions": tts.emotions, "languages": languages}.items():
        print(f"{name}: {', '.join(values) or '(one, without a name)'}")


def _parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("--model", required=True, help="zip, URL, model directory or user/repo")
    said = parser.add_mutually_exclusive_group(required=True)
    said.add_argument("--text", help="what to say")
    said.add_argument("--file", help="a text file to read out, of any length; - is the standard input")
    said.add_argument("--table", type=Path, help="texts to say: .csv or .tsv with a column for each control, or .jsonl")
    said.add_argument("--list", action="store_true", help="print the model's speakers, emotions and languages")
    add_engine(parser)
    parser.add_argument("--output", type=sound_file, help="file to write: .wav, .flac, .ogg, .opus or .mp3")
    parser.add_argument("--output_dir", type=output_directory, help="directory of the sound files of --table")
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
    face = "a picture or video of a face whose emotion is taken, or an array as in docs/visual.md"
    parser.add_argument("--visual", type=Path, help=face)
    for name, knob in KNOBS.items():
        names = [f"--{name}", "--speed"] if name == "rate" else [f"--{name}"]  # as it was called before
        default = None if name == "pause" else knob.neutral
        parser.add_argument(*names, type=number_from(*knob.limits), default=default, help=knob.meaning)
    most = "the most tokens that are said in one go [%(default)s]"
    parser.add_argument("--max_tokens", type=whole_number(1), default=MAX_TOKENS, help=most)
    return parser


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
