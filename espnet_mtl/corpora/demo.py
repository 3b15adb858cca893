"""The demo corpus: four synthetic speakers, five emotions, spoken by eSpeak NG, with drawn faces. Needs no download.

Emotions differ in pitch, pitch range, intonation, tempo, spectral tilt and level, each with some scatter, so
that no single cue tells them apart (directions as in Scherer 2003, "Vocal communication of emotion").
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.corpora.alignment import Alignment
from espnet_mtl.corpora.base import Corpus, Utterance, phones_of
from espnet_mtl.corpora.split import SplitPolicy
from espnet_mtl.errors import UserError, one_of, shown
from espnet_mtl.labels import NEUTRAL
from espnet_mtl.system.sound import encoded
from espnet_mtl.text import espeak
from espnet_mtl.visual.drawing import STYLES, draw_faces

FS = 16000
LANGUAGE = "en-us"
WORDS_PER_MINUTE = 165
SNR_DB = 70
FACES_A_SECOND = 3.0
FACE_SIDE = 48
"""Height and width of a face in pixels."""
FACES = 1
"""What tells the random numbers of faces from those of voices."""
FEWEST = 7
"""Sentences: with fewer, train cannot hold every phone of dev and test."""


@dataclass(frozen=True)
class Voice:
    """A voice: eSpeak variant, formant (and pitch) factor, pitch shift in eSpeak's units, tempo factor."""

    variant: str
    warp: float
    pitch: int
    tempo: float


@dataclass(frozen=True)
class Cues:
    """An emotion's cues.

    Attributes:
        pitch: Shift of the voice pitch in eSpeak's units (50 = an octave).
        range: Pitch range in eSpeak's units (50 = plain).
        tempo: Factor of the speaking rate.
        tilt: First-order filter coefficient: above 0 brighter (pressed), below 0 darker (lax).
        level: RMS level in dB relative to full scale.
        ending: Punctuation that gives the sentence its intonation (the text keeps its own).
        contour, jitter, breath: Extra cues of the option `world`: factor of F0 excursions, F0 noise
            (standard deviation in nepers), share of the periodic part turned into noise.
    """

    pitch: float
    range: float
    tempo: float
    tilt: float
    level: float
    ending: str
    contour: float = 1.0
    jitter: float = 0.0
    breath: float = 0.0


SPEAKERS = {
    "f1": Voice("f4", 0.94, 2, 0.97),
    "f2": Voice("f5", 1.15, -10, 1.04),
    "m1": Voice("m1", 0.92, 22, 0.95),
    "m2": Voice("m7", 1.10, 18, 1.03),
}
CUES = {
    "neutral": Cues(0, 45, 1.0, 0.0, -23, "."),
    "happy": Cues(9, 80, 1.12, 0.35, -21, "!", contour=1.2),
    "sad": Cues(-9, 20, 0.78, -0.45, -27, ".", contour=0.8, jitter=0.01, breath=0.3),
    "angry": Cues(2, 60, 1.20, 0.7, -19, "!", jitter=0.02),
    "surprised": Cues(17, 100, 0.90, 0.1, -22, "?", contour=1.4, breath=0.1),
}
SCATTER = Cues(1.0, 4.0, 0.02, 0.03, 1.0, "")
"""Standard deviation of each cue between utterances of one emotion."""
SCATTERED = ("pitch", "range", "tempo", "tilt", "level")
"""The cues that scatter."""

HELD_OUT = frozenset({("f1", "angry"), ("f2", "sad"), ("m1", "happy"), ("m2", "surprised")})


