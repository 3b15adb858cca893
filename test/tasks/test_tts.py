import pytest
import torch

from espnet_mtl.config.schema import OWN_KEYS
from espnet_mtl.errors import UserError
from espnet_mtl.registry import BACKBONES
from espnet_mtl.tasks.tts import MTLTTSTask, tts

HEAD = {"head": "classifier", "label": "emotion"}


def with_task(**task):
    return {"tts": {"weight": 1.0}, "extra": {**HEAD, **task}}


def test_the_parser_takes_our_keys_and_changes_nothing_of_espnets():
    before = dict(tts.tts_choices.classes)
    args = MTLTTSTask.get_parser().parse_args(["--tasks", "emotion.weight=0.5", "--weighting", "fixed"])
    assert args.tasks["emotion"] == {"weight": 0.5}
    assert vars(args).keys() >= OWN_KEYS.keys()
    assert args.batch_type == "sorted"  # ESPnet's default needs fold_length
    assert tts.tts_choices.classes == before
    assert set(BACKBONES) == {"fastspeech2", "jets", "tacotron2"}


def test_tables_and_tokens_are_inlined(make_args, tmp_path):
    for name, lines in {"tokens": "<blank>\n<unk>\na\n<sos/eos>\n", "emotions": "happy\nsad\n"}.items():
        (tmp_path / name).write_text(lines)
    args = make_args(token_list=str(tmp_path / "tokens"), emotions=str(tmp_path / "emotions"))
    model = MTLTTSTask.build_model(args)
    assert args.token_list == ["<blank>", "<unk>", "a", "<sos/eos>"]
    assert args.emotions == ["happy", "sad"]
    assert args.tts_conf["spks"] == 2
    assert model.style.table.shape == (2, 8)


def test_a_config_written_by_training_builds_the_same_model(make_args):
    args = make_args()
    keys = list(MTLTTSTask.build_model(args).state_dict())
    assert list(MTLTTSTask.build_model(args).state_dict()) == keys


def test_a_corpus_without_emotions_has_no_style(make_args):
    model = MTLTTSTask.build_model(make_args(emotions=[], tasks={"tts": {"weight": 1.0}}))
    assert model.style is None


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"tasks": with_task(tap="style"), "style_conf": {"reference": False}}, ["reference: true"]),
        ({"tasks": with_task(tap="speaker"), "speakers": ["f1"]}, ["several speakers"]),
        ({"tasks": with_task(tap="shared", dropout=2)}, ["tasks.extra.dropout", "a number in [0, 1)"]),
        ({"tasks": with_task(tap="shared", channels=-1)}, ["tasks.extra.channels", "from 1 to", "-1"]),
        ({"style_conf": {"channels": "many"}}, ["style_conf"]),
        ({"tasks": {"tts": {}, "values": {**HEAD, "tap": "shared"}}}, ["tasks.values", "choose another"]),
        ({"weighting": "dwa", "weighting_conf": {"temperature": 0}}, ["weighting_conf", "temperature"]),
        ({"token_list": "/nowhere/tokens.txt"}, ["run stage 4 first", "/nowhere/tokens.txt"]),
        ({"tts_conf": {"adims": 3}}, ["tts_conf", "adim"]),
    ],
)
def test_mistakes_are_named(make_args, overrides, words):
    with pytest.raises(UserError) as error:
        MTLTTSTask.build_model(make_args(**overrides))
    assert all(word in str(error.value) for word in words)


def optimizer_args(make_args, **overrides):
    settings = {
        "optim": "adam",
        "optim_conf": {"lr": 0.1},
        "exclude_weight_decay": False,
        "sharded_ddp": False,
    }
    settings.update(exclude_weight_decay_conf={}, accum_grad=2, max_epoch=3, num_iters_per_epoch=4)
    return make_args(**settings, **overrides)


def test_progress_counts_the_steps_of_the_whole_training(make_args, batch):
    args = optimizer_args(make_args)
    model = MTLTTSTask.build_model(args)
    optimizer = MTLTTSTask.build_optimizers(args, model)[0]
    for _ in range(3):
        optimizer.step()
    assert model.multitask.progress.fraction == 0.5


def test_start_needs_to_know_how_long_the_training_is(make_args):
    args = optimizer_args(make_args)
    args.num_iters_per_epoch = None
    model = MTLTTSTask.build_model(args)
    with pytest.raises(UserError, match="num_iters_per_epoch"):
        MTLTTSTask.build_optimizers(args, model)


def test_loading_checks_every_key(make_args, make_model, tmp_path):
    import yaml

    args = make_args()
    model = MTLTTSTask.build_model(args)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(vars(args)))
    state = model.state_dict()
    torch.save(state, tmp_path / "good.pth")
    loaded, _ = MTLTTSTask.build_model_from_file(tmp_path / "config.yaml", tmp_path / "good.pth")
    torch.testing.assert_close(loaded.state_dict(), state)
    state["style.tabel"] = state.pop("style.table")
    torch.save(state, tmp_path / "bad.pth")
    with pytest.raises(UserError, match=r"missing: style.table.*unexpected: style.tabel"):
        MTLTTSTask.build_model_from_file(tmp_path / "config.yaml", tmp_path / "bad.pth")


def test_tasks_whose_labels_the_data_lack_are_left_out(make_args, caplog):
    from espnet_mtl.tasks.tts import MTLTTSTask

    args = make_args(emotions=[])
    model = MTLTTSTask.build_model(args)
    assert list(model.multitask.heads) == ["speaker_mel"]
    assert list(args.tasks) == ["tts", "speaker_mel"]
    assert "tasks.emotion_mel is left out: the data have no emotion labels" in caplog.text
