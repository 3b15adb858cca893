"""What can happen to a file: each function makes one change that its random generator chooses."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

import yaml

Mutation = Callable[[bytes, Random], bytes]

ODD_TEXTS = (
    "", " ", "-", "nan", "NaN", "inf", "-1", "0", "1e999", "99999999999999999999", "3.5", "None", "null", "N/A", "true",
    "no", "'", '"', '"quoted', ",", ";", ":", "a:b", "a:0.5,b", "|", "echo fuzz |", "../../etc/passwd", "/etc/passwd",
    "/", ".", "..", "~", "\t", "\r", "\x00", "\x1b[31m", "\u00a0", "\u200b", "\ufeff", "\u202e", "\u0301", "ß",
    "日本", "😀", "<script>", "{}", "[]", "%s", "${HOME}", "!!python/object/apply:os.system ['true']", "\ud800",
    "x" * 5000,
)  # fmt: skip
"""Texts that parsers trip over."""
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**63, 10**400, 0.5, -0.5, 1e-12, 1e300, float("nan"), float("inf"), "", "x", "80",
    "no", "module:Class", "../../etc/passwd", [], [1], [None], ["a", "a"], [[]], {}, {"a": 1}, {1: 2},
    {"weight": float("nan")},
)  # fmt: skip
"""Values of YAML that are of another type, or out of range."""


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def change_line(data: bytes, random: Random) -> bytes:
    """Deletes, repeats, moves, joins or cuts a line, or puts something odd into it."""
    lines = data.split(b"\n")
    place = random.randrange(len(lines))
    line = lines[place]
    change = random.randrange(8)
    if change == 0:
        del lines[place]
    elif change == 1:
        lines.insert(random.randrange(len(lines)), line)
    elif change == 2:
        other = random.randrange(len(lines))
        lines[place], lines[other] = lines[other], line
    elif change == 3 and place + 1 < len(lines):
        lines[place : place + 2] = [line + lines[place + 1]]
    elif change == 4:
        lines[place] = line[: random.randint(0, len(line))]
    elif change == 5:
        cut = random.randint(0, len(line))
        lines[place] = line[:cut] + _encoded(random.choice(ODD_TEXTS)) + line[cut:]
    else:
        lines[place] = _with_odd_field(line, random)
    return b"\n".join(lines)


def _with_odd_field(line: bytes, random: Random) -> bytes:
    """Replaces a field, between spaces, tabs or commas, by an odd text."""
    separator = random.choice([b" ", b"\t", b",", b"|"])
    fields = line.split(separator)
    fields[random.randrange(len(fields))] = _encoded(random.choice(ODD_TEXTS))
    return separator.join(fields)


def change_file(data: bytes, random: Random) -> bytes:
    """Does to the whole file what editors, copying and full disks do."""
    text = data.decode("utf-8", "replace")
    changed = (
        lambda: b"",
        lambda: data[: random.randint(0, len(data))],
        lambda: text.encode("utf-16"),
        lambda: b"\xef\xbb\xbf" + data,
        lambda: data.replace(b"\n", b"\r\n"),
        lambda: data.replace(b"\n", b"\r"),
        lambda: text.encode("cp1252", "replace"),
        lambda: data + data,
        lambda: data + random.randbytes(40),
        lambda: random.randbytes(200),
        lambda: bytes(len(data)),
        lambda: b"\n" * 3 + data + b"\n" * 3,
        lambda: b"PK\x03\x04" + data,
    )
    return random.choice(changed)()


def change_bytes(data: bytes, random: Random) -> bytes:
    """Flips, cuts out, inserts or overwrites a few bytes."""
    if not data:
        return random.randbytes(8)
    place = random.randrange(len(data))
    length = random.choice([1, 1, 2, 4, 8, 64])
    changed = (
        lambda: data[:place] + bytes([data[place] ^ (1 << random.randrange(8))]) + data[place + 1 :],
        lambda: data[:place] + data[place + length :],
        lambda: data[:place] + random.randbytes(length) + data[place:],
        lambda: data[:place] + b"\xff" * length + data[place + length :],
        lambda: data[:place] + bytes(length) + data[place + length :],
        lambda: data[:place],
    )
    return random.choice(changed)()


def change_value(data: bytes, random: Random) -> bytes:
    """Replaces, removes, renames or nests a value of a YAML file, wherever it is."""
    content = yaml.safe_load(data)
    places = list(_places(content))
    if not places:
        return yaml.safe_dump(random.choice(ODD_VALUES)).encode()
    container, key = random.choice(places)
    change = random.randrange(6)
    if change == 0:
        del container[key]
    elif change == 1 and isinstance(container, dict):
        container[random.choice(ODD_TEXTS)] = container.pop(key)
    elif change == 2:
        container[key] = [deepcopy(container[key])]
    else:
        container[key] = deepcopy(random.choice(ODD_VALUES))
    return yaml.safe_dump(content, allow_unicode=True).encode("utf-8", "surrogatepass")


def _places(content: Any):
    """Yields every place in nested lists and dictionaries: the container and the key."""
    if not isinstance(content, (dict, list)):
        return
    keys = list(content) if isinstance(content, dict) else range(len(content))
    for key in keys:
        yield content, key
        yield from _places(content[key])


TABLE: tuple[Mutation, ...] = (change_line, change_line, change_line, change_file, change_bytes)
"""What happens to tables; a line most often."""
YAML: tuple[Mutation, ...] = (change_value, change_value, change_value, change_line, change_file)
"""What happens to YAML files; a value most often."""
BINARY: tuple[Mutation, ...] = (change_bytes, change_bytes, change_bytes, change_file)
"""What happens to other files."""
