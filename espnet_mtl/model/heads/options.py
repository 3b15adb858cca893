"""Options of the heads, which are checked without importing PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from espnet_mtl.config.fields import AtLeastOne, Depth, Layers, Name, NotNegative, Options, Share, Switch, Width
from espnet_mtl.labels import CLASS_LABELS, CONTINUOUS_LABELS, LABELS, ClassLabel, ContinuousLabel


def _odd(steps: int) -> int:
    if steps not in range(1, 64, 2):
        raise ValueError(steps)
    return steps


Fraction = Annotated[float, Field(ge=0, lt=1, description="a fraction of training in [0, 1)")]
Kernel = Annotated[int, AfterValidator(_odd), Field(description="an odd number from 1 to 63")]
Cap = Annotated[float | None, Field(gt=0, allow_inf_nan=False, description="a number above 0, or null for no cap")]


class HeadOptions(Options):
    """Options of every head; see `espnet_mtl.model.heads.base.Head`.

    Attributes:
        label: Name of the label that the head learns.
        tap: The tensor of the network that it reads.
        weight: λ_k, the weight of its task in the loss.
        start: Fraction of training before which it does not act on the network.
        ramp: Fraction of training, after `start`, over which its action grows linearly to all of it.
        grad_cap: ρ: the gradient that its task sends into its tap has a norm of at most ρ / √(valid elements).
        reversed: Whether the representation must NOT carry the label (gradient reversal).
        partner: Another tap that it reads beside, and compares; null: none.
        labels: The labels that such a head can learn.
        needs_label: Whether there is nothing for it to learn where the data have no such label at all.
    """

    labels: ClassVar[Mapping[str, ClassLabel | ContinuousLabel]] = LABELS
    needs_label: ClassVar[bool] = True

    label: Name
    tap: Name
    weight: NotNegative = 1.0
    start: Fraction = 0.0
    ramp: Fraction = 0.0
    grad_cap: Cap = None
    reversed: Switch = False
    partner: ClassVar[str | None] = None

    @model_validator(mode="after")
    def _ends_in_time(self):
        if self.start + self.ramp > 1:
            raise ValueError("start + ramp goes beyond the end of training (1)")
        return self


class ClassifierOptions(HeadOptions):
    """Options of a classifier.

    Attributes:
        channels: Hidden units.
        layers: Convolutions over time; 0: none.
        dropout: Dropout in the hidden layers.
        noise: Standard deviation of noise on the tap in training.
    """

    labels: ClassVar[Mapping[str, ClassLabel | ContinuousLabel]] = CLASS_LABELS

    channels: Width = 32
    layers: Depth = 2
    dropout: Share = 0.1
    noise: NotNegative = 0.0


class DiscriminatorOptions(HeadOptions):
    """Options of a discriminator: those of every head, not reversed, on a tap that has a real counterpart.

    Attributes:
        channels: Channels of its convolutions.
        layers: Convolutions over time.
        kernel: Steps that a convolution sees, an odd number.
        fm: Weight of feature matching, relative to the adversarial loss.
        window: Steps of a random window of each utterance that it sees in training; null: the whole utterance.
        context: Whether it sees what each token's prosody is predicted from, too.
    """

    labels: ClassVar[Mapping[str, ClassLabel | ContinuousLabel]] = CLASS_LABELS
    needs_label: ClassVar[bool] = False

    tap: Literal["mel", "prosody"]
    channels: Width = 64
    layers: Layers = 3
    kernel: Kernel = 5
    fm: NotNegative = 0.0
    window: AtLeastOne | None = None
    context: Switch = False

    @model_validator(mode="after")
    def _has_a_meaning(self):
        if self.reversed:
            raise ValueError("reversed: a discriminator as it is wants predictions that it takes for real")
        if self.context and self.tap != "prosody":
            raise ValueError("context: only for the tap prosody, whose steps are tokens")
        return self


class MatchingOptions(HeadOptions):
    """Options of a matching head: those of every head, not reversed, on the tap `visual`.

    Attributes:
        temperature: What similarities are divided by when training begins.
    """

    labels: ClassVar[Mapping[str, ClassLabel | ContinuousLabel]] = CLASS_LABELS
    needs_label: ClassVar[bool] = False
    partner: ClassVar[str | None] = "style"

    tap: Literal["visual"]
    temperature: Annotated[float, Field(ge=0.01, le=10, description="a number from 0.01 to 10")] = 0.2

    @model_validator(mode="after")
    def _is_not_reversed(self):
        if self.reversed:
            raise ValueError("reversed: matching as it is brings faces and voices together")
        return self


class IndependenceOptions(HeadOptions):
    """Options of an independence criterion: those of every head, not reversed."""

    labels: ClassVar[Mapping[str, ClassLabel | ContinuousLabel]] = CLASS_LABELS

    @model_validator(mode="after")
    def _is_not_reversed(self):
        if self.reversed:
            raise ValueError("reversed: independence as it is keeps the label out")
        return self


class RegressorOptions(HeadOptions):
    """Options of a regressor.

    Attributes:
        channels: Hidden units.
        layers: Convolutions over time; 0: only mean and spread of each feature are read.
        dropout: Dropout in the hidden layers.
        additive: Whether it is one linear layer on the mean over time, without anything hidden: on `shared`, a sum of
            what text, style and speaker each say.
    """

    labels: ClassVar[Mapping[str, ClassLabel | ContinuousLabel]] = CONTINUOUS_LABELS

    channels: Width = 32
    layers: Depth = 2
    dropout: Share = 0.1
    additive: Switch = False

    @model_validator(mode="after")
    def _hides_nothing(self):
        hidden = sorted({"channels", "layers", "dropout"} & self.model_fields_set)
        if self.additive and hidden:
            raise ValueError(f"{hidden[0]} has no effect where additive is true: leave it out")
        return self
