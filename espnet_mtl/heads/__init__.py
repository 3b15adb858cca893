"""Task heads: what is read off a tap of the network, and the loss of reading it wrongly."""

from espnet_mtl.registry import Registry

HEADS = Registry("head", {"classifier": "espnet_mtl.heads.classifier:Classifier"})
"""Heads by the name that `tasks.<task>.head` takes."""

LABELS = {"emotion": "emotion", "speaker": "sids", "language": "lids"}
"""Labels that a task can learn, and the name of the batch entry that holds each."""
