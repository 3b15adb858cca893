"""Corpora: where their files are and how their labels read."""

from espnet_mtl.registry import Registry

CORPORA = Registry("corpus", {"demo": "espnet_mtl.corpora.demo:Demo"})
"""Corpora by the name that `--corpus` takes."""
