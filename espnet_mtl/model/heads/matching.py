"""Matching of faces and voices: contrastive learning."""

from __future__ import annotations

from math import log

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from espnet_mtl.model.heads.base import Head
from espnet_mtl.model.heads.options import MatchingOptions
from espnet_mtl.model.processes import gathered
from espnet_mtl.model.taps import Tap
from espnet_mtl.model.targets import known, soft_target

SHARPEST = log(100)
"""Largest log of the factor that similarities are multiplied with, as in CLIP."""


class Matching(Head):
    """InfoNCE between the embedding of a face and that of the recording (van den Oord et al. 2018, arXiv 1807.03748).

    Each face is to find its recording among those of the batch, and each recording its face (Radford et al. 2021, CLIP,
    arXiv 2103.00020, figure 3): cross-entropy over cosines, times a factor that is learned. Utterances of the same
    emotion are no negatives of each other: to tell them apart is no task of a style. Utterances without a face do not
    count. In a distributed training, the utterances of all processes are among those that are chosen from.

    Args:
        dim: Features of the tap.
        classes: Number of classes K of the label.
        options: Values of `Options`.
    """

    Options = MatchingOptions
    options: MatchingOptions

    def __init__(self, dim: int, classes: int, **options):
        super().__init__(**options)
        self.classes = classes
        self.log_factor = nn.Parameter(torch.tensor(-log(self.options.temperature)))

    def forward(self, tap: Tap) -> tuple[Tensor, Tensor, Tensor]:
        """Returns unit vectors (B, D) of faces, times the factor, those of recordings, and who has both (B,)."""
        assert tap.partner is not None
        factor = self.log_factor.clamp(max=SHARPEST).exp()
        faces = factor * normalize(tap.values.float(), dim=-1)
        recordings = normalize(tap.partner.values.float(), dim=-1)
        return faces, recordings, tap.valid_rows() & tap.partner.valid_rows()

    def criterion(self, prediction: tuple[Tensor, Tensor, Tensor], target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean cross-entropy of both directions, and the share of faces that find their recording first.

        Args:
            prediction: What `forward` returns.
            target: Class ids (B,) or (B, 1), -1 where unknown, or soft labels (B, K), rows of -1 where unknown.
        """
        faces, recordings, present = prediction
        labels = soft_target(target, self.classes)
        emotions = torch.where(known(labels), labels.argmax(-1), -1)
        every_face, first = gathered(faces)
        every_recording, _ = gathered(recordings)
        every_emotion, _ = gathered(emotions)
        everyone_present, _ = gathered(present.long())
        own = first + torch.arange(len(faces), device=faces.device)
        others = own.unsqueeze(1) != torch.arange(len(every_face), device=faces.device)
        # How many are present only the device knows: the rows of the absent stay, and do not count
        excluded = others & (_same_emotion(emotions, every_emotion) | (everyone_present == 0))
        with torch.autocast(faces.device.type, enabled=False):  # the factor makes similarities too large for bfloat16
            by_face = (faces @ every_recording.T).masked_fill(excluded, -torch.inf)
            by_recording = (recordings @ every_face.T).masked_fill(excluded, -torch.inf)
        losses = cross_entropy(by_face, own, reduction="none") + cross_entropy(by_recording, own, reduction="none")
        right = by_face.max(-1).values == by_face.gather(1, own.unsqueeze(1)).squeeze(1)
        count = present.sum().clamp(min=1)
        return (losses * present).sum() / (2 * count), {"recall": (right & present).sum() / count}


def _same_emotion(emotions: Tensor, every_emotion: Tensor) -> Tensor:
    """Marks pairs (B, all) whose emotion is known and the same."""
    return (emotions.unsqueeze(1) == every_emotion) & (emotions >= 0).unsqueeze(1)
