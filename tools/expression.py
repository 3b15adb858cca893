#!/usr/bin/env python
"""Measures what the controls of a trained model do to its speech (docs/results/expression.md).

    tools/expression.py controls MODEL DUMP     # rate, pitch, its range and energy
    tools/expression.py emotions MODEL DUMP     # label, reference, intensity, mixtures, changes in mid-sentence
    tools/expression.py faces MODEL DUMP        # emotion of faces, and whether faces find their recordings
    tools/expression.py long MODEL              # minutes of text in one call: memory, speed, lost sentences
    tools/expression.py draw FIGURES.json ...   # posteriors of the emotion by intensity, as a PNG

DUMP is the dump/raw that the model was trained on. Every figure has a 95 % bootstrap interval over sentences.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))
from espnet_mtl.bin.arguments import Parser, number_from, output_file, whole_number
from espnet_mtl.errors import UserError, run_command
from espnet_mtl.system.files import read_text, write_bytes, write_text

if TYPE_CHECKING:
    from expressing.figures import Figures
    from expressing.subject import Subject


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line, measures, prints tables and writes the figures."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="WHAT")
    for name, run in {"controls": _controls, "emotions": _emotions, "faces": _faces}.items():
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        _add_subject(command)
        command.add_argument("--json", type=output_file, help="write the figures here, too")
    commands.choices["faces"].add_argument(
        "--drawn", action="store_true", help="of the demo: also with faces drawn as training never saw them"
    )
    long = commands.add_parser("long")
    long.set_defaults(run=_long)
    long.add_argument("model", help="zip, URL or model directory")
    long.add_argument("--text", type=Path, help="text file, read over and over if it is short [the demo's sentences]")
    long.add_argument("--minutes", type=number_from(0.01, 10**4), default=30.0, help="minutes of speech [%(default)s]")
    long.add_argument("--whisper", help="recognizer: a Whisper model, its directory or size, such as tiny.en")
    long.add_argument("--speaker", help="who reads it [the first speaker]")
    long.add_argument("--emotion", help="how [as a call without an emotion]")
    long.add_argument("--json", type=output_file, help="write the figures here, too")
    draw = commands.add_parser("draw")
    draw.set_defaults(run=_draw)
    draw.add_argument("figures", type=Path, nargs="+", help="what `emotions` wrote with --json")
    draw.add_argument("--titles", nargs="+", help="of the panels [the names of the files]")
    draw.add_argument("--output", type=output_file, required=True, help="PNG to write")
    args = parser.parse_args(argv)
    args.run(args)


def _add_subject(command: Parser) -> None:
    command.add_argument("model", help="zip, URL or model directory")
    command.add_argument("dump", type=Path, help="dump/raw that the model was trained on")
    command.add_argument("--part", default="test", help="whose sentences and voices are taken [%(default)s]")
    command.add_argument("--sentences", type=whole_number(1), default=12, help="the most sentences [%(default)s]")
    command.add_argument("--speakers", nargs="*", default=[], help="who says them [all]")
    command.add_argument("--emotions", nargs="*", default=[], help="how [all]")
    command.add_argument("--nj", type=whole_number(1), default=1, help="processes [%(default)s]")


def _subject(args: argparse.Namespace) -> Subject:
    from expressing.subject import read_subject

    return read_subject(args.model, args.dump, args.part, args.sentences, args.speakers, args.emotions)


def _controls(args: argparse.Namespace) -> None:
    from expressing.knobs import measure_knobs, values_tables

    subject = _subject(args)
    figures = measure_knobs(subject)
    print(figures.table())
    print(values_tables(figures))
    _write(args, figures, subject)


def _emotions(args: argparse.Namespace) -> None:
    from expressing.emotions import measure_emotions
    from expressing.probing import train_on_natural

    subject = _subject(args)
    figures = measure_emotions(subject, train_on_natural(subject, args.nj), args.nj)
    print(figures.table())
    _write(args, figures, subject)


def _faces(args: argparse.Namespace) -> None:
    from expressing.faces import measure_faces
    from expressing.probing import train_on_natural

    subject = _subject(args)
    figures = measure_faces(subject, train_on_natural(subject, args.nj), args.drawn)
    print(figures.table())
    _write(args, figures, subject)


def _long(args: argparse.Namespace) -> None:
    from expressing.long_text import long_table, measure_long

    from espnet_mtl.evaluation.measures.words import find_model
    from espnet_mtl.inference.text2speech import Text2Speech

    whisper = find_model(args.whisper) if args.whisper else None
    tts = Text2Speech.from_pretrained(args.model)
    controls = {"speaker": args.speaker, "emotion": args.emotion}
    figures = measure_long(tts, args.text, args.minutes, whisper, controls)
    print(figures.table())
    print(long_table(figures))
    _write(args, figures)


def _write(args: argparse.Namespace, figures: Figures, subject: Subject | None = None) -> None:
    """Writes figures to --json, with what they were measured on."""
    if args.json is None:
        return
    about = {"model": args.model}
    if subject:
        about |= {"dump": str(args.dump), "part": args.part, "emotions": subject.emotions}
        about["sentences"] = sorted({text for text, _ in subject.spoken})
        about["speakers"] = sorted({speaker for _, speaker in subject.spoken})
    write_text(args.json, json.dumps({**about, **figures.json()}, indent=2, ensure_ascii=False) + "\n")


def _draw(args: argparse.Namespace) -> None:
    import numpy as np

    from espnet_mtl.evaluation.report.plots import curves_plot

    titles = args.titles or [path.stem for path in args.figures]
    if len(titles) != len(args.figures):
        raise UserError(f"--titles: expected {len(args.figures)}, one for each file, got {len(titles)}")
    panels = []
    for title, path in zip(titles, args.figures, strict=True):
        found = json.loads(read_text(path)).get("intensity")
        if found is None:
            raise UserError(f"{path}: no intensities: name a file that `emotions` wrote, of a model that has neutral")
        curves = {}
        for emotion, values in found["posterior"].items():
            curves[emotion] = np.array([found["intensities"], values]).T
        panels.append((title, curves))
    write_bytes(args.output, curves_plot(panels, x="intensity"))


if __name__ == "__main__":
    run_command(main)
