"""egs2/mtl_tts/run.sh with a stand-in for python that notes what it is called with."""

from __future__ import annotations

import importlib
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

RECIPE = Path(__file__).parents[1] / "egs2/mtl_tts"
TABLE = re.search(r"\noptions=\((.+?)\n\)", (RECIPE / "options.sh").read_text(encoding="utf-8"), re.DOTALL)[1]
OPTIONS = re.findall(r'^    "([a-z_]+)\|', TABLE, re.MULTILINE)
MODULES = [
    "prepare_data",
    "prepare_audio",
    "extract_features",
    "collect_stats",
    "train",
    "train",
    "decode",
    "decode",
    "evaluate",
    "pack",
    "pack",
]

STAGES = "-m espnet_mtl.bin.stages."

PYTHON = """#!/usr/bin/env bash
echo "$*" >>"$NOTES"
echo "a line of $2"
case "$*" in *ljspeech+nemo*) echo "LJSPEECH=$LJSPEECH NEMO=$NEMO" >>"$NOTES";; esac
case "$*" in ${HANG_AT:-nothing}) sleep 60 & echo "$$ $!" >"$NOTES.hanging"; wait;; esac
case "$*" in ${FAIL_AT:-nothing}) echo "error: run stage 4 first" >&2; exit 2;; esac
"""


