"""Speaks a text with a trained model."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from math import inf
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
    parser.add_argument("--intensity", type=float, default=1.0, help="0: neutral, 1: all of the emotion")
    parser.add_argument("--speed", type=float, default=1.0, help="above 1 is faster")
    args = parser.parse_args(argv)
    if not 0 < args.speed < inf:
        raise UserError(f"--speed must be a number above 0, got {args.speed}")
    import soundfile

    from espnet_mtl.zoo.archive import resolve

    if not soundfile.check_format(args.output.suffix.removeprefix("."), "PCM_16"):
        raise UserError(f"--output must end in .wav or .flac, got {args.output}")
    options: dict[str, Any] = {**resolve(args.model)}
    # This imports PyTorch and ESPnet, which takes seconds: mistakes above are told before
    from espnet_mtl.inference.text2speech import Text2Speech

    tts = Text2Speech(**options, speed_control_alpha=1 / args.speed)
    wav = tts(args.text, speaker=args.speaker, emotion=args.emotion, intensity=args.intensity)["wav"]
    args.output.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(args.output, wav.cpu().numpy(), tts.fs, "PCM_16")


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
