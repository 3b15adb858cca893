"""What reading a request needs to know of a network, whatever runs it."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


class Network(ABC):
    """What a network can do, and what it says of a text or a recording.

    Attributes:
        has_styles: Whether it has emotions.
        has_reference: Whether it tells the emotion of a recording.
        has_visual: Whether it tells the emotion of a face.
        tells_emotion: Whether it tells the emotion that a text suggests.
        has_speakers, has_languages: Whether it takes the number of a speaker, or of a language.
        spk_embed_dim: Size of the speaker embeddings that it takes; None: it takes none.
    """

    has_styles: bool
    has_reference: bool
    has_visual: bool
    tells_emotion: bool
    has_speakers: bool
    has_languages: bool
    spk_embed_dim: int | None

    @abstractmethod
    def emotion_of_text(self, ids: Ids) -> Floats:
        """Returns style weights (K,) as token ids (T_text,) suggest them; only where `tells_emotion`."""

    @abstractmethod
    def emotion_of_recording(self, samples: Floats) -> Floats:
        """Returns style weights (K,) of a recording (T_wav,) at the model's rate; only where `has_reference`."""

    @abstractmethod
    def emotion_of_face(self, frames: Floats) -> Floats:
        """Returns style weights (K,) of the frames of a face (T_v, D); only where `has_visual`."""

    @abstractmethod
    def trust(self) -> tuple[float, float]:
        """Returns how far recording and face are trusted where both are given; only where it tells both."""
