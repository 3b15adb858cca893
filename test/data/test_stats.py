import kaldiio
import numpy as np
import pytest
import torch

from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.data.stats import collect_stats, write_tables, write_token_list
from espnet_mtl.errors import UserError
from espnet_mtl.labels import TABLES
from espnet_mtl.system.imports.espnet import import_tts_task
from espnet_mtl.text.tokens import Tokenizer

import_tts_task()

from espnet2.layers.global_mvn import GlobalMVN  # noqa: E402

PHONES = {"f1_a": "h iː", "f1_b": "h ʊ", "m1_a": "iː iː iː"}
TEXT = {"f1_a": "he", "f1_b": "who is it", "m1_a": "e e e"}


@pytest.fixture
def dump(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("train", "dev"):
        directory = tmp_path / "dump" / name
        directory.mkdir(parents=True)
        for feature, dim in {"feats": 80, "pitch": 1, "energy": 1}.items():
            arrays = {utt: rng.normal(3, 2, (5, dim)).astype("f") for utt in PHONES}
            kaldiio.save_ark(str(directory / f"{feature}.ark"), arrays, scp=str(directory / f"{feature}.scp"))
        write_table(directory / "phones", PHONES)
        write_table(directory / "text", TEXT)
        write_table(directory / "utt2spk", {utt: utt[:2] for utt in PHONES})
        write_table(directory / "utt2emo", {"f1_a": "sad", "m1_a": "happy:0.8,angry:0.2"})
    return tmp_path / "dump"


@pytest.mark.parametrize(
    ("token_type", "tokens"),
    [("phn", ["h", "iː", "ʊ"]), ("char", ["<space>", "e", "h", "i", "o", "s", "t", "w"])],
)
def test_token_list(dump, tmp_path, token_type, tokens):
    write_token_list(dump, tmp_path / "list", Tokenizer(token_type))
    assert (tmp_path / "list/tokens.txt").read_text().splitlines() == [
        "<blank>",
        "<unk>",
        *tokens,
        "<sos/eos>",
    ]


def test_sentencepiece_list_and_model(dump, tmp_path):
    write_token_list(dump, tmp_path / "bpe", Tokenizer("bpe"), vocab_size=14)
    tokens = (tmp_path / "bpe/tokens.txt").read_text().splitlines()
    assert (tmp_path / "bpe/bpe.model").is_file()
    assert len(tokens) == len(set(tokens)) == 14 - 3 + 3
    with pytest.raises(UserError, match="another vocab_size than 5000"):
        write_token_list(dump, tmp_path / "big", Tokenizer("bpe"), vocab_size=5000)
    assert not (tmp_path / "big").exists()


def test_tables_are_sorted_names_of_the_training_set(dump, tmp_path):
    write_tables(dump, tmp_path / "tables")
    tables = {path.stem: path.read_text().split() for path in (tmp_path / "tables").iterdir()}
    found = {name: classes for name, classes in tables.items() if classes}
    assert found == {"speakers": ["f1", "m1"], "emotions": ["angry", "happy", "sad"]}
    assert set(tables) == set(TABLES)


def test_statistics_are_those_of_the_features(dump, tmp_path):
    collect_stats(dump, tmp_path / "stats", Tokenizer("phn"))
    for name in ("feats", "pitch", "energy"):
        values = np.concatenate(list(kaldiio.load_scp(str(dump / f"train/{name}.scp")).values()))
        stats = np.load(tmp_path / f"stats/train/{name}_stats.npz")
        np.testing.assert_allclose(stats["sum"] / stats["count"], values.mean(0), rtol=1e-4)
        np.testing.assert_allclose(stats["sum_square"] / stats["count"], (values**2).mean(0), rtol=1e-4)
    assert read_table(tmp_path / "stats/train/speech_shape")["f1_a"] == "5,80"
    assert read_table(tmp_path / "stats/train/text_shape") == {"f1_a": "2", "f1_b": "2", "m1_a": "3"}


def test_digital_silence_does_not_count(dump, tmp_path):
    """Of 5 % of such frames, the standard deviation of real speech would be more than twice as large."""
    collect_stats(dump, tmp_path / "plain", Tokenizer("phn"))
    scp = dump / "train/feats.scp"
    padded = {}
    for utt, feats in kaldiio.load_scp(str(scp)).items():
        padded[utt] = np.pad(feats, ((2, 1), (0, 0)), constant_values=-10)
    kaldiio.save_ark(str(dump / "train/padded.ark"), padded, scp=str(scp))
    collect_stats(dump, tmp_path / "padded", Tokenizer("phn"))
    plain, with_silence = (np.load(tmp_path / name / "train/feats_stats.npz") for name in ("plain", "padded"))
    for key in ("count", "sum", "sum_square"):
        np.testing.assert_allclose(with_silence[key], plain[key], rtol=1e-5)


def test_an_unlabelled_utterance_is_no_emotion_of_its_own(dump, tmp_path):
    (dump / "train/utt2emo").write_text("f1_a sad\nf1_b -\n")
    write_tables(dump, tmp_path / "tables")
    assert (tmp_path / "tables/emotions.txt").read_text() == "sad\n"


def test_a_missing_stage_is_named(dump, tmp_path):
    (dump / "dev/pitch.scp").unlink()
    with pytest.raises(UserError, match=r"run stage 3 first: .*dev/pitch.scp is missing"):
        collect_stats(dump, tmp_path / "stats", Tokenizer("phn"))


def test_a_dimension_that_never_changes_is_0_after_normalization(dump, tmp_path, capsys):
    """ESPnet divides by the root of what rounding leaves of its variance, which may be 1e-10."""
    arrays = {utt: np.full((50, 1), 5.0117, "f") for utt in PHONES}
    kaldiio.save_ark(str(dump / "train/pitch.ark"), arrays, scp=str(dump / "train/pitch.scp"))
    collect_stats(dump, tmp_path / "stats", Tokenizer("phn"))
    normalize = GlobalMVN(tmp_path / "stats/train/pitch_stats.npz")
    normalized, _ = normalize(torch.full((1, 4, 1), 5.0117))
    assert normalized.abs().max() < 1e-3
    assert normalize.std.item() == pytest.approx(1, abs=1e-3)
    assert "pitch.scp: 1 of its 1 dimensions never change" in capsys.readouterr().err


def test_a_feature_that_is_no_number_is_named(dump, tmp_path):
    arrays = {utt: np.full((5, 1), np.nan if utt == "f1_b" else 5.0, "f") for utt in PHONES}
    kaldiio.save_ark(str(dump / "dev/energy.ark"), arrays, scp=str(dump / "dev/energy.scp"))
    with pytest.raises(UserError, match=r"dev/energy\.scp:2: utterance f1_b: NaN or infinity"):
        collect_stats(dump, tmp_path / "stats", Tokenizer("phn"))
    assert not (tmp_path / "stats").exists()
