"""Mean opinion scores (1 to 5), predicted by networks that learned them from listeners.

Their packages hold the weights. These judge, and nothing is ever trained to please them: no loss may use them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.evaluation.measures.prosody import root_mean_square
from espnet_mtl.system.caches import prepare_numba

if TYPE_CHECKING:
    from torch import Tensor

PREDICTED = ("distillmos", "dnsmos_overall", "dnsmos_signal", "dnsmos_background")
"""Names of the scores, in the order of `predict`."""
NETWORK_FS, LEVEL_DBFS = 16000, -26
COLUMN = 320
"""Samples of a column of DistillMOS' features."""
REACH = 5
"""How many columns to each side a sample has an effect on; 4 are enough."""
DNSMOS_SAMPLES = 144160
"""What DNSMOS takes at a time: 9.01 s."""
DNSMOS_WEIGHTS = "dnsmos_models/sig_bak_ovr.onnx"


def predict(samples: NDArray[np.floating], fs: int) -> NDArray[np.float32]:
    """Predicts the scores of a recording (T_wav,) at `fs` Hz: (4,), the same at every gain.

    A score whose package is not installed is NaN.
    """
    import soxr

    wave = soxr.resample(samples.astype(np.float64), fs, NETWORK_FS)
    wave *= 10 ** (LEVEL_DBFS / 20) / max(root_mean_square(wave), 1e-8)
    wave /= max(1.0, np.abs(wave).max())
    wave = wave.astype(np.float32)
    return np.array([_by_distillmos(wave), *_by_dnsmos(wave)], dtype=np.float32)


def _by_distillmos(wave: NDArray[np.float32]) -> float:
    """Quality of speech (Stahl & Gamper 2025, arXiv 2502.05356)."""
    import torch

    network = _distillmos()
    if network is None:
        return np.nan
    torch.set_num_threads(1)
    with torch.inference_mode():
        return float(network(torch.from_numpy(wave)[None]))


def _by_dnsmos(wave: NDArray[np.float32]) -> list[float]:
    """Overall quality, that of the signal, and freedom from noise (Reddy et al. 2022, DNSMOS P.835).

    The package repeats short recordings until several windows are full, and predicts P.808 beside. Here, one window is
    filled, in a quarter of the time; the means over six recordings differ by .05 at most.
    """
    network = _dnsmos()
    if network is None:
        return [np.nan] * 3
    session, calibrate = network
    repeated = np.resize(wave, max(len(wave), DNSMOS_SAMPLES))
    rows = []
    for start in range(0, len(repeated) - DNSMOS_SAMPLES + 1, NETWORK_FS):
        window = repeated[None, start : start + DNSMOS_SAMPLES]
        signal, background, overall = session.run(None, {"input_1": window})[0][0]
        signal, background, overall = calibrate(None, signal, background, overall, False)
        rows.append([overall, signal, background])
    return np.mean(rows, 0).tolist()


@lru_cache(maxsize=1)
def _distillmos() -> Any:
    """The network; None where its package is not installed."""
    import torch

    try:
        from distillmos import sqa
    except ImportError:
        return None
    # Loaded here, since the package prints when it does so
    network = sqa.ConvTransformerSQAModel(load_weights=False)
    network.load_state_dict(torch.load(sqa.DEFAULT_WEIGHTS_CHKPT, map_location="cpu", weights_only=True)["model"])
    convolve = network.cnn.forward
    network.cnn.forward = lambda padded: _without_silence(convolve, padded)
    return network.eval()


def _without_silence(convolve: Callable[[Tensor], Tensor], padded: Tensor) -> Tensor:
    """Gives what the convolutions of DistillMOS make of recordings, in less time where they end in zeros.

    The network takes 7.68 s and appends zeros to what is shorter. Far from their edges, all columns of them are alike:
    the convolutions run over a few only, and one is repeated.

    Args:
        convolve: Maps (B, T_wav) to (B, channels, T_wav / COLUMN).
        padded: Recordings with the zeros (B, T_wav).
    """
    import torch

    (ends,) = padded.abs().amax(0).nonzero(as_tuple=True)
    speech = int(ends[-1]) + 1 if len(ends) else 0
    kept = (-(-speech // COLUMN) + REACH + 1 + REACH) * COLUMN
    omitted = (padded.size(1) - kept) // COLUMN
    if omitted <= 0:
        return convolve(padded)
    columns = convolve(padded[:, :kept])
    before, silent, after = columns.split([columns.size(-1) - 1 - REACH, 1, REACH], -1)
    return torch.cat([before, silent.expand(-1, -1, 1 + omitted), after], -1)


@lru_cache(maxsize=1)
def _dnsmos() -> Any:
    """The session of the network, and what calibrates its figures; None where a package is not installed."""
    prepare_numba()  # the package imports librosa
    try:
        import onnxruntime
        from speechmos import dnsmos
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # its class would take all cores in every process
    weights = str(files("speechmos") / DNSMOS_WEIGHTS)
    session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    return session, dnsmos.DNSMOS.get_polyfit_val
