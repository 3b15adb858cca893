"""Writes docs/sounds: a test sentence in every emotion, natural, by Griffin-Lim and by the neural vocoder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import soundfile

VOCODERS = ("griffin_lim", "source_filter")
BEST = 0.0
"""Compression of MP3 that loses least."""


def write_sounds(model: str, data: Path, speaker: str, sentence: str, output: Path) -> None:
    """Writes `<emotion>_natural.mp3` and `<emotion>_<vocoder>.mp3`.

    Args:
        model: A packed model.
        data: The test set, with recordings of the sentence in every emotion.
        speaker: Who speaks.
        sentence: End of the utterances' names, such as s076.
        output: Directory.
    """
    from espnet_mtl.data.kaldi import read_scp, read_table
    from espnet_mtl.inference.text2speech import Text2Speech

    voices = {name: Text2Speech.from_pretrained(model, vocoder=name) for name in VOCODERS}
    texts, recordings = read_table(data / "text"), read_scp(data / "wav.scp", "stage 2")
    output.mkdir(parents=True, exist_ok=True)
    for emotion in voices["griffin_lim"].emotions:
        utt = f"{speaker}_{emotion}_{sentence}"
        samples, fs = soundfile.read(recordings[utt])
        soundfile.write(output / f"{emotion}_natural.mp3", samples, fs, compression_level=BEST)
        for name, tts in voices.items():
            speech = tts(texts[utt], speaker=speaker, emotion=emotion)
            soundfile.write(output / f"{emotion}_{name}.mp3", speech["wav"].numpy(), tts.fs, compression_level=BEST)
        print(f"{emotion}: {texts[utt]}")


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="zip, URL or model directory")
    parser.add_argument("--data", type=Path, required=True, help="test set, such as dump/raw/test")
    parser.add_argument("--speaker", default="f2", help="who says it")
    parser.add_argument("--sentence", required=True, help="end of the names of its utterances, such as s076")
    parser.add_argument("--output", type=Path, default=Path("docs/sounds"), help="directory to write")
    args = parser.parse_args()
    write_sounds(args.model, args.data, args.speaker, args.sentence, args.output)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
