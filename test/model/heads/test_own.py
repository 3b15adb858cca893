"""A head of the user's own: the example of docs/tasks.md, in a file outside the package."""

import re
import sys
from pathlib import Path

import pytest
import torch
import yaml

from espnet_mtl.config.load import load_train_config, read_train_config
from espnet_mtl.errors import UserError
from espnet_mtl.tasks.tts import MTLTTSTask

PAGE = (Path(__file__).parents[3] / "docs/tasks.md").read_text(encoding="utf-8")
(CODE,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
(BLOCK,) = [block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.S) if "Loudest" in block]
TASK = yaml.safe_load(BLOCK)["tasks"]
CONF = Path(__file__).parents[3] / "egs2/mtl_tts/conf/train_fastspeech2.yaml"


@pytest.fixture
def tasks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    (tmp_path / "my_heads.py").write_text(CODE)
    yield {"tts": {"weight": 1.0}, **TASK}
    sys.modules.pop("my_heads", None)


def test_it_trains(tasks, make_model, batch):
    model = make_model(tasks=tasks)
    loss, stats, _ = model(**batch)
    loss.backward()
    assert stats["loud_loss"] > 0
    assert model.heads["loud"].output[0].out_features == 8
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.heads["loud"].parameters())
    batch["emotion"][:] = -1.0
    assert model(**batch)[1]["loud_loss"] == 0


PICKY = """
from pydantic import model_validator
from espnet_mtl.model.heads.classifier import Classifier
from espnet_mtl.model.heads.options import ClassifierOptions

class Options(ClassifierOptions):
    hidden: int = 3

    @model_validator(mode="after")
    def check(self):
        raise KeyError("hidden")

class Picky(Classifier):
    Options = Options
"""


def test_its_mistakes_are_named(tasks, tmp_path):
    config = read_train_config(CONF)

    def check(**changes):
        path = tmp_path / "train.yaml"
        tasks = {**config["tasks"], "loud": {**TASK["loud"], **changes}}
        path.write_text(yaml.safe_dump({**config, "tasks": tasks}))
        return load_train_config(path)

    check()
    with pytest.raises(UserError, match=r"key of tasks.loud 'hiden': did you mean hidden"):
        check(hiden=3)
    with pytest.raises(UserError, match=r"module 'your_heads' is neither in .* nor on Python's path"):
        check(head="your_heads:Loudest")
    (tmp_path / "broken.py").write_text("class Loud(\n")
    with pytest.raises(UserError, match=r"broken.py:1: '\(' was never closed"):
        check(head="broken:Loud")
    with pytest.raises(UserError, match=r"my_heads\.py defines no Louder"):
        check(head="my_heads:Louder")
    with pytest.raises(UserError, match=r"head of tasks.loud 'loudest': .*module:Class"):
        check(head="loudest")
    (tmp_path / "picky.py").write_text(PICKY)
    with pytest.raises(UserError, match=r"tasks.loud: picky:Picky: .*picky\.py:11: KeyError: 'hidden'"):
        check(head="picky:Picky")


DEFAULTS = """
from espnet_mtl.model.heads.classifier import Classifier
from espnet_mtl.model.heads.options import ClassifierOptions


class FaintOptions(ClassifierOptions):
    weight: float = 0.1


class Faint(Classifier):
    Options = FaintOptions


class Light(Classifier):
    def __init__(self, dim, classes, weight=0.25, **options):
        super().__init__(dim, classes, weight=weight, **options)
"""


def test_the_weight_of_a_task_may_be_a_default_of_its_head(tasks, tmp_path, make_model):
    (tmp_path / "my_heads.py").write_text(DEFAULTS)
    task = {"tap": "shared", "label": "emotion"}
    faint, light = {"head": "my_heads:Faint", **task}, {"head": "my_heads:Light", **task}
    model = make_model(tasks={"tts": {}, "a": faint, "b": light, "c": {**light, "weight": 2.0}})
    assert model.weighting.preferences == {"tts": 1.0, "a": 0.1, "b": 0.25, "c": 2.0}


def test_a_constructor_without_options_is_named(tasks, tmp_path, make_model):
    (tmp_path / "my_heads.py").write_text(CODE.replace(", **options", "").replace("**options", 'label="emotion"'))
    with pytest.raises(UserError, match=r"tasks.loud: my_heads:Loudest: .*unexpected keyword argument"):
        make_model(tasks=tasks)


def test_something_else_is_no_head(tasks, tmp_path, make_model):
    (tmp_path / "no_heads.py").write_text("class Odd:\n    def __init__(self, dim, classes, **options): ...\n")
    tasks["loud"] = {**tasks["loud"], "head": "no_heads:Odd"}
    del tasks["loud"]["hidden"]
    with pytest.raises(UserError, match=r"no_heads:Odd is no head: it must be a subclass of espnet_mtl\.model"):
        make_model(tasks=tasks)


def test_a_trained_model_speaks_without_the_file(tasks, tmp_path, make_args):
    args = make_args(tasks=tasks, weighting="uw")
    model = MTLTTSTask.build_model(args)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(vars(args)))
    torch.save(model.state_dict(), tmp_path / "model.pth")
    (tmp_path / "my_heads.py").write_text("raise SystemExit('of another user')\n")
    sys.modules.pop("my_heads")
    without, _ = MTLTTSTask.build_model_from_file(tmp_path / "config.yaml", tmp_path / "model.pth")
    assert "loud" not in without.heads
    torch.testing.assert_close(without.tts.feat_out.weight, model.tts.feat_out.weight)


INHERITED = """
from espnet_mtl.model.heads.classifier import Classifier


class Plain(Classifier):
    pass


class Wider(Classifier):
    def __init__(self, dim, classes, factor: int = 2, **options):
        super().__init__(dim, classes, **options)
        self.factor = factor
"""


@pytest.mark.parametrize("path", ["my_heads.py", "my_heads/__init__.py"])
def test_a_head_inherits_options_from_one_of_ours(tasks, tmp_path, make_model, batch, path):
    (tmp_path / "my_heads.py").unlink()
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(INHERITED)
    task = {"tap": "shared", "label": "emotion", "channels": 4, "grad_cap": 0.1}
    tasks = {"tts": {}, "a": {"head": "my_heads:Plain", **task}, "b": {"head": "my_heads:Wider", "factor": 3, **task}}
    model = make_model(tasks=tasks)
    assert model.heads["b"].factor == 3
    assert model.heads["a"].options.channels == 4
    assert model.heads["a"].grad_cap == 0.1
    model(**batch)[0].backward()
    for name in ("a", "b"):
        assert all(parameter.grad.abs().sum() > 0 for parameter in model.heads[name].parameters())


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"head": "my_heads:Wider", "factor": "three"}, r"tasks.a.factor: int, got 'three'"),
        ({"head": "my_heads:Wider", "channels": -1}, r"tasks.a.channels: a whole number from 1 to 8192, got -1"),
        ({"head": "my_heads:Plain", "factor": 3}, r"key of tasks.a 'factor'"),
        ({"head": "my_heads:Plain", "label": "vad"}, r"label of tasks.a 'vad'"),
    ],
)
def test_options_of_a_head_of_ones_own_are_checked(tasks, tmp_path, make_model, task, message):
    (tmp_path / "my_heads.py").write_text(INHERITED)
    with pytest.raises(UserError, match=message):
        make_model(tasks={"tts": {}, "a": {"tap": "shared", "label": "emotion", **task}})
