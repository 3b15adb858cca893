"""Every command in the README and the pages of docs can be called so: it is read by the parser of what it calls, and
not run. Those that are shown in blocks are run in test_pages.py."""

import argparse
import importlib
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from doc_pages import PAGES, PROGRAMS, RECIPE, ROOT, Command, blocks, commands, fragments, name_of, read, spans

from espnet_mtl.bin import split_options
from espnet_mtl.config.corpora import corpus_settings
from espnet_mtl.config.decode import load_inference_config
from espnet_mtl.config.espnet import espnet_keys
from espnet_mtl.config.load import load_train_config
from espnet_mtl.config.overrides import override
from espnet_mtl.config.schema import OWN_KEYS
from espnet_mtl.registry import CORPORA

TRAIN_CONFIG, DECODE_CONFIG = "conf/train_fastspeech2.yaml", "conf/decode.yaml"
STAGES_WRITE = ("data", "dump", "exp")
WRITTEN_TO = ("--output", "--json", "--expdir", "--datadir", "--dumpdir")
"""Options that name what a command writes."""
COMMANDS, FRAGMENTS = commands(), fragments()


class ParsedError(Exception):
    """A command line was understood."""


@pytest.fixture
def must_parse(monkeypatch) -> Callable[[Callable[[], object]], None]:
    """Calls a program, which must understand its command line, and stops it when it has."""
    original = argparse.ArgumentParser.parse_args

    def parse_and_stop(parser, *arguments):
        original(parser, *arguments)
        raise ParsedError

    def call(program):
        with monkeypatch.context() as patch:
            patch.setattr(argparse.ArgumentParser, "parse_args", parse_and_stop)
            with pytest.raises(ParsedError):
                program()

    return call


def check_files(command: Command, words: Sequence[str]) -> None:
    """Makes sure that files are there: in the recipe, or written by a stage or another command of the page."""
    written = {*STAGES_WRITE, *outputs_of(command)}
    for word in words:
        for path in re.findall(r"(?:^|=)([\w.-]+(?:/[\w.-]+)+)$", word):
            assert path.split("/")[0] in written or (RECIPE / path).exists(), f"{path} is not there"


def outputs_of(command: Command) -> set[str]:
    """Returns the first folders of what the commands of a page write."""
    folders = set()
    for other in COMMANDS:
        if other.page == command.page:
            folders |= {value.split("/")[0] for option, value in pairwise(other.words) if option in WRITTEN_TO}
            if other.program == "cp":
                folders.add(other.words[-1].split("/")[0])
    return folders


def check_training(path: str, options: Sequence[str]) -> None:
    override(RECIPE / path, load_train_config(RECIPE / path), options)


def check_module(command: Command, must_parse) -> None:
    flag, module, *words = command.words[1:]
    assert flag == "-m"
    assert module.startswith("espnet_mtl.bin."), module
    if not words:  # the text names the command
        words = ["--help"]
        with pytest.raises(SystemExit, match="0"):
            importlib.import_module(module).main(words)
        return
    must_parse(lambda: importlib.import_module(module).main(words))
    own, passed_on = split_options(words)
    check_files(command, own)
    if not module.endswith(".ablate"):
        return
    for config in own:
        if "decode" in config.split("/")[-1]:
            load_inference_config(RECIPE / config)
        elif config.endswith(".yaml"):
            check_training(config, passed_on)


def check_recipe(command: Command, must_parse) -> None:
    words = command.words[1:]
    help_comes_last = subprocess.run(["bash", RECIPE / "run.sh", *words, "--help"], capture_output=True, text=True)
    assert help_comes_last.returncode == 0, help_comes_last.stderr
    if "--help" in words:
        return
    options = dict(zip(words[::2], words[1::2], strict=True))
    check_values(options)
    paths = [value for option, value in options.items() if not option.endswith(("_args", "corpus_conf"))]
    check_files(command, paths)


def check_values(options: dict[str, str]) -> None:
    """Makes sure that values of run.sh's options are what the stages take."""
    check_training(options.get("--train_config", TRAIN_CONFIG), shlex.split(options.get("--train_args", "")))
    load_inference_config(RECIPE / DECODE_CONFIG, shlex.split(options.get("--inference_args", "")))
    corpora = options.get("--corpus", "demo").split("+")
    corpus_settings(corpora, RECIPE / "local", shlex.split(options.get("--corpus_conf", "")))


