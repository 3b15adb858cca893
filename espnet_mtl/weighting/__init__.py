"""Task balancing: how the task losses become the one loss that is trained."""

from espnet_mtl.registry import Registry

WEIGHTINGS = Registry(
    "weighting",
    {
        "fixed": "espnet_mtl.weighting.fixed:Fixed",
        "uw": "espnet_mtl.weighting.loss_based:UW",
        "dwa": "espnet_mtl.weighting.loss_based:DWA",
        "rlw": "espnet_mtl.weighting.loss_based:RLW",
        "famo": "espnet_mtl.weighting.loss_based:FAMO",
        "imtl_l": "espnet_mtl.weighting.loss_based:IMTLL",
        "stch": "espnet_mtl.weighting.loss_based:STCH",
        "gradnorm": "espnet_mtl.weighting.gradnorm:GradNorm",
        "pcgrad": "espnet_mtl.weighting.gradient_based:PCGrad",
        "upgrad": "espnet_mtl.weighting.gradient_based:UPGrad",
        "aligned_mtl": "espnet_mtl.weighting.gradient_based:AlignedMTL",
        "cagrad": "espnet_mtl.weighting.gradient_based:CAGrad",
        "imtl_g": "espnet_mtl.weighting.gradient_based:IMTLG",
        "mgda": "espnet_mtl.weighting.gradient_based:MGDA",
    },
)
"""Weightings by the name that `weighting:` takes."""

SCALE_MODES = ("min", "median", "rmse")
"""Sizes that `aligned_mtl` gives to its result."""
