"""Speaks a text with a trained model."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet_mtl.errors import UserError, run_command


def main(argv: Sequence[str] | None = None) -> None:
    """Parses the command line and writes a wav file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="zip, URL, model directory or user/repo")
    parser.add_argument("--text", required=True, help="what to say")
    parser.add_argument("--output", type=Path, required=True, help="wav file to write")
    parser.add_argument("--speaker", help="a speaker of the model; default: its first")
    parser.add_argument("--emotion", help="happy, or a mixture: sad:0.3,neutral:0.7")
    parser.add_argument("--intensity", type=float, default=1.0, help="0: neutral, 1: all of the emotion")
    parser.add_argument("--speed", type=float, default=1.0, help="above 1 is faster")
    args = parser.parse_args(argv)
    if args.speed <= 0:
        raise UserError(f"--speed must be above 0, got {args.speed}")
    import soundfile

    from espnet_mtl.inference.text2speech import Text2Speech

    tts = Text2Speech.from_pretrained(args.model, speed_control_alpha=1 / args.speed)
    try:
        emotion = parse_emotion(args.emotion)
        wav = tts(args.text, speaker=args.speaker, emotion=emotion, intensity=args.intensity)["wav"]
    except ValueError as error:
        raise UserError(str(error)) from error
    args.output.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(args.output, wav.cpu().numpy(), tts.fs, "PCM_16")


def parse_emotion(text: str | None) -> str | dict[str, float] | None:
    """Reads `happy`, or `sad:0.3,neutral:0.7`."""
    if text is None or ":" not in text:
        return text
    return {name: float(weight) for name, _, weight in (part.partition(":") for part in text.split(","))}


def cli() -> None:
    """Console entry point."""
    run_command(main)


if __name__ == "__main__":
    cli()
