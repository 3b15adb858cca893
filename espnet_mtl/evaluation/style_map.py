"""Where the reference encoder of a model places recordings among its styles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from espnet_mtl.checkpoint import best_model
from espnet_mtl.config import read_yaml
from espnet_mtl.data.kaldi import read_table


def has_reference(exp: Path) -> bool:
    """Tells whether an experiment's model has a reference encoder."""
    config = read_yaml(exp / "config.yaml")
    return bool(config.get("emotions")) and (config.get("style_conf") or {}).get("reference", True)


def style_vectors(exp: Path, natural: Path, utts: list[str]) -> NDArray[np.float32]:
    """Embeds natural recordings by the reference encoder.

    Args:
        exp: exp/<tag> (stage 5) of a model that has one.
        natural: Directory with feats.scp (stage 3).
        utts: The recordings.

    Returns:
        Style vectors (N, D).
    """
    import kaldiio
    import torch

    from espnet_mtl.inference import Text2Speech

    model = Text2Speech(exp / "config.yaml", best_model(exp, read_yaml(exp / "config.yaml"))).model
    feats, vectors = read_table(natural / "feats.scp", "stage 3"), []
    with torch.inference_mode():
        for utt in utts:
            mel = torch.from_numpy(np.array(kaldiio.load_mat(feats[utt])))[None]
            lengths = torch.tensor([mel.shape[1]])
            vectors.append(model.style.reference(model.normalize(mel, lengths)[0], lengths)[0].numpy())
    return np.stack(vectors)


def plane(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    """The two directions in which vectors (N, D) differ most: (N, 2)."""
    from sklearn.decomposition import PCA

    return np.asarray(PCA(2, svd_solver="full").fit_transform(vectors))
