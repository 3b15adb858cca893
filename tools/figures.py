"""Draws the README's picture: one sentence by one voice in every emotion of a packed model."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np


def draw(model: str, text: str, speaker: str, output: Path) -> None:
    """Writes a PNG of log-mel spectrograms with the predicted F0 of each phone on top."""
    from espnet_mtl.inference.text2speech import Text2Speech

    tts = Text2Speech.from_pretrained(model)
    settings = tts.train_args.feats_extract_conf
    hop = settings["hop_length"] / tts.fs
    figure, rows = plt.subplots(len(tts.emotions), 1, sharex=True, sharey=True, figsize=(9, 1.6 * len(tts.emotions)))
    for axes, emotion in zip(np.atleast_1d(rows), tts.emotions, strict=True):
        speech = tts(text, speaker=speaker, emotion=emotion, vocode=False)
        mel, borders = speech["feat_gen_denorm"].numpy(), np.append(0, speech["duration"].cumsum(0).numpy()) * hop
        axes.imshow(mel.T, origin="lower", aspect="auto", extent=(0, len(mel) * hop, 0, settings["n_mels"]), vmin=-4)
        axes.set(ylabel=emotion, yticks=[])
        f0 = axes.twinx()
        f0.stairs(speech["pitch_denorm"].view(-1).exp().numpy(), borders, baseline=None, color="white", linewidth=1.5)
        f0.set(ylim=(50, 450), ylabel="F0 in Hz")
    rows[-1].set_xlabel("seconds")
    figure.suptitle(f"“{text}” ({speaker}): predicted log-mel and F0 per phone", fontsize=10)
    figure.tight_layout()
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, dpi=110)


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="zip, URL or model directory")
    parser.add_argument("--text", default="The train leaves at noon.", help="what is said")
    parser.add_argument("--speaker", default="f2", help="who says it")
    parser.add_argument("--output", type=Path, default=Path("docs/images/emotions.png"), help="picture to write")
    args = parser.parse_args()
    draw(args.model, args.text, args.speaker, args.output)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
