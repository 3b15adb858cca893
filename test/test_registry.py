import inspect
import sys

import pytest

from espnet_mtl import registry
from espnet_mtl.config.fields import build
from espnet_mtl.errors import UserError
from espnet_mtl.registry import HEADS, Entry, Registry

ALL = [value for value in vars(registry).values() if isinstance(value, Registry)]
ENTRIES = [(one, name) for one in ALL for name in one]


@pytest.mark.parametrize(("one", "name"), ENTRIES, ids=lambda value: getattr(value, "kind", value))
def test_every_entry_loads_and_has_a_documented_class(one, name):
    assert inspect.isclass(one.load(name))
    assert one.load(name).__doc__
    if one[name].options:
        assert one.options(name).__doc__
    if one[name].spec:
        assert one.spec(name)


def test_unknown_name_lists_the_valid_ones():
    fruit = Registry("fruit", {"pear": Entry("a:b"), "apple": Entry("a:c")})
    with pytest.raises(UserError, match=r"unknown fruit 'aple': did you mean apple.*apple, pear"):
        fruit["aple"]


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Writes a file of the user's own, which is found in the current directory; forgets it afterwards."""
    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(path, text):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")

    yield write
    for name in set(sys.modules) - before:
        if name.startswith("mine"):
            del sys.modules[name]


SUBCLASS = "from espnet_mtl.model.heads.classifier import Classifier\n\n\nclass Mine(Classifier):\n    {body}\n"


@pytest.mark.parametrize("path", ["mine_module.py", "mine_package/__init__.py"])
def test_a_head_of_ones_own_in_a_module_or_a_package_inherits_its_options(own, path):
    own(path, SUBCLASS.format(body="pass"))
    module = path.removesuffix(".py").removesuffix("/__init__")
    options = HEADS.options(f"{module}:Mine")
    assert {"channels", "label", "grad_cap"} <= set(options.model_fields)


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("def f(:\n", "mine_bad:Mine", r"mine_bad\.py:1: "),
        ("import no_such_package\n", "mine_bad:Mine", r"it imports 'no_such_package', which is not installed"),
        ("", "mine_bad:Mine", r"mine_bad\.py defines no Mine"),
        ("x = 3\n1 / 0\n", "mine_bad:Mine", r"mine_bad:Mine: .*mine_bad\.py:2: ZeroDivisionError: division by zero"),
        ("def f():\n    raise RuntimeError('no')\nf()", "mine_bad:Mine", r"mine_bad\.py:2: RuntimeError: no"),
        ("from os import no_such_name", "mine_bad:Mine", r"mine_bad\.py:1: ImportError: cannot import name"),
        ("raise SystemExit('of mine')", "mine_bad:Mine", r"mine_bad\.py:1: SystemExit: of mine"),
        ("import json\njson.loads('{')", "mine_bad:Mine", r"mine_bad\.py:2: JSONDecodeError: "),
        ("x = '\0'", "mine_bad:Mine", r"mine_bad\.py: source code string cannot contain null bytes"),
        ("", "sys:Mine", r"sys:Mine: sys defines no Mine"),
        (
            "from espnet_mtl import Head\nclass Mine(Head):\n    def forward(self, tap): ...",
            "mine_bad:Mine",
            r"mine_bad:Mine is no whole head: it must define criterion",
        ),
        ("", "mine_absent:Mine", r"module 'mine_absent' is neither in .* nor on Python's path"),
        ("", "mine_absent.deep:Mine", r"module 'mine_absent' is neither"),
    ],
)
def test_what_is_wrong_with_a_file_of_ones_own_is_said(own, text, name, message):
    own("mine_bad.py", text)
    with pytest.raises(UserError, match=message):
        HEADS.load(name)


TYPED = """
from espnet_mtl.model.heads.base import Head


class Mine(Head):
    def __init__(self, dim, classes, *, sizes: tuple[int, ...] = (3,), rate: float | None = None, free=1, **options):
        super().__init__(**options)

    def forward(self, tap): ...

    def criterion(self, prediction, target): ...
"""


@pytest.mark.parametrize("argument", ["model_config", "copy", "schema", "dict", "labels", "_hidden"])
def test_an_argument_that_cannot_be_an_option_is_named(own, argument):
    own("mine_named.py", TYPED.replace("free", argument))
    with pytest.raises(UserError, match=rf"mine_named:Mine: no option can be called '{argument}': rename"):
        HEADS.options("mine_named:Mine")


@pytest.mark.parametrize("value", ["{'channels': 3}", "int", "type('Options', (), {})"])
def test_options_of_another_class_are_named(own, value):
    own("mine_odd.py", SUBCLASS.format(body=f"Options = {value}"))
    with pytest.raises(UserError, match=r"mine_odd:Mine: Options must be a subclass of .*\.options\.HeadOptions"):
        HEADS.options("mine_odd:Mine")


@pytest.mark.parametrize("annotation", ["'torch.NoSuch'", "'not valid('", "'1[2]'", "3", "list['NoSuch']", "'NoSuch'"])
def test_an_annotation_that_says_nothing_takes_every_value(own, annotation):
    own("mine_annotated.py", "import torch\n" + TYPED.replace("free=1", f"free: {annotation} = 1"))
    options = HEADS.options("mine_annotated:Mine")
    for value in ("anything", 2, [3]):
        build(options, {"label": "emotion", "tap": "mel", "free": value}, "tasks.mine")


@pytest.mark.parametrize("constructor", ["def __init__(): ...", "__init__ = 3"])
def test_a_constructor_that_is_none_is_named(own, constructor):
    own("mine_built.py", SUBCLASS.format(body=constructor))
    with pytest.raises(UserError, match=r"^mine_built:Mine: (ValueError|TypeError): "):
        HEADS.options("mine_built:Mine")


def test_options_of_ones_own_take_what_yaml_can_say(own):
    own("mine_typed.py", TYPED)
    options = HEADS.options("mine_typed:Mine")
    task = {"label": "emotion", "tap": "mel"}
    for values in ({"sizes": [3, 5]}, {"rate": 2}, {"rate": None}, {"free": "anything"}):
        build(options, {**task, **values}, "tasks.mine")
    with pytest.raises(UserError, match=r"tasks\.mine\.sizes: tuple\[int, \.\.\.\], got 'a'"):
        build(options, {**task, "sizes": ["a"]}, "tasks.mine")
