"""Task heads: what is read off a tap of the network, and the loss of reading it wrongly."""

from collections.abc import Collection

from espnet_mtl.registry import Registry

HEADS = Registry(
    "head",
    {
        "classifier": "espnet_mtl.model.heads.classifier:Classifier",
        "independence": "espnet_mtl.model.heads.independence:Independence",
        "regressor": "espnet_mtl.model.heads.regressor:Regressor",
    },
    open=True,
)
"""Heads by the name that `tasks.<task>.head` takes; `module:Class` is one of the user's own."""

CLASSES = {"emotion": "emotion", "speaker": "sids", "language": "lids", "gender": "gender"}
"""Labels that name a class, and the name of the batch entry that holds each."""

VALUES = {"vad": 3, "speaking_rate": 1, "intonation": 8, "energy_dynamics": 3}
"""Labels that are numbers, and how many (`espnet_mtl.data.continuous`); their batch entries have the same names."""

LABELS = {**CLASSES, **{name: name for name in VALUES}}
"""All labels that a task can learn, and their batch entries."""


def labels_of(head: object) -> Collection[str]:
    """Names the labels that a head can learn; one of the user's own decides itself."""
    kinds: dict[str, Collection[str]] = {"classifier": CLASSES, "independence": CLASSES, "regressor": VALUES}
    return kinds.get(str(head), LABELS)
