"""Recordings to listen to in the report."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from espnet_mtl.evaluation.report.render import data_uri
from espnet_mtl.evaluation.result import Evaluation
from espnet_mtl.system.audio_files import read_channels
from espnet_mtl.system.paths import file_name
from espnet_mtl.system.sound import encoded


class Players:
    """Recordings in the page itself until `limit` bytes are spent, or as files in `directory`.

    Args:
        limit: Bytes of audio in the page, encoded.
        directory: Where the page will be; its `audio` takes the files. None: they go into the page.
    """

    def __init__(self, limit: int, directory: Path | None = None):
        self.left, self._directory = limit, directory

    def of(self, evaluation: Evaluation, utt: str) -> list[tuple[str, str]]:
        """Title and address of an utterance by every system that has it, natural speech first."""
        players = []
        for number, system in enumerate([evaluation.references[0], *evaluation.systems]):
            path = system.speech.wav(utt)
            address = self._address(path, f"{number}_{utt}") if path else ""
            if address:
                players.append((system.title, address))
        return players

    def _address(self, path: str, name: str) -> str:
        """Where the page finds a recording; "" where it holds as much audio as it may."""
        if self._directory is not None:
            (self._directory / "audio").mkdir(exist_ok=True)
            name = file_name(name, ".flac")
            (self._directory / "audio" / name).write_bytes(_flac(path))
            return f"audio/{quote(name)}"
        if self.left <= 0:
            return ""
        encoded = data_uri("audio/flac", _flac(path))
        self.left -= len(encoded)
        return encoded


def _flac(path: str) -> bytes:
    samples, fs = read_channels(path)
    return encoded(samples, fs, "flac")