class Recipe:
    """A copy of the recipe whose set-up and python do nothing."""

    def __init__(self, path: Path):
        self.path, self.notes = path / "egs2/mtl_tts", path / "notes"
        shutil.copytree(RECIPE, self.path, ignore=shutil.ignore_patterns("data", "dump", "exp"))
        for name, text in {
            "tools/setup.sh": "#!/usr/bin/env bash\necho set-up >>$NOTES\nexit ${SETUP_STATUS:-0}\n",
            ".venv/bin/activate": 'PATH=$MTL_TTS_ROOT/.venv/bin:$PATH\n[ -n "$MTL_TTS_ROOT" ]\n',
            ".venv/bin/python": PYTHON,
            ".venv/bin/hf": '#!/usr/bin/env bash\necho "hf $*" >>"$NOTES"\n',
        }.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_text(text, encoding="utf-8")
            (path / name).chmod(0o755)

    def run(self, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        full = {"PATH": "/usr/bin:/bin", "NOTES": str(self.notes), **environment}
        command = [str(self.path / "run.sh"), *options]
        return subprocess.run(command, cwd="/", env=full, text=True, capture_output=True, check=False)

    def start(self, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        """Starts a run of which one command hangs."""
        full = {"PATH": "/usr/bin:/bin", "NOTES": str(self.notes), **environment}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        # Where the tests run in the background, they ignore SIGINT and SIGHUP, and what they start would, too.
        signals = ["env", "--default-signal=HUP,INT,TERM"]
        command = [*signals, str(self.path / "run.sh"), *options]
        return subprocess.Popen(command, cwd="/", env=full, **quiet)

    def hanging(self) -> list[int]:
        """Waits for the command that hangs, and returns the ids of its processes."""
        file = Path(f"{self.notes}.hanging")
        while not (file.is_file() and file.read_text(encoding="utf-8").endswith("\n")):
            time.sleep(0.05)
        return [int(word) for word in file.read_text(encoding="utf-8").split()]

    def noted(self) -> list[str]:
        return self.notes.read_text(encoding="utf-8").splitlines() if self.notes.exists() else []

    def commands(self) -> list[str]:
        called = [line.removeprefix(STAGES) for line in self.noted() if line.startswith(STAGES)]
        return [line for line in called if not line.startswith("check_config")]

    def files(self) -> set[Path]:
        return set(self.path.parents[1].rglob("*"))


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return Recipe(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--stagee", "3"], "unknown option '--stagee'"),
        (["--stage=3"], "unknown option '--stage=3'"),
        (["--stage stop_stage", "3"], "unknown option '--stage stop_stage'"),
        (["stage"], "unknown option 'stage'"),
        (["--stage"], "option --stage needs a value"),
        (["--tag", "--ngpu", "1"], "option --tag needs a value"),
        (["--stage", "three"], "--stage must be a number from 1 to 9, not 'three'"),
        (["--stage", "0"], "--stage must be a number from 1 to 9, not '0'"),
        (["--stop_stage", "08"], "--stop_stage must be a number from 1 to 9, not '08'"),
        (["--stage", "5", "--stop_stage", "4"], "--stage 5 comes after --stop_stage 4"),
        (["--ngpu", "-1"], "--ngpu must be a number from 0 to 64, not '-1'"),
        (["--nj", "0"], "--nj must be a number from 1 to 1024, not '0'"),
        (["--train_config", "conf/none.yaml"], "egs2/mtl_tts/conf/none.yaml does not exist"),
        (["--baseline_config", "conf/none.yaml"], "egs2/mtl_tts/conf/none.yaml does not exist"),
        (["--inference_config", ""], "--inference_config"),
        (["--token_type", "word"], "--token_type must be one of phn char bpe, not 'word'"),
        (["--tag", "../elsewhere"], "--tag must be a plain name"),
        (["--tag", "stats"], "exp/stats is for the statistics of stage 4, not for a model: say --tag NAME"),
        (["--tag", "shared"], "exp/shared is for what trainings share, not for a model: say --tag NAME"),
        (["--corpus", "a b"], "--corpus must be the name of a corpus"),
        (["--expdir", ""], "must not be empty"),
        (["--baseline_config", "conf/train_fastspeech2.yaml"], "say --baseline_config none"),
        (["--skip_upload", "maybe"], "--skip_upload must be one of true false, not 'maybe'"),
        (["--skip_upload", "false"], "--skip_upload false needs --hf_repo"),
    ],
)
def test_mistakes_end_in_one_line_and_touch_nothing(recipe: Recipe, options: list[str], message: str):
    before = recipe.files()
    result = recipe.run(*options)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert recipe.files() == before


def test_help_lists_every_option_and_stage(recipe: Recipe):
    before = recipe.files()
    result = recipe.run("--nj", "3", "--help")
    assert result.returncode == 0
    assert re.findall(r"^  --([a-z_]+) +\S", result.stdout, re.MULTILINE) == [*OPTIONS, "help"]
    assert re.findall(r"^  (\d)  \S", result.stdout, re.MULTILINE) == list("123456789")
    assert recipe.files() == before


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_is_used(option: str):
    stages = (RECIPE / "run.sh").read_text(encoding="utf-8") + (RECIPE / "models.sh").read_text(encoding="utf-8")
    assert re.search(rf"\${{?{option}\b|\(\(.*\b{option}\b", stages), f"--{option} has no effect"


def test_runs_every_stage_for_both_models(recipe: Recipe):
    result = recipe.run()
    assert result.returncode == 0, result.stderr
    assert recipe.noted()[0] == "set-up"
    assert [command.split()[0] for command in recipe.commands()] == MODULES
    assert {re.search(r"--output (\S+)", c)[1] for c in recipe.commands() if c.startswith("train")} == {
        "exp/train_fastspeech2",
        "exp/train_fastspeech2_single",
    }
    assert "[train_fastspeech2] a line of espnet_mtl.bin.stages.train" in result.stdout
    assert "[train_fastspeech2_single] a line of espnet_mtl.bin.stages.train" in result.stdout
    evaluate = next(command for command in recipe.commands() if command.startswith("evaluate"))
    assert "--exp exp/train_fastspeech2 " in evaluate
    assert evaluate.endswith("--baseline exp/train_fastspeech2_single")
    assert recipe.run("--stage", "7", "--stop_stage", "7", "--whisper", "tiny.en").returncode == 0
    assert recipe.commands()[-1] == f"{evaluate} --whisper tiny.en"
    assert re.search(r"stage 3: extract features.*\n(.*\n)*.*done in 0 min", result.stdout)


def test_both_configurations_and_the_training_options_are_checked_first(recipe: Recipe):
    result = recipe.run(
        *("--train_args", "--max_epoch 5", "--inference_args", "--dtype float64"), FAIL_AT="*check_config*"
    )
    assert result.returncode == 2
    checked = "conf/train_fastspeech2.yaml conf/train_fastspeech2_single.yaml --inference_config conf/decode.yaml"
    checked += " -- --max_epoch 5 -- --dtype float64"
    assert recipe.noted() == ["set-up", f"{STAGES}check_config {checked}"]


def test_runs_one_model_and_the_stages_asked_for(recipe: Recipe):
    options = {"stage": "5", "stop_stage": "6", "baseline_config": "none", "tag": "mine", "ngpu": "1"}
    options |= {
        "train_args": "--max_epoch 5 --batch_size 2",
        "inference_args": "--alpha 1.2",
        "token_type": "char",
    }
    options |= {"dumpdir": "d d", "expdir": "e"}
    result = recipe.run(*(word for name, value in options.items() for word in (f"--{name}", value)))
    assert result.returncode == 0, result.stderr
    assert recipe.commands() == [
        "train --train_config conf/train_fastspeech2.yaml --dump d d/raw --token_list d d/token_list"
        " --tables d d/tables --stats e/stats --output e/mine --token_type char --ngpu 1 --num_splits 1"
        " -- --max_epoch 5 --batch_size 2",
        "decode --exp e/mine --dump d d/raw --inference_config conf/decode.yaml --ngpu 1 -- --alpha 1.2",
    ]


def test_corpus_settings_come_from_db_sh_and_the_command_line(recipe: Recipe):
    recipe.run("--stop_stage", "1", "--corpus", "ljspeech", "--corpus_conf", "a=1 b=*", LJSPEECH="/here it is")
    recipe.run("--stop_stage", "1", "--corpus_conf", "sentences=10")
    ljspeech, demo = recipe.commands()
    assert "--corpus ljspeech " in ljspeech
    assert ljspeech.endswith(" --corpus_conf a=1 b=*")
    assert demo.endswith(" --corpus_conf sentences=10")
    recipe.run("--stop_stage", "1", "--corpus", "ljspeech+nemo", LJSPEECH="/here it is", NEMO="/there")
    assert recipe.noted()[-1] == "LJSPEECH=/here it is NEMO=/there"


def test_a_failed_stage_ends_the_run_with_its_status(recipe: Recipe):
    result = recipe.run(FAIL_AT="*collect_stats*")
    assert result.returncode == 2
    assert result.stderr == "error: run stage 4 first\n"
    assert [command.split()[0] for command in recipe.commands()] == MODULES[:4]


def test_a_failed_model_is_named(recipe: Recipe):
    result = recipe.run(FAIL_AT="*stages.train *_single.yaml*")
    assert result.returncode == 2
    assert result.stderr == "error: train_fastspeech2_single failed with status 2\n"
    assert "[train_fastspeech2_single] error: run stage 4 first" in result.stdout
    assert [command.split()[0] for command in recipe.commands()] == MODULES[:6]


def is_running(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.is_file() and status.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    ("sent", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)], ids=lambda one: str(one)
)
@pytest.mark.parametrize(
    ("hangs", "options"),
    [
        ("*check_config*", []),
        ("*prepare_audio*", []),
        ("*stages.train *", ["--baseline_config", "none"]),
        ("*stages.train *_single.yaml*", []),
    ],
)
def test_a_signal_ends_the_run_and_what_it_started(recipe: Recipe, hangs: str, options: list[str], sent: int, status):
    with recipe.start(*options, HANG_AT=hangs) as run:
        started = recipe.hanging()
        run.send_signal(sent)
        try:
            assert run.wait(10) == status
        finally:
            run.kill()
    last = time.monotonic() + 10
    while any(is_running(process) for process in started):
        assert time.monotonic() < last, "what the run started goes on without it"
        time.sleep(0.05)


