"""Task balancing: how the task losses become the one loss that is trained."""

from espnet_mtl.registry import Registry

WEIGHTINGS = Registry(
    "weighting",
    {
        "fixed": "espnet_mtl.model.weighting.fixed:Fixed",
        "uw": "espnet_mtl.model.weighting.loss_based:UW",
        "dwa": "espnet_mtl.model.weighting.loss_based:DWA",
        "rlw": "espnet_mtl.model.weighting.loss_based:RLW",
        "famo": "espnet_mtl.model.weighting.loss_based:FAMO",
        "imtl_l": "espnet_mtl.model.weighting.loss_based:IMTLL",
        "stch": "espnet_mtl.model.weighting.loss_based:STCH",
        "gradnorm": "espnet_mtl.model.weighting.gradnorm:GradNorm",
        "pcgrad": "espnet_mtl.model.weighting.gradient_based:PCGrad",
        "upgrad": "espnet_mtl.model.weighting.gradient_based:UPGrad",
        "aligned_mtl": "espnet_mtl.model.weighting.gradient_based:AlignedMTL",
        "cagrad": "espnet_mtl.model.weighting.gradient_based:CAGrad",
        "imtl_g": "espnet_mtl.model.weighting.gradient_based:IMTLG",
        "mgda": "espnet_mtl.model.weighting.gradient_based:MGDA",
    },
)
"""Weightings by the name that `weighting:` takes."""

SCALE_MODES = ("min", "median", "rmse")
"""Sizes that `aligned_mtl` gives to its result."""
