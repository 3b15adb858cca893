"""Arguments of commands: what is wrong with one is told in a line, before anything is loaded or written."""

from __future__ import annotations

import argparse
from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from espnet_mtl.errors import UserError
from espnet_mtl.system.paths import check_output, check_output_directory

INIT_MODEL = "fine-tune this model: a packed one, an experiment, a URL or user/repo"
LAST_PORT = 65535


class Parser(argparse.ArgumentParser):
    """Reads a command line; a mistake in it is a `UserError`, which commands report in one line."""

    def error(self, message: str) -> NoReturn:
        """Raises the error: `--nj: expected …`."""
        of_one_argument = message.removeprefix("argument ")
        raise UserError(of_one_argument if of_one_argument != message else f"{message} (see --help)")


def whole_number(low: int, high: int | None = None) -> Callable[[str], int]:
    """Makes the type of an argument that is a whole number from `low` to `high` (None: any greater one)."""
    wanted = f"a whole number of at least {low}" if high is None else f"a whole number from {low} to {high}"

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise ArgumentTypeError(f"expected {wanted}, got {text!r}") from None
        if number < low or (high is not None and number > high):
            raise ArgumentTypeError(f"expected {wanted}, got {number}")
        return number

    return read


def number_from(low: float, high: float) -> Callable[[str], float]:
    """Makes the type of an argument that is a number from `low` to `high`."""

    wanted = f"a number from {low:g} to {high:g}"

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise ArgumentTypeError(f"expected {wanted}, got {text!r}") from None
        if not low <= number <= high:  # neither is NaN
            raise ArgumentTypeError(f"expected {wanted}, got {number}")
        return number

    return read


def add_workers(parser: argparse.ArgumentParser, nj: int = 1) -> None:
    """Adds `--nj` and `--scheduler`.

    Args:
        parser: Parser of a command.
        nj: How many processes there are unless it is said.
    """
    parser.add_argument("--nj", type=whole_number(1), default=nj, help="processes of this machine [%(default)s]")
    parser.add_argument(
        "--scheduler", help="use a Dask cluster instead: tcp://host:port of its scheduler, or a YAML (docs/cluster.md)"
    )


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Adds the choice of what runs a network (`espnet_mtl.onnx.engines.load_model`)."""
    meaning = "what runs the network; default: PyTorch where it is installed, else onnxruntime"
    parser.add_argument("--engine", choices=("torch", "onnx"), help=meaning)


def add_address(parser: argparse.ArgumentParser, port: int) -> None:
    """Adds the options that say where to serve."""
    parser.add_argument("--host", default="127.0.0.1", help="address to serve on")
    parser.add_argument("--port", type=whole_number(0, LAST_PORT), default=port, help="0: any free one")


def output_file(text: str) -> Path:
    """Reads the path of a file to write."""
    return _checked(Path(text), check_output)


def output_directory(text: str) -> Path:
    """Reads the path of a directory to write into."""
    return _checked(Path(text), check_output_directory)


def directory_of(file: str) -> Callable[[str], Path]:
    """Makes the type of an argument that is a directory to write this file into, among others."""

    def read(text: str) -> Path:
        directory = output_directory(text)
        _checked(directory / file, check_output)
        return directory

    return read


def sound_file(text: str) -> Path:
    """Reads the path of a sound file to write."""
    from espnet_mtl.inference.sound_files import sound_format

    path = output_file(text)
    _checked(path, sound_format)
    return path


def _checked(path: Path, check: Callable[[Path], object]) -> Path:
    try:
        check(path)
    except UserError as error:
        raise ArgumentTypeError(str(error)) from error
    return path
