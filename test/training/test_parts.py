"""Fine-tuning between models that see faces and models that do not: what is taken over, and what is said of it."""

import shutil

import numpy as np
import pytest
import torch
import yaml
from tiny_stages import SETS, TRAINABLE, config_file, run_stage, write_data

from espnet_mtl.bin.stages import check_config, collect_stats, train
from espnet_mtl.data.kaldi import write_table
from espnet_mtl.errors import UserError
from espnet_mtl.model.checkpoint import load_state
from espnet_mtl.training.dataset import TrainPaths
from espnet_mtl.training.fine_tuning import initial_state, open_pretrained
from espnet_mtl.training.parts import parts_report

VISUAL = {"channels": 8}
TASKS = {
    "tts": {"weight": 1.0},
    "emotion": {"head": "classifier", "tap": "style", "label": "emotion", "weight": 0.5},
}
SEEING = {
    **TASKS,
    "seen": {"head": "classifier", "tap": "visual", "label": "emotion", "weight": 0.5},
    "matching": {"head": "matching", "tap": "visual", "label": "emotion", "weight": 0.1},
}
BLIND_MODEL = {"style_conf": {"channels": 8}, "tasks": TASKS, "visual_extract": None, "visual_shape": None}
SEEING_MODEL = {"style_conf": {"channels": 8, "visual": VISUAL}, "tasks": SEEING}


@pytest.fixture
def pretrained(make_args, tmp_path):
    """Makes a pretrained model, as an experiment whose weights are all told apart from new ones."""

    def make(**overrides):
        from espnet_mtl.tasks.tts import MTLTTSTask

        args = make_args(**overrides)
        state = MTLTTSTask.build_model(args).state_dict()
        for value in state.values():
            value.fill_(0.25)
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(vars(args)), encoding="utf-8")
        torch.save(state, tmp_path / "latest.pth")
        return open_pretrained(str(tmp_path))

    return make


def started(pretrained, args) -> tuple[dict, set[str]]:
    """The weights that fine-tuning starts from, and which of them are new; the weighting's always are."""
    pretrained.check(vars(args))
    state = initial_state(pretrained, args)
    new = {key for key, value in state.items() if (value != 0.25).any()}
    return state, {key for key in new if not key.startswith("weighting.")}


def visual_names(state) -> set[str]:
    return {key for key in state if key.startswith(("style.visual.", "style.trust", "heads.matching."))}


def test_a_model_learns_to_see(pretrained, make_args, capsys):
    args = make_args(**SEEING_MODEL)
    state, new = started(pretrained(**BLIND_MODEL), args)
    assert visual_names(state)
    assert new == visual_names(state)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(": new: style_conf.visual, tasks.matching")


def test_a_model_forgets_to_see(pretrained, make_args, capsys):
    state, new = started(pretrained(**SEEING_MODEL), make_args(**BLIND_MODEL))
    assert not visual_names(state)
    assert not new
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(": left out: style_conf.visual, tasks.matching")


def test_a_model_goes_on_seeing(pretrained, make_args, capsys):
    """Options that change no weight may differ."""
    made = {"style_conf": {"channels": 8, "visual": {**VISUAL, "drop": 0.5}}, "visual_extract_conf": {"rate": 3.0}}
    before = {**SEEING_MODEL, "visual_extract_conf": {"rate": 5.0}}
    _, new = started(pretrained(**before), make_args(**{**SEEING_MODEL, **made}))
    assert not new
    assert capsys.readouterr().err == ""


CROPS = {"visual_extract": "crops", "visual_extract_conf": {"size": 16}, "visual_shape": [16, 16]}
EXPRESSION = {"visual_extract": "expression", "visual_shape": [128], "visual_weights": "a" * 64}


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ({}, EXPRESSION, "visual_extract is 'expression', and it was trained with 'embedding'"),
        ({}, {"visual_shape": [7]}, "visual_shape is [7], and it was trained with [6]"),
        (
            CROPS,
            {**CROPS, "visual_extract_conf": {}, "visual_shape": [48, 48]},
            "visual_extract_conf.size is 48, and it was trained with 16",
        ),
        (
            EXPRESSION,
            {**EXPRESSION, "visual_weights": "b" * 64},
            f"visual_weights is '{'b' * 12}', and it was trained with '{'a' * 12}'",
        ),
    ],
)
def test_other_vectors_are_seen_anew(pretrained, make_args, capsys, old, new, change):
    state, new = started(pretrained(**SEEING_MODEL, **old), make_args(**SEEING_MODEL, **new))
    assert new == visual_names(state)
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith(f": its visual encoder starts anew: {change}")
    assert second.endswith(": new: style_conf.visual, tasks.matching")