class Demo(Corpus):
    """Speaks sentences of `demo_sentences.txt`.

    Args:
        sentences: How many sentences, train, dev and test together (70: 54, 4 and 12).
        seed: Seed of the choice of sentences and of the scatter between utterances.
        world: Also change F0 contour, jitter and breathiness with WORLD; takes some ten times as long.
        face_style: How faces are drawn: shaded or sketched.
        faceless: Share of the utterances without a face.
    """

    def __init__(
        self,
        sentences: int = 70,
        seed: int = 0,
        world: bool = False,
        face_style: str = "shaded",
        faceless: float = 0.1,
    ):
        super().__init__()
        most = len(_texts())
        if not isinstance(sentences, int) or not FEWEST <= sentences <= most:
            raise UserError(f"demo corpus: sentences must be a number from {FEWEST} to {most}, got {sentences!r}")
        if not isinstance(seed, int) or seed < 0:
            raise UserError(f"demo corpus: seed must be a number from 0 on, got {seed!r}")
        if face_style not in tuple(STYLES):  # which may be asked for anything
            raise UserError(f"demo corpus: {one_of('face_style', face_style, STYLES)}")
        if not isinstance(faceless, (int, float)) or not 0 <= faceless <= 1:
            raise UserError(f"demo corpus: faceless must be a share from 0 to 1, got {shown(faceless)}")
        self.seed, self.world = seed, bool(world)
        self.face_style, self.faceless = face_style, faceless
        n_test, n_dev = max(2, round(sentences * 12 / 70)), max(2, round(sentences * 4 / 70))
        self.policy = SplitPolicy(n_dev, n_test, sentences - n_dev - n_test, HELD_OUT, seed)

    def utterances(self) -> list[Utterance]:
        listed = []
        for speaker, emotion, sentence in product(SPEAKERS, CUES, self._texts):
            utt = f"{speaker}_{emotion}_{sentence}"
            text = self._texts[sentence]
            listed.append(Utterance(utt, speaker, text, sentence, emotion, LANGUAGE, gender=speaker[0]))
        return listed

    @cached_property
    def _texts(self) -> dict[str, str]:
        return {f"s{number:03d}": text for number, text in enumerate(_texts(), 1)}

    def units(self, utterances: Sequence[Utterance]) -> dict[str, frozenset[str]]:
        return phones_of(utterances)

    def materialize(self, utterance: Utterance, directory: Path) -> Utterance:
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{utterance.id}.wav"
        samples, phones = self.render(utterance)
        path.write_bytes(encoded(samples, FS, "wav"))
        faces = self.draw(utterance, len(samples) / FS)
        if faces is None:
            return replace(utterance, audio=path, alignment=phones)
        visual = path.with_suffix(".npz")
        np.savez_compressed(visual, crops=faces, rate=FACES_A_SECOND)
        return replace(utterance, audio=path, alignment=phones, visual=visual)

    def draw(
        self,
        utterance: Utterance,
        seconds: float,
        person: str | None = None,
        style: str | None = None,
        side: int = FACE_SIDE,
    ) -> NDArray[np.uint8] | None:
        """Draws the face that goes with one utterance, the stronger its expression the stronger that of the voice is.

        Args:
            utterance: The utterance.
            seconds: Its length.
            person: Whose face; None: that of the speaker.
            style: How it is drawn; None: as `face_style` says.
            side: Height and width in pixels.

        Returns:
            Crops (T, side, side), `FACES_A_SECOND`; None where the utterance has no face.
        """
        # Other random numbers than those of the voice: whether faces are drawn changes nothing that is heard
        rng = np.random.default_rng([*self._seed(utterance), FACES])
        if rng.uniform() < self.faceless:
            return None
        frames = max(1, round(seconds * FACES_A_SECOND))
        emotion, whose = str(utterance.emotion), person or utterance.speaker
        strength = _strength(emotion, _noise(np.random.default_rng(self._seed(utterance))))
        return draw_faces(emotion, whose, frames, rng, style or self.face_style, side, strength)

    def _seed(self, utterance: Utterance) -> list[int]:
        """Seeds the random numbers of one utterance alone: it is the same whatever else is made, in any process."""
        return [self.seed, zlib.crc32(utterance.id.encode())]

    def render(self, utterance: Utterance) -> tuple[NDArray[np.float64], Alignment]:
        """Speaks one utterance: samples (T_wav,) at 16 kHz, and the phones with their ends in seconds."""
        import soxr

        rng = np.random.default_rng(self._seed(utterance))
        speaker = SPEAKERS[utterance.speaker]
        cues = _scatter(CUES[str(utterance.emotion)], _noise(rng))
        speech = espeak.synthesize(
            utterance.text.rstrip(".") + cues.ending,
            f"{LANGUAGE}+{speaker.variant}",
            rate=round(WORDS_PER_MINUTE * speaker.tempo * cues.tempo / speaker.warp),
            pitch=round(np.clip(50 + speaker.pitch + cues.pitch, 0, 100)),
            range=round(np.clip(cues.range, 0, 100)),
        )
        # Read at `warp` times their rate, the samples' formants and pitch move together, as with body size.
        fs = speech.sample_rate * speaker.warp
        samples = soxr.resample(speech.samples.astype(np.float64), fs, FS)
        if self.world:
            samples = _vary_voice(samples, cues, rng)
        samples = _tilt(samples, cues.tilt)
        samples = _add_noise(samples, rng)
        samples = _scale(samples, cues.level)
        return samples, tuple((phone, end / fs) for phone, end in speech.phones)


