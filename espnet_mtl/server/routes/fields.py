"""What requests may say: the fields of both dialects, and the controls."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from espnet_mtl.config.numbers import INTENSITIES, KNOBS
from espnet_mtl.inference.request.controls import SOURCES

OPENAI_MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""What clients call the model that do not let their users choose."""
MOST_EDITS = 4096
"""Each is looked at for each sentence: of more than the longest text has words, the time would grow for nothing."""
Mixture = str | dict[str, float]
EMOTION = "an emotion of the model, or a mixture: sad:0.3,neutral:0.7"
INTENSITY = f"of the emotion, {INTENSITIES[0]:g} to {INTENSITIES[1]:g}; 0 is neutral"
FACE = "a picture or a video of a face whose emotion is taken, in base64"
INSTRUCTIONS = "an emotion that is named in it is taken; the rest is ignored"


def _number(name: str) -> Any:
    return Field(default=None, description=KNOBS[name].meaning)


class EditedWord(BaseModel):
    """A word that is said otherwise than predicted (`espnet_mtl.inference.word_edits.WordEdit`)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    word: int = Field(description="number of the word in its sentence, from 0")
    sentence: int = Field(default=0, description="number of the sentence, from 0")
    pitch: float = Field(default=0.0, description="shift in semitones")
    stretch: float = Field(default=1.0, description="factor on its length")
    gain: float = Field(default=0.0, description="in dB")


class ControlFields(BaseModel):
    """The controls, by their names in Python; their numbers are checked there. What else is sent is refused by name."""

    model_config = ConfigDict(extra="forbid", strict=True)

    speaker: Mixture | None = Field(default=None, description="a speaker of the model, or a mixture: f2:0.7,m1:0.3")
    emotion: Mixture | None = Field(default=None, description=EMOTION)
    intensity: float | None = Field(default=None, description=INTENSITY)
    language: str | None = Field(default=None, description="espeak's name of a language of the model")
    rate: float | None = _number("rate")
    pitch: float | None = _number("pitch")
    pitch_range: float | None = _number("pitch_range")
    energy: float | None = _number("energy")
    pause: float | None = _number("pause")
    reference: str | None = Field(default=None, description="a recording whose emotion is taken, in base64")
    visual: str | None = Field(default=None, description=FACE)
    seed: int = Field(default=0, description="of what the network draws (Tacotron2)")

    edits: list[EditedWord] = Field(
        default=[], description="words that are said higher, longer or louder", max_length=MOST_EDITS
    )

    def controls(self) -> dict[str, Any]:
        """Returns the controls that were given, without files and what is of single words."""
        names = set(ControlFields.model_fields) - {*SOURCES, "seed", "edits"}
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


class CustomVoice(BaseModel):
    """A voice, as OpenAI's clients name those that their users have made."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: str


class SpeechRequest(ControlFields):
    """OpenAI's request for speech, and the controls."""

    input: str = Field(description="the text, or markup that begins with <speak")
    model: str = Field(default="", description="the name of the model, or one of OpenAI's")
    voice: str | CustomVoice = Field(default="default", description="f2, f2-happy, or a mixture: f2(.7)+m1(.3)")
    instructions: str | None = Field(default=None, description=INSTRUCTIONS)
    response_format: Literal["mp3", "opus", "flac", "wav", "pcm"] = "mp3"
    speed: float | None = Field(default=None, description="another name of rate")
    stream_format: Literal["audio", "sse"] = "audio"


class PiperRequest(ControlFields):
    """Piper's request for speech, and the controls."""

    text: str = Field(description="the text, or markup that begins with <speak")
    voice: str | None = Field(default=None, description="the name of the model, or a voice as for OpenAI")
    speaker_id: int | None = Field(default=None, description="number of the speaker, in place of speaker")
    length_scale: float | None = Field(default=None, description="length of speech, 0.1 to 10: 1 / rate")
    noise_scale: float | None = Field(default=None, description="without effect here")
    noise_w_scale: float | None = Field(default=None, description="without effect here")
