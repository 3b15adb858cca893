"""Speaks a text with a trained model."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from espnet_mtl.errors import UserError, run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and writes a wav file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="zip, URL, model directory or user/repo")
    parser.add_argument("--text", required=True, help="what to say")
    parser.add_argument("--output", type=Path, required=True, help="wav file to write")
    parser.add_argument("--speaker", help="a speaker of the model; default: its first")
    parser.add_argument("--emotion", help="an emotion of the model, or a mixture: sad:0.3,neutral:0.7")
    parser.add_argument(
        "--intensity", type=float, default=1.0, help="0: neutral, 1: all of the emotion; 0 to 2 is natural"
    )
    parser.add_argument("--speed", type=float, default=1.0, help="0.1 to 10; above 1 is faster")
    args = parser.parse_args(argv)
    from espnet_mtl.config.decode import FASTEST, SLOWEST
    from espnet_mtl.system.files import check_output
    from espnet_mtl.text.normal import check_unicode, normal_text

    slowest, fastest = 1 / SLOWEST, 1 / FASTEST
    if not slowest <= args.speed <= fastest:
        raise UserError(f"--speed must be a number from {slowest:g} to {fastest:g}, got {args.speed}")
    check_unicode("--text", args.text)
    if not normal_text(args.text):
        raise UserError("--text: there is nothing to say")
    import soundfile

    from espnet_mtl.zoo.archive import resolve

    if not soundfile.check_format(args.output.suffix.removeprefix("."), "PCM_16"):
        raise UserError(f"--output must end in .wav or .flac, got {args.output}")
    try:
        check_output(args.output)
    except UserError as error:
        raise UserError(f"--output {error}") from error
    options: dict[str, Any] = {**resolve(args.model)}
    # This imports PyTorch and ESPnet, which takes seconds: mistakes above are told before
    from espnet_mtl.inference.text2speech import Text2Speech

    tts = Text2Speech(**options, speed_control_alpha=1 / args.speed)
    wav = tts(args.text, speaker=args.speaker, emotion=args.emotion, intensity=args.intensity)["wav"]
    try:
        args.output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:  # what the permissions do not tell
        raise UserError(f"--output {args.output}: {error.strerror}") from error
    soundfile.write(args.output, wav.cpu().numpy(), tts.fs, "PCM_16")


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
