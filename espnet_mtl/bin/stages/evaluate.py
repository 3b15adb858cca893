"""Stage 7: figures and a report of decoded test speech, or of any recordings, beside natural speech and a baseline."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.bin.arguments import Parser, add_workers, directory_of
from espnet_mtl.errors import run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line, evaluates, prints the table and writes the report."""
    parser = _parser()
    args = parser.parse_args(argv)
    needed = ("reference", "output") if args.reference or args.hypothesis else ("exp", "dump", "inference_config")
    if lacking := [name for name in needed if getattr(args, name) is None]:
        parser.error(f"--{lacking[0]} is needed")
    from espnet_mtl.bin.workers import workers
    from espnet_mtl.evaluation.evaluate import decoded_directory, evaluate_experiments, write_experiments
    from espnet_mtl.evaluation.external import evaluate_speech, named
    from espnet_mtl.evaluation.measures.words import find_model
    from espnet_mtl.evaluation.report.show import show
    from espnet_mtl.system.paths import check_output

    whisper = find_model(args.whisper) if args.whisper else None
    if args.reference:
        speech = dict(named(argument) for argument in args.hypothesis)
        options = {key: getattr(args, key) for key in ("train", "train_config", "baseline", "language", "nj", "versa")}
        with workers(args):
            evaluation = evaluate_speech(args.reference, speech, args.output, **options, whisper=whisper)
        show(evaluation, args.output, (), args.audio_beside)
    else:
        baseline = Path(args.baseline) if args.baseline else None
        check_output(decoded_directory(args.exp, args.inference_config) / "metrics.json")
        options = {"baseline": baseline, "nj": args.nj, "versa": args.versa, "whisper": whisper}
        with workers(args):
            evaluation = evaluate_experiments([args.exp], args.dump, args.inference_config, **options)
        write_experiments(evaluation)
        exps = [path for path in (args.exp, baseline) if path]
        show(evaluation, decoded_directory(args.exp, args.inference_config), exps, args.audio_beside)


def _parser() -> Parser:
    parser = Parser(description=__doc__)
    recipe = parser.add_argument_group("a model of the recipe")
    recipe.add_argument("--exp", type=Path, help="experiment of stage 6, e.g. exp/<tag>")
    recipe.add_argument("--dump", type=Path, help="directory of stage 3, e.g. dump/raw")
    recipe.add_argument("--inference_config", type=Path, help="decoding YAML of stage 6")
    other = parser.add_argument_group("recordings of any system")
    other.add_argument("--reference", type=Path, help="natural test speech: wav.scp, text, utt2spk, utt2emo")
    other.add_argument(
        "--hypothesis", action="append", default=[], metavar="[NAME=]PATH", help="folder of <utterance>.wav, or wav.scp"
    )
    other.add_argument("--output", type=directory_of("metrics.json"), help="directory for metrics.json and report/")
    other.add_argument("--train", type=Path, help="natural training speech [train beside --reference]")
    other.add_argument("--train_config", type=Path, help="training YAML: adds natural speech through its vocoder")
    other.add_argument("--language", default="en-us", help="espeak's language of the texts [%(default)s]")
    parser.add_argument("--baseline", help="experiment or NAME to compare with, e.g. exp/<tag>_single")
    parser.add_argument("--versa", type=Path, help="score_config of VERSA, for metrics with downloaded weights")
    parser.add_argument("--whisper", help="word error rate by this Whisper model: a directory, or a size to download")
    parser.add_argument("--audio_beside", action="store_true", help="audio as files beside the page, all of it")
    add_workers(parser, os.cpu_count() or 1)
    return parser


def cli() -> None:
    """Console entry point; numerical libraries get one thread in each process."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    run_command(main)


if __name__ == "__main__":
    cli()
