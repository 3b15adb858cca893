"""What the values of ESPnet's own keys must be, where users set them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, create_model

from espnet_mtl.config.fields import (
    WIDEST,
    AtLeastOne,
    Count,
    Depth,
    Layers,
    Name,
    NotNegative,
    Number,
    Options,
    Positive,
    Seed,
    Share,
    Switch,
    Width,
    whole,
)
from espnet_mtl.errors import UserError

BATCHES = Literal["unsorted", "sorted", "folded", "length", "numel"]
ORDER = Literal["descending", "ascending"]
Cleaner = Literal["tacotron", "jaconv", "vietnamese", "korean_cleaner"]
PHASES, MODES = ("train", "valid"), ("min", "max")


def _check_criterion(criterion: Sequence[str]) -> Sequence[str]:
    """Checks [phase, figure, mode]; which figures there are, depends on the model."""
    if len(criterion) != 3 or criterion[0] not in PHASES or criterion[2] not in MODES:
        raise ValueError(criterion)
    return criterion


def _check_scheduler_criterion(criterion: Sequence[str]) -> Sequence[str]:
    if len(criterion) != 2 or criterion[0] not in PHASES:
        raise ValueError(criterion)
    return criterion


def _check_file(parameter: str) -> str:
    """Checks the file of `<file>:<source>:<target>:<excluded>`."""
    if not Path(parameter.partition(":")[0]).is_file():
        raise ValueError(parameter)
    return parameter


Criterion = Annotated[list[str], AfterValidator(_check_criterion)]
Criteria = Annotated[list[Criterion], Field(description="a list of [train or valid, figure, min or max]")]
Stopping = Annotated[Criterion, Field(description="[train or valid, figure, min or max]")]
SchedulerCriterion = Annotated[
    list[str], AfterValidator(_check_scheduler_criterion), Field(description="[train or valid, figure]")
]
ModelFile = Annotated[str, AfterValidator(_check_file)]
ModelFiles = Annotated[
    list[ModelFile], Field(description="a list of model files that exist ('file' or 'file:from:to')")
]
Norm = Annotated[float, Field(gt=0, description="a number above 0, or .inf")]
Workers = Annotated[int, whole(0, 256)]
Names = Annotated[list[Name], Field(description="a list of names")]
Counts = Annotated[list[AtLeastOne], Field(description="a list of whole numbers of at least 1")]
NumberOfModels = Annotated[
    AtLeastOne | list[AtLeastOne], Field(description="a whole number of at least 1, or a list of such")
]


class TrainValues(Options):
    """Values of keys of ESPnet's training, and of this project's plain ones; `None` may stand where its type has it."""

    language: Name = "en-us"
    license: Name = "unknown"
    corpus: Name = "unknown"
    cleaner: Cleaner | None = None
    max_epoch: AtLeastOne = 40
    num_iters_per_epoch: AtLeastOne | None = None
    accum_grad: AtLeastOne = 1
    patience: Count | None = None
    ngpu: Count = 0
    seed: Seed = 0
    num_workers: Workers = 1
    num_att_plot: Count = 3
    log_interval: AtLeastOne | None = None
    keep_nbest_models: NumberOfModels = 10
    nbest_averaging_interval: Count = 0
    grad_clip: Positive = 5.0
    grad_clip_type: Norm = 2.0
    iterator_type: Literal["sequence"] = "sequence"
    valid_iterator_type: Literal["sequence"] | None = None
    batch_type: BATCHES = "folded"
    valid_batch_type: BATCHES | None = None
    batch_size: AtLeastOne = 20
    valid_batch_size: AtLeastOne | None = None
    batch_bins: AtLeastOne = 1000000
    valid_batch_bins: AtLeastOne | None = None
    min_batch_size: AtLeastOne = 1
    fold_length: Counts = Field(default_factory=list)
    sort_in_batch: ORDER = "descending"
    sort_batch: ORDER = "descending"
    train_dtype: Literal["float16", "float32", "float64"] = "float32"
    best_model_criterion: Criteria = Field(default_factory=list)
    early_stopping_criterion: Stopping = Field(default_factory=list)
    val_scheduler_criterion: SchedulerCriterion = Field(default_factory=list)
    init_param: ModelFiles = Field(default_factory=list)
    freeze_param: Names = Field(default_factory=list)
    ignore_init_mismatch: Switch = False
    grad_noise: Switch = False
    use_amp: Switch = False
    use_tf32: Switch = False
    use_matplotlib: Switch = True
    use_tensorboard: Switch = True
    use_wandb: Switch = False
    create_graph_in_tensorboard: Switch = False
    detect_anomaly: Switch = False
    drop_last_iter: Switch = False
    shuffle_within_batch: Switch = False
    exclude_weight_decay: Switch = False
    unused_parameters: Switch = False
    generator_first: Switch = False
    skip_discriminator_prob: Number = 0.0
    gradient_as_bucket_view: Switch = True
    sharded_ddp: Switch = False
    multiprocessing_distributed: Switch = True
    cudnn_enabled: Switch = True
    cudnn_benchmark: Switch = False
    cudnn_deterministic: Switch = True


Activation = Literal["LeakyReLU", "ReLU", "ELU", "GELU", "SiLU"]
CHOICES: Mapping[str, Any] = {
    "conformer_rel_pos_type": Literal["legacy", "latest"],
    "conformer_pos_enc_layer_type": Literal["rel_pos", "abs_pos", "scaled_abs_pos", "legacy_rel_pos"],
    "conformer_self_attn_layer_type": Literal["rel_selfattn", "selfattn", "legacy_rel_selfattn"],
    "conformer_activation_type": Literal["hardtanh", "relu", "selu", "swish", "tanh"],
    "positionwise_layer_type": Literal["linear", "conv1d", "conv1d-linear"],
    "spk_embed_integration_type": Literal["add", "concat"],
    "init_type": Literal["pytorch", "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal", "normal"],
    "encoder_type": Literal["transformer", "conformer"],
    "decoder_type": Literal["transformer", "conformer"],
    "atype": Literal["location", "forward", "forward_ta"],
    "generator_nonlinear_activation": Activation,
    "nonlinear_activation": Activation,
    "scale_downsample_pooling": Literal["AvgPool1d", "MaxPool1d"],
    "loss_type": Literal["L1", "L2", "L1+L2"],
}
"""Names that a network takes for an argument."""


def _check_odd(size: int) -> int:
    if size % 2 == 0:
        raise ValueError(size)
    return size


OddSize = Annotated[
    int, Field(ge=1, le=WIDEST, description=f"an odd number from 1 to {WIDEST}"), AfterValidator(_check_odd)
]
Sizes = Annotated[list[Width], Field(min_length=1, description=f"a list of whole numbers from 1 to {WIDEST}")]
Betas = Annotated[list[Share], Field(min_length=2, max_length=2, description="two numbers in [0, 1)")]
LogBase = Annotated[float, Field(gt=1, allow_inf_nan=False, description="a number above 1")]
LearningRate = Annotated[float, Field(gt=0, le=100, description="a number above 0, at most 100")]
Window = Literal["bartlett", "blackman", "hamming", "hann", "kaiser"]
Section = Annotated[dict[str, Any], Field(description="'key: value' lines")]

RANGES: tuple[tuple[str, Any], ...] = (
    (r".*\.fs", Annotated[int, whole(4000, 192000)]),
    (r".*\.n_fft", Annotated[int, whole(16, 2**16)]),
    (r".*\.hop_length", Annotated[int, whole(1, 2**16)]),
    (r".*\.n_mels", Annotated[int, whole(1, 1024)]),
    (r".*\.window", Window),
    (r".*\.log_base", LogBase),
    (r".*\.eps", Positive),
    (r"tts_conf\..*_params", Section),
    (r"tts_conf\.(.*_)?adv_loss_params\.loss_type", Literal["mse", "hinge"]),
    (r"tts_conf\..*(_scales|_sizes|periods)", Sizes),
    (r"tts_conf\..*_dilations", Annotated[list[Sizes], Field(description="lists of whole numbers")]),
    (r"tts_conf\.lambda_.*", NotNegative),
    (r"tts_conf\..*(dropout|dropout_rate|zoneout_rate)", Share),
    (r"tts_conf\..*(kernel_size|filts)", OddSize),
    (r"tts_conf\.(.*\.)?gst_conv_chans_list", Sizes),
    (r"tts_conf\.(enc|dec)_buckets", Sizes | None),
    (r"tts_conf\.(guided_attn_loss_sigma|bce_pos_weight)", Positive),
    (r"tts_conf\.guided_attn_loss_lambda", NotNegative),
    (r"tts_conf\.(.*\.)?(reduction_factor|gst_conv_stride)", Annotated[int, whole(1, 64)]),
    (r"tts_conf\.(econv|postnet|prenet)_layers", Depth),
    (r"tts_conf\..*layers", Layers),
    (r"tts_conf\.(idim|odim|spks|langs)", Annotated[int, whole(1, 10**7)]),
    (r"tts_conf\..*", Width),
    (r"optim2?_conf.*\.betas", Betas),
    (r"optim2?_conf.*\.lr", LearningRate),
    (r"optim2?_conf.*\.eps", Positive),
    (r"optim2?_conf.*\.(weight_decay|lr_decay)", NotNegative),
    (r"optim2?_conf.*\.(rho|momentum|alpha|dampening)", Share),
    (r"scheduler2?_conf.*\.(max_lr|base_lr)", LearningRate),
    (r"scheduler2?_conf.*\.(gamma|cycle_mult|factor)", Positive),
    (r"scheduler2?_conf.*\.min_lr", NotNegative),
    (r"scheduler2?_conf.*\.(first_cycle_steps|T_max|T_0|T_mult|step_size)", Annotated[int, whole(1, 10**9)]),
    (r"scheduler2?_conf.*\.warmup_steps", Annotated[float, Field(ge=0, le=1e9, description="a number from 0 to 1e9")]),
)
"""What fits `<section>.<argument>`, the first that does: the type that it has in place of the annotated one."""
TYPES: Mapping[str, Any] = {"int": int, "float": Number, "bool": Switch, "str": Name, "any": Any}
WHOLE = Annotated[int, Field(description="a whole number")]


@cache
def class_options(section: str, arguments: tuple[tuple[str, str], ...]) -> type[Options]:
    """Makes the options class of one of ESPnet's classes.

    Args:
        section: The section of a configuration that holds its constructor arguments.
        arguments: Those and their types, as in `classes.json`.
    """
    fields: dict[str, Any] = {}
    for argument, kind in arguments:
        fields[argument] = (_type(section, argument, kind), None)
    return create_model(section, __base__=Options, **fields)


def _type(section: str, argument: str, kind: str) -> Any:
    plain = kind.removesuffix("?")
    wanted = TYPES[plain] if plain != "int" else WHOLE
    narrow = narrowed(section, argument, plain)
    if narrow is not None:
        wanted = narrow
    elif argument in CHOICES:
        wanted = CHOICES[argument]
    elif plain == "int" and not section.startswith(("optim", "scheduler")):  # these take -1, too
        wanted = Count
    return wanted | None if kind.endswith("?") else wanted


def narrowed(section: str, argument: str, kind: str) -> Any:
    """Returns the range of an argument that is annotated as `kind` (int, float, str or any); None: it has none."""
    for pattern, wanted in RANGES:
        if re.fullmatch(pattern, f"{section}.{argument}"):
            # The last pattern of tts_conf is for sizes alone, but fits flags and names, too
            return None if wanted is Width and kind != "int" else wanted
    return None


def check_features(config: Mapping[str, Any]) -> None:
    """Checks what the values of feature extraction must be together.

    Raises:
        UserError: A window longer than its FFT, or a lowest frequency that is not below the highest.
    """
    mel, pitch = config["feats_extract_conf"], config["pitch_extract_conf"]
    fs, n_fft = mel["fs"], mel["n_fft"]
    for key in ("feats_extract_conf", "energy_extract_conf"):
        window = config[key].get("win_length")
        if window is not None and not 0 < window <= n_fft:
            raise UserError(f"{key}.win_length: null, or from 1 to n_fft ({n_fft}), got {window!r}")
    lowest, highest = mel.get("fmin", 80), mel.get("fmax", 7600)
    lowest, highest = lowest or 0, fs / 2 if highest is None else highest
    if not lowest < highest <= fs / 2:
        raise UserError(
            f"feats_extract_conf: fmin ({lowest}) must be below fmax ({highest}), and fmax at most fs / 2 ({fs / 2:g})"
        )
    lowest, highest = pitch.get("f0min", 80), pitch.get("f0max", 400)
    if not lowest < highest:
        raise UserError(f"pitch_extract_conf: f0min ({lowest}) must be below f0max ({highest})")
