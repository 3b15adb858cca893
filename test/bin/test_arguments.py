"""What a command takes on its command line: every number has limits, and every place to write is looked at before."""

import argparse
import importlib
from pathlib import Path

import pytest

from espnet_mtl.bin.arguments import Parser, directory_of, output_directory, output_file, sound_file, whole_number
from espnet_mtl.errors import UserError
from espnet_mtl.system.paths import is_writable
from test.bin.test_start import COMMANDS


class CaughtError(Exception):
    """Carries the parser of a command."""


@pytest.fixture
def parser_of(monkeypatch):
    """Returns the parser of a command."""

    def caught(parser, *arguments):
        raise CaughtError(parser)

    def find(command):
        monkeypatch.setattr(argparse.ArgumentParser, "parse_args", caught)
        with pytest.raises(CaughtError) as error:
            importlib.import_module(f"espnet_mtl.bin.{command}").main([])
        monkeypatch.undo()
        return error.value.args[0]

    return find


@pytest.mark.parametrize("command", COMMANDS)
def test_numbers_have_limits_and_outputs_are_looked_at(parser_of, command):
    parser = parser_of(command)
    assert isinstance(parser, Parser)
    for action in parser._actions:
        assert action.type not in (int, float), action
        if isinstance(action.default, (int, float)) and not isinstance(action.default, bool):
            for value in ("nan", "-1e400", "-1200", "1e400", "many", ""):
                with pytest.raises(argparse.ArgumentTypeError, match="expected a"):
                    action.type(value)
        if "--output" in action.option_strings:
            own = action.type.__qualname__.startswith(directory_of.__name__)
            assert own or action.type in (output_directory, output_file, sound_file)


def test_a_mistake_is_one_line():
    parser = Parser()
    parser.add_argument("--nj", type=whole_number(1))
    for given, message in {
        ("--nj", "0"): "^--nj: expected a whole number of at least 1, got 0$",
        ("--nj", "two"): "^--nj: expected a whole number of at least 1, got 'two'$",
        ("--nj",): "^--nj: expected one argument$",
        ("--jn", "2"): r"^unrecognized arguments: --jn 2 \(see --help\)$",
    }.items():
        with pytest.raises(UserError, match=message):
            parser.parse_args(given)


def test_a_whole_number_has_two_ends():
    with pytest.raises(argparse.ArgumentTypeError, match="expected a whole number from 0 to 9, got 10"):
        whole_number(0, 9)("10")
    assert whole_number(0, 9)("9") == 9


def test_directories_to_write_into(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    assert output_directory(str(tmp_path / "new/one")) == tmp_path / "new/one"
    with pytest.raises(argparse.ArgumentTypeError, match="file is a file: name a directory"):
        output_directory(str(tmp_path / "file"))
    with pytest.raises(argparse.ArgumentTypeError, match=r"file/there: .*file is a file, so that nothing"):
        output_directory(str(tmp_path / "file/there"))
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)
    for there in (tmp_path, tmp_path / "new"):
        with pytest.raises(argparse.ArgumentTypeError, match=f"{there}: {tmp_path} may not be written to"):
            output_directory(str(there))
    assert sorted(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_directory_whose_file_cannot_be_written(tmp_path):
    (tmp_path / "taken/metrics.json").mkdir(parents=True)
    assert directory_of("metrics.json")(str(tmp_path / "new")) == tmp_path / "new"
    with pytest.raises(argparse.ArgumentTypeError, match=r"metrics\.json is a directory: name a file"):
        directory_of("metrics.json")(str(tmp_path / "taken"))


@pytest.mark.parametrize("place", ["there", "there/below"])
def test_a_link_to_nowhere_is_no_place(tmp_path, place):
    (tmp_path / "there").symlink_to("nowhere")
    with pytest.raises(argparse.ArgumentTypeError, match="there is a link to nowhere"):
        output_directory(str(tmp_path / place))
    assert not is_writable(tmp_path / place)


def test_a_file_that_may_not_be_changed(tmp_path, monkeypatch):
    (tmp_path / "a.wav").touch()
    assert output_file(str(tmp_path / "a.wav")) == Path(tmp_path / "a.wav")
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path / "a.wav")
    with pytest.raises(argparse.ArgumentTypeError, match=r"a.wav may not be written to"):
        sound_file(str(tmp_path / "a.wav"))
