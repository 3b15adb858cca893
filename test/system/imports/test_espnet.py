"""What importing ESPnet leaves out, and that it is there when it is used."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import threading
import time
import types
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import typeguard

from espnet_mtl.system.imports import espnet as espnet_imports
from espnet_mtl.system.imports.espnet import DEFERRED_CLASSES, DEFERRED_MODULES, _later, import_quietly, import_tts_task

ROOT = Path(__file__).parents[3]
LEFT_OUT = {*DEFERRED_MODULES, *DEFERRED_CLASSES, "scipy.stats", "numba", "torch._dynamo", "librosa.core", "wandb"}
"""The second line is what the deferred ones would load, and what costs most of all that ESPnet can load."""
FRESH = """
import json, sys
from espnet_mtl.inference import Text2Speech
loaded = [*sys.modules]
from espnet_mtl.tasks.tts import tts
from espnet2.gan_tts.jets import JETS
from espnet2.train import preprocessor
from espnet2.tts.feats_extract import dio
filtered = preprocessor.scipy.signal.lfilter([1.0], [1.0], [3.0]).tolist()
interpolated = float(dio.interp1d([0, 1], [0, 2])(0.5))
print(json.dumps([loaded, filtered, interpolated, issubclass(tts.JETS.real(), JETS), "JETS" in repr(tts.JETS)]))
"""


def test_a_fresh_process_leaves_them_out_says_nothing_and_finds_them_when_used():
    result = subprocess.run([sys.executable, "-c", FRESH], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded, filtered, interpolated, *classes = json.loads(result.stdout)
    assert LEFT_OUT.isdisjoint(loaded)
    assert {"torch", "espnet2.tasks.tts", "espnet_mtl.tasks.tts"} <= set(loaded)
    assert (filtered, interpolated, classes) == ([3.0], 1.0, [True, True])
    assert result.stderr == ""


@pytest.mark.parametrize("module", ["data.features", "inference.sets.teacher"])
def test_other_ways_in_are_as_quiet(module: str):
    code = f"import espnet_mtl.{module}, sys; assert not {LEFT_OUT!r} & {{*sys.modules}}"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_deferred_module_is_loaded_by_its_first_name(tmp_path: Path, monkeypatch):
    package = tmp_path / "front_end"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "rules.py").write_text("answer = 42\n", encoding="utf-8")
    user = "import front_end.rules as rules\ndef use(): return rules.answer\n"
    (tmp_path / "their_recipe.py").write_text(user, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(espnet_imports, "DEFERRED_MODULES", {"front_end": "", "front_end.rules": "", "absent": ""})
    recipe = import_quietly("their_recipe")
    assert not {"front_end", "front_end.rules", "absent"} & set(sys.modules)
    assert recipe.use() == 42
    assert isinstance(sys.modules["front_end.rules"], types.ModuleType)
    for name in ("their_recipe", "front_end", "front_end.rules"):
        del sys.modules[name]


def test_a_deferred_class_has_the_arguments_and_the_instances_of_the_real_one():
    from inspect import signature

    from espnet2.gan_tts.jets.alignments import AlignmentModule
    from espnet2.main_funcs import calculate_all_attentions

    import_tts_task()
    stand_in = calculate_all_attentions.AlignmentModule
    assert list(signature(stand_in).parameters) == list(signature(AlignmentModule).parameters)
    module = stand_in(4, 4)
    assert type(module) is AlignmentModule
    assert isinstance(module, stand_in)
    assert not isinstance(signature, stand_in)


def test_argument_types_of_espnet_are_still_checked():
    from typeguard import TypeCheckError

    with pytest.raises(TypeCheckError, match="argparse"):
        import_tts_task().TTSTask.build_preprocess_fn("no namespace", True)


def test_a_later_decorator_waits_until_it_is_due_and_is_applied_once():
    applied, due = [], []

    def decorator(function):
        applied.append(function.__name__)
        return lambda value: -function(value)

    @_later(decorator, lambda: bool(due))
    def double(value):
        """Doubles."""
        return 2 * value

    assert (double(3), applied, double.__doc__) == (6, [], "Doubles.")
    due.append(True)
    assert (double(3), double(4), applied) == (-6, -8, ["double"])


def test_only_the_remark_is_dropped(tmp_path: Path, monkeypatch, capsys):
    lines = [espnet_imports.REMARK + ", using ESPnet default", "disk full"]
    text = "import sys\n" + "".join(f"print({line!r}, file=sys.stderr)\n" for line in lines)
    (tmp_path / "talkative.py").write_text(text + "print('hello')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(espnet_imports, "TALKATIVE", "talkative")
    found = import_quietly("talkative")
    del sys.modules["talkative"]
    assert tuple(capsys.readouterr()) == ("hello\n", "disk full\n")
    assert not hasattr(found, "print")


@pytest.fixture
def own(tmp_path: Path, monkeypatch):
    """Writes modules that Python finds; forgets them afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    written = []

    def write(**texts: str) -> None:
        for name, text in texts.items():
            (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
            written.append(name)

    yield write
    for name in written:
        sys.modules.pop(name, None)


def of_the_process() -> list[object]:
    return [sys.stdout, sys.stderr, typeguard.typechecked, torch.compiler.disable, [*warnings.filters]]


def test_two_threads_leave_the_process_as_it_was_and_others_can_print(own, capsys):
    """The first one starts first and is done first, so that the second one would put back what the first had put."""
    own(slow_first="import time; time.sleep(0.3)", slow_second="import time; time.sleep(0.5)")
    before = of_the_process()
    threads = [threading.Thread(target=import_quietly, args=(name,)) for name in ("slow_first", "slow_second")]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
        print("from another thread")
    for thread in threads:
        thread.join()
    assert of_the_process() == before
    assert capsys.readouterr().out == "from another thread\n" * 2


def test_what_is_loaded_is_returned_at_once(own, monkeypatch):
    own(loaded="")
    first = import_quietly("loaded")
    monkeypatch.setattr(espnet_imports, "replaced", None)
    assert import_quietly("loaded") is first


def test_a_real_class_is_looked_up_once(own, monkeypatch):
    own(with_class="class Real: pass")
    stand_in = espnet_imports._DeferredClass("Real", (), {"__module__": "with_class"})
    first = stand_in()
    monkeypatch.setattr(espnet_imports, "import_quietly", None)
    assert type(stand_in()) is type(first) is sys.modules["with_class"].Real


def in_another_thread(function):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result(timeout=20)


def test_a_stand_in_is_harmless_to_other_threads(own, tmp_path, monkeypatch):
    package = tmp_path / "recipe_parts"
    package.mkdir()
    (package / "__init__.py").write_text("from recipe_parts.part import Real", encoding="utf-8")
    (package / "part.py").write_text("class Real: pass", encoding="utf-8")
    own()

    def real_ones() -> tuple[type, type, object]:
        import recipe_parts.part
        from recipe_parts import Real

        return Real, recipe_parts.part.Real, importlib.util.find_spec("recipe_parts")

    stand_in = espnet_imports._DeferredClass("Real", (), {"__module__": "recipe_parts"})
    with espnet_imports._stand_ins({"recipe_parts": {"Real": stand_in}, "recipe_parts.part": {}}):
        from recipe_parts import Real

        assert Real is stand_in
        one, other, spec = in_another_thread(real_ones)
    assert one is other is Real.real()
    assert type(one) is type
    assert spec is not None
    for name in ("recipe_parts", "recipe_parts.part"):
        assert type(sys.modules.pop(name)) is types.ModuleType


def test_a_name_of_a_deferred_module_may_be_used_while_espnet_is_imported(own, monkeypatch):
    own(front="answer = 42", eager_recipe="from front import answer")
    monkeypatch.setattr(espnet_imports, "DEFERRED_MODULES", {"front": ""})
    assert import_quietly("eager_recipe").answer == 42
