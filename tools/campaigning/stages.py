"""The stages as commands, with settings that let each take a few seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
CONF = ROOT / "egs2/mtl_tts/conf"
MODULES = {
    1: "prepare_data",
    2: "prepare_audio",
    3: "extract_features",
    4: "collect_stats",
    5: "train",
    6: "decode",
    7: "evaluate",
    8: "pack",
}
SENTENCES = 7
KEPT = ("f1_neutral_", "f1_happy_", "f2_neutral_", "f2_happy_")
"""First letters of the utterances that go on to stage 2: a fifth of those of stage 1."""
TINY = {
    "adim": 16, "aheads": 2, "elayers": 1, "eunits": 16, "dlayers": 1, "dunits": 16, "duration_predictor_chans": 16,
    "pitch_predictor_chans": 16, "energy_predictor_chans": 16,
}  # fmt: skip
EPOCHS, STEPS = 3, 4
JUDGES = "CAMPAIGN_JUDGES"
"""Variable of the environment of stage 7, whose workers are new Pythons: their networks are to learn little as well."""
SAVED_EVERY = 2
"""Steps of the vocoder's training after which it can be gone on with; in the recipe, they are 250."""
PRELOADED = (
    *("espnet2.bin.pack", "espnet_mtl.tasks.tts", "espnet_mtl.data.features", "espnet_mtl.training.vocoder.train"),
    *("espnet_mtl.training.vocoder.predictions", "espnet_mtl.evaluation.evaluate", "espnet_mtl.inference.text2speech"),
    *("librosa", "sklearn", "onnxruntime"),
)


def write_config(work: Path) -> None:
    """Writes the training configuration of a tiny model."""
    steps = EPOCHS * STEPS
    config = {
        "base": str(CONF / "train_fastspeech2.yaml"),
        "tts_conf": TINY,
        "max_epoch": EPOCHS,
        "num_iters_per_epoch": STEPS,
        "log_interval": 2,
        "scheduler_conf": {"first_cycle_steps": steps, "warmup_steps": 1, "max_lr": 0.02, "min_lr": 0.00002},
        "vocoder": {"steps": 5, "batch_size": 1, "segment": 16},
    }
    (work / "train.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")


def arguments(stage: int, work: Path, nj: int | None = None) -> list[str]:
    """Returns the options of a stage.

    Args:
        stage: Its number.
        work: The directory that it works in.
        nj: Its workers, where it can have some; None: two.
    """
    dump, exp = str(work / "dump/raw"), str(work / "exp/tiny")
    config = ["--train_config", str(work / "train.yaml")]
    lists = [f"--token_list={work}/dump/token_list", f"--tables={work}/dump/tables", f"--stats={work}/exp/stats"]
    decoding = ["--inference_config", str(CONF / "decode.yaml")]
    workers = ["--nj", str(nj or 2)]
    match stage:
        case 1:
            return ["--corpus_conf", f"sentences={SENTENCES}", "--output", str(work / "data"), *config, *workers]
        case 2:
            return ["--data", str(work / "data"), "--output", dump, *config, *workers]
        case 3:
            return ["--dump", dump, lists[0], *config, *workers]
        case 4:
            return ["--dump", dump, *lists, *config]
        case 5:
            return ["--dump", dump, *lists, *config, "--output", exp]
        case 6:
            return ["--dump", dump, "--exp", exp, *decoding, "--", "--griffin_lim_iters", "2"]
        case 7:
            return ["--dump", dump, "--exp", exp, *decoding, *workers]
        case _:
            return ["--exp", exp, *decoding, "--onnx", "false"]


def keep_some(data: Path) -> None:
    """Takes most utterances out of what stage 1 wrote."""
    for path in data.glob("*/*"):
        if path.is_dir():
            continue
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        if path.name == "spk2utt":
            kept = [_fewer(line) for line in lines if line.startswith(("f1", "f2"))]
        else:
            kept = [line for line in lines if line.startswith(KEPT)]
        path.write_text("".join(kept), encoding="utf-8")


def _fewer(line: str) -> str:
    speaker, *utts = line.split()
    return " ".join([speaker, *(utt for utt in utts if utt.startswith(KEPT))]) + "\n"


def main_of(stage: int) -> Callable[[Sequence[str]], None]:
    """Returns the `main` of a stage."""
    return import_module(f"espnet_mtl.bin.stages.{MODULES[stage]}").main


def preload() -> None:
    """Imports what stages import, and lets networks learn for as little as they can."""
    for name in PRELOADED:
        import_module(name)
    for stage in MODULES:
        main_of(stage)
    learn_little()
    vars(import_module("espnet_mtl.training.vocoder.trainer"))["SAVE_EVERY"] = SAVED_EVERY


def learn_little() -> None:
    """Lets the networks of stage 7 learn for as little as they can."""
    for name in ("conv_probe", "recognizer"):
        probe = import_module(f"espnet_mtl.evaluation.probes.{name}")
        vars(probe).update(EPOCHS=1, MIN_STEPS=1)
