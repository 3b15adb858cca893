"""Task balancing: how the task losses become the one loss that is trained."""

from espnet_mtl.registry import Registry

WEIGHTINGS = Registry("weighting", {"fixed": "espnet_mtl.weighting.fixed:Fixed"})
"""Weightings by the name that `weighting:` takes."""