def check_own_parser(command: Command, must_parse, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", command.words)
    must_parse(lambda: runpy.run_path(str(ROOT / command.words[0]), run_name="__main__"))


def check_main_of_tool(command: Command, must_parse) -> None:
    tool, *words = command.words
    assert (ROOT / tool).is_file()
    if words:  # else the text names the command
        must_parse(lambda: runpy.run_path(str(ROOT / tool))["main"](words))
        check_files(command, words)


def check_tool(command: Command, must_parse) -> None:
    assert [(ROOT / word).is_file() or (RECIPE / word).is_file() for word in command.words] == [True]


def check_pip(command: Command, must_parse) -> None:
    *words, place = command.words
    assert words in (["pip", "install"], ["pip", "install", "-e"])
    root, _, given = place.removesuffix("]").partition("[")
    assert root == "."
    extras = re.search(r"extras_require=\{(.*?)\}", (ROOT / "setup.py").read_text(encoding="utf-8"), re.S)[1]
    assert all(f'"{extra}":' in extras for extra in given.split(",") if extra)


def check_pytest(command: Command, must_parse) -> None:
    assert [(ROOT / word).is_file() for word in command.words[1:]] == [True]


def check_cp(command: Command, must_parse) -> None:
    words = [word for word in command.words if word != "-r"]
    assert len(words) == 3
    check_files(command, words)


def check_curl(command: Command, must_parse) -> None:
    assert command.page.stem == "server"  # whose commands are run in test_pages.py
    assert command.words[1].startswith("http://127.0.0.1:8000/")


CHECKS = {
    "python": check_module,
    "run.sh": check_recipe,
    "campaign.py": check_main_of_tool,
    "expression.py": check_main_of_tool,
    "test.sh": check_tool,
    "setup.sh": check_tool,
    "gpu_checks.sh": check_tool,
    "path.sh": check_tool,
    "pip": check_pip,
    "pytest": check_pytest,
    "cp": check_cp,
    "curl": check_curl,
}
"""The check of each program; those of tools with a command line of their own are in a test of their own."""


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_can_be_called_so(command, must_parse, monkeypatch):
    monkeypatch.chdir(RECIPE)
    if command.program in ("benchmark.py", "growth.py", "load_server.py"):
        check_own_parser(command, must_parse, monkeypatch)
    else:
        CHECKS[command.program](command, must_parse)


def test_commands_of_every_kind_are_found():
    assert {command.program for command in COMMANDS} == set(PROGRAMS)
    assert len(COMMANDS) > 30
    assert len({command.page for command in COMMANDS}) >= 12


def test_every_line_of_a_block_is_a_command():
    lines = [command for command in COMMANDS if command.line not in spans(command.page)]
    assert len(lines) == sum(len(block.splitlines()) for page in PAGES for block in blocks(page, "bash")) > 10
    for command in lines:
        assert command.program in PROGRAMS, command


def test_blocks_in_the_shell_are_marked_as_such():
    for page in PAGES:
        assert set(re.findall(r"^```(\w*)$", read(page), re.M)) <= {"", "bash", "csv", "python", "yaml"}
        assert len(re.findall(r"^```\w+$", read(page), re.M)) * 2 == len(re.findall(r"^```", read(page), re.M))


@pytest.fixture(scope="module")
def known_options() -> set[str]:
    """The options of every command of the package, of run.sh and of ESPnet's training."""
    recipe = subprocess.run(["bash", RECIPE / "run.sh", "--help"], capture_output=True, text=True, check=True)
    texts = [recipe.stdout]
    for file in sorted((ROOT / "espnet_mtl/bin").rglob("*.py")):
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        if "__name__ ==" in read(file):
            line = [sys.executable, "-m", module, "--help"]
            texts.append(subprocess.run(line, capture_output=True, text=True, check=True, cwd=ROOT).stdout)
    training = {f"--{key}" for key in (*espnet_keys(), *OWN_KEYS)}
    return {option for text in texts for option in re.findall(r"--\w+", text)} | training


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=str)
def test_options_in_the_text_exist(fragment, known_options):
    words = shlex.split(fragment.line)
    if words[0] == "--":
        check_training(TRAIN_CONFIG, words[1:])
        return
    options = [word for word in words if re.fullmatch(r"--\w+", word)]
    assert options
    for option in options:
        assert option in known_options
    if len(words) > 1 and words[0] == "--corpus_conf":
        keys = {pair.partition("=")[0] for pair in shlex.split(words[1])}
        assert any(keys <= set(CORPORA.options(corpus).model_fields) for corpus in CORPORA)
    elif len(words) > 1 and words[0] in ("--train_args", "--inference_args", "--corpus"):
        check_values({words[0]: words[1]})


def test_options_in_the_text_are_found():
    assert len(FRAGMENTS) > 30
    assert {name_of(words[0]) for words in map(str.split, (f.line for f in FRAGMENTS))} >= {"--train_args", "--seed"}