def _texts() -> list[str]:
    path = files("espnet_mtl.corpora") / "demo_sentences.txt"
    return path.read_text(encoding="utf-8").splitlines()


def _noise(rng: np.random.Generator) -> NDArray[np.float64]:
    """Draws by how many standard deviations each of `SCATTERED` differs in an utterance (5,)."""
    return np.clip(rng.standard_normal(len(SCATTERED)), -2, 2)


def _strength(emotion: str, noise: NDArray[np.float64]) -> float | None:
    """Tells from the scatter of the cues (5,) how strongly a voice shows an emotion, from 0 to 1; None for neutral."""
    from scipy.stats import norm

    rest, cues = CUES[NEUTRAL], CUES[emotion]
    directions = np.array([np.sign(getattr(cues, name) - getattr(rest, name)) for name in SCATTERED])
    if not directions.any():
        return None
    # A sum of n independent standard normals has the standard deviation sqrt(n)
    return float(norm.cdf(directions @ noise / np.sqrt(np.abs(directions).sum())))


def _scatter(cues: Cues, noise: NDArray[np.float64]) -> Cues:
    return replace(
        cues,
        pitch=cues.pitch + SCATTER.pitch * noise[0],
        range=cues.range + SCATTER.range * noise[1],
        tempo=cues.tempo * (1 + SCATTER.tempo * noise[2]),
        tilt=cues.tilt + SCATTER.tilt * noise[3],
        level=cues.level + SCATTER.level * noise[4],
    )


def _tilt(samples: NDArray[np.float64], tilt: float) -> NDArray[np.float64]:
    """Pre-emphasis 1 - tilt z^-1 where tilt is positive, de-emphasis 1 / (1 + tilt z^-1) where negative."""
    from scipy.signal import lfilter

    return lfilter([1, -max(tilt, 0)], [1, min(tilt, 0)], samples)


def _add_noise(samples: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Adds white noise: the digital silence of a synthesizer's pauses has no place in recorded speech."""
    deviation = 10 ** (-SNR_DB / 20) * np.sqrt(np.mean(samples**2))
    return samples + deviation * rng.standard_normal(len(samples))


def _scale(samples: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """Scales to an RMS level in dB relative to full scale, or below where peaks would be cut."""
    gain = 10 ** (level / 20) / np.sqrt(np.mean(samples**2))
    return samples * min(gain, 0.98 / np.abs(samples).max())


def _vary_voice(samples: NDArray[np.float64], cues: Cues, rng: np.random.Generator) -> NDArray[np.float64]:
    """Changes F0 contour, jitter and breathiness with WORLD (Morise et al. 2016)."""
    from espnet_mtl.system.imports.pyworld import import_pyworld

    pyworld = import_pyworld()

    f0, times = pyworld.dio(samples, FS)
    f0 = pyworld.stonemask(samples, f0, times, FS)
    envelope = pyworld.cheaptrick(samples, f0, times, FS)
    aperiodicity = pyworld.d4c(samples, f0, times, FS)
    voiced = f0 > 0
    log_f0 = np.log(f0[voiced])
    centre = log_f0.mean() if voiced.any() else 0.0
    noise = cues.jitter * rng.standard_normal(len(log_f0))
    f0[voiced] = np.exp(centre + cues.contour * (log_f0 - centre) + noise)
    breathy = aperiodicity ** (1 - cues.breath)  # aperiodicity is at most 1: a smaller power raises it
    varied = pyworld.synthesize(f0, envelope, breathy, FS)
    lacking = max(0, len(samples) - len(varied))
    return np.pad(varied, (0, lacking))[: len(samples)]
