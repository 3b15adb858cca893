"""A tiny training through ESPnet's trainer, as a command of its own: in one process, or in several."""

import os
import sys
from pathlib import Path

from tiny_stages import FULL, TRAINABLE, config_file, run_stage, write_data

ROOT = Path(__file__).parents[2]
SGD = {"optim": "sgd", "optim_conf": {"lr": 0.02}, "num_iters_per_epoch": 5, "log_interval": 1}
"""Some steps, after which a difference of gradients is one of weights."""
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "WITHOUT_DROPOUT": "1", "PYTHONPATH": str(ROOT)}


def prepare(work, sets=None):
    """Runs stages 2 to 4; as a default of utterances that are all as long as each other, enough for two processes."""
    write_data(work / "data", sets or {**FULL, "dev": FULL["train"][:2]})
    for stage in range(2, 5):
        run_stage(stage, work, base=TRAINABLE)
    return work


def training(work, tag, change, processes=0, options=()):
    """The arguments of a process that trains `exp/<tag>`.

    Args:
        work: Where stages 2 to 4 have run.
        tag: Name of the experiment.
        change: Keys of the configuration.
        processes: Stands in for GPUs; 0: as many as the options say.
        options: Those of ESPnet.
    """
    config = config_file(work, {}, {**TRAINABLE, **SGD, **change})
    words = ["--train_config", str(config), "--dump", "dump/raw", "--token_list", "dump/token_list", "--tables"]
    words += ["dump/tables", "--stats", "exp/stats", "--output", f"exp/{tag}", "--token_type", "phn"]
    words += ["--ngpu", str(processes), "--", "--vocoder", "steps=0", *options]
    return {
        "args": [sys.executable, ROOT / "test/helpers/on_cpus.py", *words],
        "cwd": work,
        "env": os.environ | ENVIRONMENT,
        "text": True,
    }
