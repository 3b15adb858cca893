"""How a vocoder is trained: the section `vocoder` of a training configuration."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from espnet_mtl.config.fields import AtLeastOne, Count, NotNegative, Options, Positive, Seed, Share, Switch, whole

GRIFFIN_LIM, PARALLEL_WAVEGAN, SOURCE_FILTER = "griffin_lim", "parallel_wavegan", "source_filter"
"""Names of vocoders."""
WEIGHTS = "vocoder.pth"
"""In an experiment, and in a packed model: the vocoder that was trained with the model."""
Segment = Annotated[int, whole(16, 1024)]
Factor = Annotated[float, Field(ge=0.5, le=2)]
Factors = Annotated[list[Factor], Field(description="a list of numbers from 0.5 to 2")]
PredictedShare = Annotated[float, Field(ge=0, le=1, description="a number in [0, 1]")]


class VocoderOptions(Options):
    """Options of a model's vocoder and of its training.

    Attributes:
        kind: "source_filter", or "griffin_lim", which needs no training.
        steps: Steps of training; 0: the weights that it begins with are used as they are.
        max_utterances: Recordings that it learns from, at most, drawn at random where there are more: they are held in
            memory, and a model's predictions of them are as well.
        batch_size: Segments of a step.
        segment: Frames of a segment.
        learning_rate: At its highest; it rises in the first twentieth, and falls along a cosine.
        predicted: Share of segments whose mel is a model's prediction, in stage 5.
        discriminators: Whether discriminators judge the waveform.
        resampled: Factors: for each, the recordings are there once more, that much faster and higher, as other voices.
        start: Fraction of the training before which there is no discriminator.
        adversarial: Weight of their judgement.
        matching: Weight of the distance between their features.
        seed: Of the segments and noises.
    """

    kind: Literal["source_filter", "griffin_lim"] = "source_filter"
    steps: Count = 0
    max_utterances: AtLeastOne = 5000
    batch_size: AtLeastOne = 16
    segment: Segment = 32
    learning_rate: Positive = 5e-4
    predicted: PredictedShare = 0.75
    resampled: Factors = []  # noqa: RUF012
    discriminators: Switch = True
    start: Share = 0.0
    adversarial: NotNegative = 0.1
    matching: NotNegative = 0.5
    seed: Seed = 0

    @property
    def trains(self) -> bool:
        """Whether a vocoder is trained with the model."""
        return self.kind == SOURCE_FILTER and self.steps > 0
