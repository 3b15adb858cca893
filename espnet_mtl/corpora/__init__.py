"""Corpora: where their files are and how their labels read."""

from espnet_mtl.registry import Registry

CORPORA = Registry(
    "corpus",
    {
        "crema_d": "espnet_mtl.corpora.crema_d:CremaD",
        "csv": "espnet_mtl.corpora.csv:Csv",
        "demo": "espnet_mtl.corpora.demo:Demo",
        "emodb": "espnet_mtl.corpora.emodb:EmoDB",
        "esd": "espnet_mtl.corpora.esd:ESD",
        "iemocap": "espnet_mtl.corpora.iemocap:Iemocap",
        "jl": "espnet_mtl.corpora.jl:JL",
        "ljspeech": "espnet_mtl.corpora.ljspeech:LJSpeech",
        "nemo": "espnet_mtl.corpora.nemo:Nemo",
    },
)
"""Corpora by the name that `--corpus` takes."""
