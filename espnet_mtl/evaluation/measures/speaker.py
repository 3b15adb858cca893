"""Speaker embeddings by Resemblyzer, whose package ships the weights of its encoder (GE2E, Wan et al. 2018)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.evaluation.measures.prosody import root_mean_square
from espnet_mtl.system.caches import prepare_numba

ENCODER_FS, LEVEL_DBFS = 16000, -30


def embed(samples: NDArray[np.floating], fs: int) -> NDArray[np.float32]:
    """Embeds a recording (T_wav,) at `fs` Hz: a vector of length one (256,), the same at every gain."""
    import soxr
    import torch

    wave = soxr.resample(samples.astype(np.float64), fs, ENCODER_FS)
    wave *= 10 ** (LEVEL_DBFS / 20) / max(root_mean_square(wave), 1e-8)
    torch.set_num_threads(1)
    return np.asarray(_encoder().embed_utterance(wave.astype(np.float32)), dtype=np.float32)


@lru_cache(maxsize=1)
def _encoder() -> Any:
    prepare_numba()  # the package imports librosa
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the package says on import and about its own checkpoint
        from resemblyzer import VoiceEncoder
    return VoiceEncoder("cpu", verbose=False)


def enroll(embeddings: NDArray[np.float32], speakers: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Averages the embeddings (B, 256) of each speaker: vectors of length one."""
    names = np.array(speakers)
    means = {name: embeddings[names == name].mean(0) for name in sorted(set(speakers))}
    return {name: mean / np.linalg.norm(mean) for name, mean in means.items()}