@pytest.mark.parametrize("share", ["0", "1", "0.5", ".5", "0.0", "1.0"])
def test_shares_from_0_to_1_are_taken(recipe: Recipe, share: str):
    assert recipe.run("--stop_stage", "1", "--max_dropped", share).returncode == 0
    assert f"--max_dropped {share} " in recipe.commands()[0]


@pytest.mark.parametrize("share", ["1.1", "-1", "1.01", "x", "2"])
def test_other_shares_are_refused(recipe: Recipe, share: str):
    assert "--max_dropped must be a share from 0 to 1" in recipe.run("--max_dropped", share).stderr


def test_a_link_to_run_sh_runs_the_recipe(recipe: Recipe, tmp_path: Path):
    link = tmp_path / "link.sh"
    link.symlink_to(recipe.path / "run.sh")
    environment = {"PATH": "/usr/bin:/bin", "NOTES": str(recipe.notes)}
    subprocess.run([str(link), "--stop_stage", "1"], env=environment, capture_output=True, check=True)
    assert [command.split()[0] for command in recipe.commands()] == ["prepare_data"]


def test_a_failed_set_up_ends_the_run(recipe: Recipe):
    assert recipe.run(SETUP_STATUS="2").returncode == 2
    assert recipe.commands() == []


def test_uploads_only_when_asked_to(recipe: Recipe):
    recipe.run("--stage", "9")
    assert "hf" not in "".join(recipe.noted())
    recipe.run("--stage", "9", "--skip_upload", "false", "--hf_repo", "me/voice", "--tag", "mine")
    assert recipe.noted()[-1] == "hf upload me/voice exp/mine/upload ."


def test_the_run_ends_with_what_to_do_next(recipe: Recipe):
    recipe.run("--stage", "9")
    assert not any("say_more" in line for line in recipe.noted())
    (recipe.path / "exp/mine").mkdir(parents=True)
    (recipe.path / "exp/mine/config.yaml").touch()
    recipe.run("--stage", "9", "--tag", "mine")
    assert recipe.noted()[-1] == f"{STAGES}say_more --exp exp/mine --inference_config conf/decode.yaml"


@pytest.mark.parametrize("module", sorted(set(MODULES)))
def test_stages_take_the_options_that_they_are_given(recipe: Recipe, capsys: pytest.CaptureFixture[str], module: str):
    recipe.run("--corpus_conf", "sentences=10")
    command = next(command for command in recipe.commands() if command.startswith(module))
    with pytest.raises(SystemExit, match="0"):
        importlib.import_module(f"espnet_mtl.bin.stages.{module}").main(["--help"])
    known = set(re.findall(r"--[a-z_]+", capsys.readouterr().out))
    assert set(re.findall(r"--[a-z_]+", command)) <= known
