"""Stage 5: training and fine-tuning."""

from espnet_mtl.training.resume import repair

__all__ = ["repair"]
