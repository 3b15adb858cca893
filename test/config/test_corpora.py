"""Settings of corpora, from where they come and who wins."""

import pytest

from espnet_mtl.config.corpora import corpus_settings
from espnet_mtl.errors import UserError


def test_the_environment_then_the_file_then_the_command_line(tmp_path, monkeypatch):
    monkeypatch.setenv("LJSPEECH", "/speech/lj")
    monkeypatch.delenv("NEMO", raising=False)
    (tmp_path / "ljspeech.yaml").write_text("speaker: LJ\nseed: 1\n")
    assert corpus_settings(["ljspeech"], tmp_path, ["seed=2"]) == {
        "ljspeech": {"root": "/speech/lj", "speaker": "LJ", "seed": 2}
    }
    both = corpus_settings(["ljspeech", "nemo"], tmp_path, ["nemo.dev=1", "ljspeech.root=/other"])
    assert both == {"ljspeech": {"root": "/other", "speaker": "LJ", "seed": 1}, "nemo": {"dev": 1}}


def test_values_stay_words_unless_they_are_numbers(tmp_path):
    pairs = ["delimiter=|", "metadata=,", "speaker=007", "dev=0.1", "test=2", "language=de"]
    assert corpus_settings(["csv"], tmp_path, pairs)["csv"] == {
        **{"delimiter": "|", "metadata": ",", "speaker": "007", "dev": 0.1, "test": 2, "language": "de"}
    }


@pytest.mark.parametrize(
    ("corpora", "pairs", "message"),
    [
        (["demo", "demo"], [], r"--corpus demo\+demo: demo comes twice"),
        (["demo"], ["seed"], "expected key=value, got 'seed'"),
        (["demo", "nemo"], ["seed=1"], "expected corpus.key=value, got 'seed=1'"),
        (["demo"], ["sead=1"], r"unknown setting of corpus demo 'sead': did you mean seed\?"),
        (["demo", "nemo"], ["demmo.seed=1"], r"unknown corpus in --corpus_conf 'demmo': did you mean demo"),
        (["dmo"], [], r"unknown corpus 'dmo': did you mean demo\?"),
    ],
)
def test_mistakes_are_named(tmp_path, corpora, pairs, message):
    with pytest.raises(UserError, match=message):
        corpus_settings(corpora, tmp_path, pairs)


@pytest.mark.parametrize("root", ["[a]", "3", "true", "{a: 1}"])
def test_values_of_another_type_are_told_by_key(tmp_path, root):
    (tmp_path / "nemo.yaml").write_text(f"seed: [1]\nroot: {root}\n")
    with pytest.raises(UserError, match=r"corpus nemo\.(root|seed): .*, got "):
        corpus_settings(["nemo"], tmp_path, [])


def test_names_may_be_numbers(tmp_path):
    (tmp_path / "ljspeech.yaml").write_text("speaker: 7\n")
    settings = corpus_settings(["ljspeech"], tmp_path, ["root=3", "dev=1", "test=0.5"])["ljspeech"]
    assert settings == {"speaker": "7", "root": "3", "dev": 1, "test": 0.5}
    assert isinstance(settings["dev"], int)  # a number of sentences, where 1.0 would be a share of them