def test_another_size_of_the_same_encoder_is_refused(pretrained, make_args):
    model = pretrained(**SEEING_MODEL)
    wider = {"style_conf": {"channels": 8, "visual": {"channels": 16}}}
    with pytest.raises(UserError, match=r"style_conf.visual.channels is 16, but --init_model .* was trained with 8"):
        model.check(vars(make_args(**{**SEEING_MODEL, **wider})))
    # Of other vectors it is another encoder in any case
    model.check(vars(make_args(**{**SEEING_MODEL, **wider, **EXPRESSION})))


def test_parts_are_called_as_in_the_configuration():
    trained = [
        "tts.encoder.weight",
        "style.table",
        "weighting.scale",
        "heads.mel.output.weight",
        "heads.mel.output.bias",
    ]
    wanted = ["tts.encoder.weight", "tts.sid_emb.weight", "style.table", "style.reference.gru.weight", "style.trust"]
    assert parts_report(trained, wanted) == [
        "new: style_conf.reference, style_conf.visual, tts.sid_emb",
        "left out: tasks.mel",
    ]
    assert parts_report(trained, trained) == []


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Stages 2 to 5 of a tiny model that sees nothing, on data with faces, and the configuration of one that does."""
    work = tmp_path_factory.mktemp("fine_tuning")
    rows = [("ab", "s1", "sad"), ("ab", "s1", "happy")] * 2
    write_data(work / "data", dict.fromkeys(SETS, rows))
    for name in SETS:
        np.save(work / "face.npy", np.arange(6.0))
        write_table(work / "data" / name / "visual.scp", {f"s1_{name}_0": work / "face.npy"})
    quick = {"num_iters_per_epoch": 2, "vocoder": {"steps": 0}}
    blind = {**quick, "visual_extract": "embedding"}
    for stage in (2, 3, 4, 5):
        run_stage(stage, work, blind, base=TRAINABLE)
    return work, {**blind, "style_conf": {"visual": VISUAL}, "tasks": SEEING}


def test_stages(prepared, capsys):
    """A model of stage 5 learns to see in another."""
    work, seeing = prepared
    init = work / "exp/model"
    config = str(config_file(work, seeing, TRAINABLE))
    lists = [f"--token_list={work}/dump/token_list", f"--tables={work}/dump/tables", f"--stats={work}/exp/stats"]
    options = ["--dump", str(work / "dump/raw"), "--train_config", config, "--init_model", str(init), *lists]
    check_config.main([config, "--init_model", str(init)])
    collect_stats.main(options)
    train.main([*options, "--output", str(work / "exp/seeing")])
    assert f"--init_model {init}: new: style_conf.visual, tasks.matching\n" in capsys.readouterr().err
    assert visual_names(load_state(work / "exp/seeing/latest.pth"))
    trained = yaml.safe_load((work / "exp/seeing/config.yaml").read_text())
    assert trained["visual_shape"] == [6]
    assert trained["visual_weights"] is None


def test_other_faces_are_other_data(prepared, tmp_path):
    made, seeing = prepared
    work = tmp_path / "work"
    shutil.copytree(made, work)
    for path in work.glob("data/*/*.scp"):
        path.write_text(path.read_text().replace(str(made), str(work)))
    for number, shape in enumerate((6, 6, 9)):
        np.save(work / "face.npy", number + np.arange(float(shape)))
        for stage in (2, 3, 4):
            run_stage(stage, work, seeing, base=TRAINABLE)
        run_stage(5, work, seeing, base=TRAINABLE, tag=f"faces_{number}")
        run_stage(5, work, seeing, base=TRAINABLE, tag=f"faces_{number}")  # it goes on
        if number:
            with pytest.raises(UserError, match="was trained with other settings or data"):
                run_stage(5, work, seeing, base=TRAINABLE, tag=f"faces_{number - 1}")


def test_moved_experiments_have_their_own_tables_of_faces(prepared):
    """A table names a file beside it."""
    work, _ = prepared
    places = [work / "dump/raw", work / "dump/token_list", work / "dump/tables", work / "exp/stats"]
    names = {output: TrainPaths(*places, work / output).faces.name for output in ("exp/a", "exp/b", "runs/a")}
    assert names["exp/a"] == names["exp/b"] != names["runs/a"]
