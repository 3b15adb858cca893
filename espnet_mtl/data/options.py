"""Options of stages 2 and 3 (`audio_conf`, `aligner_conf`)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from espnet_mtl.config.fields import AtLeastOne, NotNegative, Options, Positive, Seed, Width

LevelDbfs = Annotated[float | None, Field(ge=-90, le=0, description="dB from -90 to 0, or null for as recorded")]
TrimDb = Annotated[float | None, Field(gt=0, allow_inf_nan=False, description="dB above 0, or null for no trimming")]


class AudioConf(Options):
    """Settings of stage 2 (`audio_conf` of the training YAML).

    Attributes:
        trim_db: Frames this far below the loudest one are silence; null = do not trim.
        margin_s: Silence kept at either end, in seconds.
        min_seconds, max_seconds: Utterances shorter or longer after trimming are dropped.
        channels: Recordings of another number of channels are dropped; null = any, they are averaged.
        level_dbfs: RMS level of the active frames, in dB relative to full scale; null = as recorded.
            Lowered where peaks would be cut.
    """

    trim_db: TrimDb = 40.0
    margin_s: NotNegative = 0.05
    min_seconds: NotNegative = 0.3
    max_seconds: Positive = 20.0
    channels: AtLeastOne | None = 1
    level_dbfs: LevelDbfs = -26.0

    @model_validator(mode="after")
    def _lets_something_pass(self):
        if self.min_seconds >= self.max_seconds:
            raise ValueError(f"min_seconds ({self.min_seconds}) must be below max_seconds ({self.max_seconds})")
        return self


class AlignerConf(Options):
    """Settings of the aligner of stage 3 (`aligner_conf` of the training YAML).

    Attributes:
        steps: Updates.
        batch_size: Utterances of each.
        dim: Size of its embeddings.
        lr: Highest learning rate.
        seed: Seed of its weights and of the order of the utterances.
    """

    steps: AtLeastOne = 480
    batch_size: AtLeastOne = 32
    dim: Width = 128
    lr: Positive = 0.002
    seed: Seed = 1
