"""Going on from a trained model: what it knows stays, new names find a row."""

import pytest
import torch
import yaml
from tiny_backbones import with_backbone

from espnet_mtl.config.load import load_train_config
from espnet_mtl.data.kaldi import write_table
from espnet_mtl.data.stats import write_tables, write_token_list
from espnet_mtl.errors import UserError
from espnet_mtl.text.tokens import Tokenizer
from espnet_mtl.training.fine_tuning import PretrainedModel, initial_state, open_pretrained
from test.model.backbones.test_tacotron2 import TINY_TACOTRON

MORE = {
    "token_list": ["<blank>", "<unk>", "a", "b", "c", "d", "<sos/eos>"],
    "speakers": ["f1", "m1", "x9"],
    "emotions": ["happy", "neutral", "sad", "calm"],
    "languages": ["en-us", "pl"],
    "seed": 1,
}
NETWORKS = {
    "fastspeech2": {},
    "tacotron2": {"tts": "tacotron2", "tts_conf": dict(TINY_TACOTRON)},
    "jets": with_backbone("jets"),
}


@pytest.fixture
def old(make_args, tmp_path):
    """Makes a pretrained model of a backbone, as an experiment; returns its network and how it is opened."""

    def make(backbone="fastspeech2"):
        from espnet_mtl.tasks.tts import MTLTTSTask

        torch.manual_seed(0)
        args = make_args(**NETWORKS[backbone])
        model = MTLTTSTask.build_model(args).eval()
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(vars(args)), encoding="utf-8")
        torch.save(model.state_dict(), tmp_path / "valid.loss.best.pth")
        torch.save(model.state_dict(), tmp_path / "latest.pth")
        return model, open_pretrained(str(tmp_path))

    return make


@pytest.mark.parametrize("backbone", NETWORKS)
def test_old_names_speak_as_before(old, make_args, make_model, backbone):
    theirs, pretrained = old(backbone)
    state = initial_state(pretrained, make_args(**NETWORKS[backbone], **MORE))
    ours = make_model(**NETWORKS[backbone], **MORE).eval()
    ours.load_state_dict(state)

    def mel(model, tokens, weights, **more):
        torch.manual_seed(0)  # Tacotron2's prenet drops out in synthesis
        inputs = {"sids": torch.tensor([1]), "use_teacher_forcing": False, **more}
        output = model.inference(torch.tensor(tokens), weights=torch.tensor(weights), **inputs)
        return output["feat_gen"] if "feat_gen" in output else output["wav"]

    expected = mel(theirs, [2, 3, 4, 2, 3], [0.0, 0.3, 0.7])
    for language in (0, 1):
        lids = torch.tensor([language])
        torch.testing.assert_close(mel(ours, [2, 3, 4, 2, 3], [0.0, 0.3, 0.7, 0.0], lids=lids), expected)


def test_a_new_row_is_the_mean_of_the_old_ones(old, make_args):
    theirs, pretrained = old()
    state = initial_state(pretrained, make_args(**MORE))
    was = theirs.state_dict()
    assert torch.equal(state["style.table"][:3], was["style.table"])
    for key in ("style.table", "tts.sid_emb.weight", "heads.emotion_mel.output.3.bias"):
        torch.testing.assert_close(state[key][-1], was[key].mean(0))
    embedding = "tts.encoder.embed.0.weight"
    torch.testing.assert_close(state[embedding][5], was[embedding].mean(0))
    assert torch.equal(state[embedding][6], was[embedding][5])  # the end, which is always the last
    assert not state["tts.lid_emb.weight"].any()


def test_a_head_of_its_own_starts_as_in_a_new_model(old, make_args):
    _, pretrained = old()
    task = {"head": "classifier", "tap": "shared", "label": "speaker"}
    first, second = (initial_state(pretrained, make_args(tasks={"tts": {}, "mine": task}, **MORE)) for _ in range(2))
    assert first["heads.mine.output.weight"].any()
    assert torch.equal(first["heads.mine.output.weight"], second["heads.mine.output.weight"])


def test_another_network_is_refused(old, make_args, tiny):
    _, pretrained = old()
    config = {**vars(make_args()), "tts_conf": {**tiny, "adim": 16}}
    with pytest.raises(UserError, match=r"tts_conf\.adim is 16, but --init_model .* was trained with 8"):
        pretrained.check(config)
    with pytest.raises(UserError, match="tts is 'tacotron2'"):
        pretrained.check({**config, "tts": "tacotron2"})
    with pytest.raises(UserError, match="init_param would have no effect beside --init_model"):
        pretrained.check({**vars(make_args()), "init_param": ["a.pth"]})
    pretrained.check(vars(make_args()))
    pretrained.check(vars(make_args(style_conf={"channels": 8, "restore_range": ["pitch"]})))


def test_the_same_configuration_is_taken(tmp_path):
    path = "egs2/mtl_tts/conf/train_fastspeech2.yaml"
    config = load_train_config(path)
    trained = {**config, "tts_conf": {**config["tts_conf"], "spks": 4, "langs": 1}}
    PretrainedModel("old", trained, tmp_path).check(
        load_train_config("egs2/mtl_tts/conf/train_fastspeech2_single.yaml")
    )


def test_a_model_that_is_not_ours_is_refused(tmp_path):
    (tmp_path / "config.yaml").write_text("tts: fastspeech2\n")
    (tmp_path / "latest.pth").touch()
    with pytest.raises(UserError, match="--init_param"):
        open_pretrained(str(tmp_path))


def test_tables_grow(tmp_path):
    config = {"token_list": MORE["token_list"], "speakers": ["f1"], "emotions": ["sad"], "token_type": "phn"}
    pretrained = PretrainedModel("old", config, tmp_path)
    for part in ("train", "dev"):
        write_table(tmp_path / f"dump/{part}/phones", {"u": "e a", "v": "b"})
        write_table(tmp_path / f"dump/{part}/utt2spk", {"u": "a0", "v": "f1"})
    write_table(tmp_path / "dump/train/utt2emo", {"u": "angry:0.5,sad:0.5"})
    write_token_list(tmp_path / "dump", tmp_path / "tokens", Tokenizer("phn"), known=pretrained.names("token"))
    write_tables(
        tmp_path / "dump",
        tmp_path / "tables",
        {"speakers": pretrained.names("speaker"), "emotions": pretrained.names("emotion")},
    )
    assert (tmp_path / "tokens/tokens.txt").read_text().split() == [*MORE["token_list"][:-1], "e", "<sos/eos>"]
    assert (tmp_path / "tables/speakers.txt").read_text().split() == ["f1", "a0"]
    assert (tmp_path / "tables/emotions.txt").read_text().split() == ["sad", "angry"]
    with pytest.raises(UserError, match="reads tokens of type phn, not char"):
        pretrained.check_tokens("char")
