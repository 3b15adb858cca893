"""What numbers the arguments of ESPnet's classes can be: their annotations say no more than int and float."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from espnet_mtl.config.fields import NotNegative, Positive, Share

WIDEST, DEEPEST = 2**13, 128
"""Largest layer, and most layers: a slip of the keyboard would else fill the memory after all data are prepared."""


def _check_odd(size: int) -> int:
    if size % 2 == 0:
        raise ValueError(size)
    return size


def whole(low: int, high: int) -> Any:
    """Makes the field of a whole number from `low` to `high`."""
    return Field(ge=low, le=high, description=f"a whole number from {low} to {high}")


Seed = Annotated[int, whole(0, 2**32 - 1)]
Width = Annotated[int, whole(1, WIDEST)]
Depth = Annotated[int, whole(0, DEEPEST)]
Layers = Annotated[int, whole(1, DEEPEST)]
OddSize = Annotated[
    int, Field(ge=1, le=WIDEST, description=f"an odd number from 1 to {WIDEST}"), AfterValidator(_check_odd)
]
Sizes = Annotated[list[Width], Field(min_length=1, description=f"a list of whole numbers from 1 to {WIDEST}")]
Betas = Annotated[list[Share], Field(min_length=2, max_length=2, description="two numbers in [0, 1)")]
LogBase = Annotated[float, Field(gt=1, allow_inf_nan=False, description="a number above 1")]
LearningRate = Annotated[float, Field(gt=0, le=100, description="a number above 0, at most 100")]
Window = Literal["bartlett", "blackman", "hamming", "hann", "kaiser"]

RANGES: tuple[tuple[str, Any], ...] = (
    (r".*\.fs", Annotated[int, whole(4000, 192000)]),
    (r".*\.n_fft", Annotated[int, whole(16, 2**16)]),
    (r".*\.hop_length", Annotated[int, whole(1, 2**16)]),
    (r".*\.n_mels", Annotated[int, whole(1, 1024)]),
    (r".*\.window", Window),
    (r".*\.log_base", LogBase),
    (r".*\.eps", Positive),
    (r"tts_conf\..*(dropout|dropout_rate|zoneout_rate)", Share),
    (r"tts_conf\..*(kernel_size|filts)", OddSize),
    (r"tts_conf\.gst_conv_chans_list", Sizes),
    (r"tts_conf\.(enc|dec)_buckets", Sizes | None),
    (r"tts_conf\.(guided_attn_loss_sigma|bce_pos_weight)", Positive),
    (r"tts_conf\.guided_attn_loss_lambda", NotNegative),
    (r"tts_conf\.(reduction_factor|gst_conv_stride)", Annotated[int, whole(1, 64)]),
    (r"tts_conf\.(econv|postnet|prenet)_layers", Depth),
    (r"tts_conf\..*layers", Layers),
    (r"tts_conf\.(idim|odim|spks|langs)", Annotated[int, whole(1, 10**7)]),
    (r"tts_conf\..*", Width),
    (r"optim_conf.*\.betas", Betas),
    (r"optim_conf.*\.lr", LearningRate),
    (r"optim_conf.*\.eps", Positive),
    (r"optim_conf.*\.(weight_decay|lr_decay)", NotNegative),
    (r"optim_conf.*\.(rho|momentum|alpha|dampening)", Share),
    (r"scheduler_conf.*\.(max_lr|base_lr)", LearningRate),
    (r"scheduler_conf.*\.(gamma|cycle_mult|factor)", Positive),
    (r"scheduler_conf.*\.min_lr", NotNegative),
    (r"scheduler_conf.*\.(first_cycle_steps|T_max|T_0|T_mult|step_size)", Annotated[int, whole(1, 10**9)]),
    (r"scheduler_conf.*\.warmup_steps", Annotated[float, Field(ge=0, le=1e9, description="a number from 0 to 1e9")]),
)
"""What fits `<section>.<argument>`, the first that does: the type that it has in place of the annotated one."""


def narrowed(section: str, argument: str, kind: str) -> Any:
    """Returns the range of an argument that is annotated as `kind` (int, float, str or any); None: it has none."""
    for pattern, wanted in RANGES:
        if re.fullmatch(pattern, f"{section}.{argument}"):
            # The last pattern of tts_conf is for sizes alone, but fits flags and names, too
            return None if wanted is Width and kind != "int" else wanted
    return None
