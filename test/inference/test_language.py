"""A speaker speaks her own language where none is named."""

from argparse import Namespace

import pytest

from espnet_mtl.data.kaldi import write_table
from espnet_mtl.data.utterances import languages_of_speakers
from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.language import choose_language, spoken_languages

ARGS = Namespace(language="en-us")
SPOKEN = {"ann": ["en-us"], "dora": ["de"], "eva": ["de", "en-us"], "ola": ["de", "pl"]}
ALL = ["de", "en-us", "pl"]


@pytest.mark.parametrize(
    ("given", "speaker", "spoken", "languages", "wanted"),
    [
        (None, "ann", SPOKEN, ALL, "en-us"),
        (None, "dora", SPOKEN, ALL, "de"),
        (None, "eva", SPOKEN, ALL, "en-us"),  # that of the configuration
        ("de", "eva", SPOKEN, ALL, "de"),
        ("pl", "dora", SPOKEN, ALL, "pl"),
        (None, "new", SPOKEN, ["de"], "de"),
        (None, "dora", {}, ["de"], "de"),
        (None, "dora", {}, ["de", "en-us"], "en-us"),  # packed before speakers had languages
        (None, "", {}, [], "en-us"),
    ],
)
def test_the_language_that_is_meant(given, speaker, spoken, languages, wanted):
    assert choose_language(given, speaker, ARGS, spoken, languages) == wanted


def test_of_several_languages_one_must_be_chosen():
    with pytest.raises(UserError, match="language: speaker 'ola' speaks de, pl: choose one of them"):
        choose_language(None, "ola", ARGS, SPOKEN, ALL)
    with pytest.raises(UserError, match="language: this model speaks de, pl: choose one of them"):
        choose_language(None, "ola", ARGS, {}, ["de", "pl"])


@pytest.mark.parametrize("value", [["de"], "de", {"ann": "de"}, {"ann": [1]}, {"ann": None}, 3])
def test_a_table_that_is_none_is_refused(value):
    with pytest.raises(UserError, match="speaker_languages: expected a list of languages by speaker, got"):
        spoken_languages(Namespace(speaker_languages=value))


def test_a_name_may_have_another_form():
    spoken = spoken_languages(Namespace(speaker_languages={"Zoe\u0308": ["pl"]}))
    assert choose_language(None, "Zo\u00eb", ARGS, spoken, ALL) == "pl"
    assert choose_language(None, "Zoe\u0308", ARGS, spoken, ALL) == "pl"


def test_a_model_without_the_table():
    assert spoken_languages(Namespace()) == spoken_languages(Namespace(speaker_languages=None)) == {}


@pytest.mark.parametrize(("speaker", "language"), [({}, 0), ({"speaker": "m1"}, 1), ({"sids": 1}, 1)])
def test_a_model_speaks_the_language_of_its_speaker(make_tts, monkeypatch, speaker, language):
    tts = make_tts(languages=["de", "pl"], speaker_languages={"f1": ["de"], "m1": ["pl"]})
    asked, read = [], []
    monkeypatch.setattr(tts.reader.tokenizer, "line", lambda text, language: read.append(language) or "ɡ")
    network = tts.model.inference
    monkeypatch.setattr(tts.model, "inference", lambda *args, **given: asked.append(given) or network(*args, **given))
    tts("Guten Tag.", vocode=False, **speaker)
    assert read == [["de", "pl"][language]]
    assert [int(given["lids"]) for given in asked] == [language]


def test_the_shell_speaks_it_too(make_tts, tmp_path, caplog):
    from espnet_mtl.bin.synthesize import main

    make_tts(languages=["de", "pl"], speaker_languages={"f1": ["de"], "m1": ["de", "pl"]})
    (tmp_path / "model.pth").rename(tmp_path / "latest.pth")
    given = ["--model", str(tmp_path), "--text", "Guten Tag.", "--output", str(tmp_path / "a.wav")]
    main(given)
    main([*given, "--speaker", "m1", "--language", "pl"])
    with pytest.raises(UserError, match="speaker 'm1' speaks de, pl: choose one of them"):
        main([*given, "--speaker", "m1"])


def test_languages_are_those_of_the_data(tmp_path):
    write_table(tmp_path / "train/utt2spk", {"a1": "a", "a2": "a", "b1": "b", "c1": "c"})
    write_table(tmp_path / "train/utt2lang", {"a1": "pl", "a2": "de", "b1": "pl", "other": "en-us"})
    write_table(tmp_path / "dev/utt2spk", {"d1": "d"})
    write_table(tmp_path / "dev/utt2lang", {"d1": "de"})
    dumps = [tmp_path / name for name in ("train", "dev", "none")]
    assert languages_of_speakers(dumps) == {"a": ["de", "pl"], "b": ["pl"], "d": ["de"]}
    known = {"a": ["en-us"], "old": ["nl"]}
    assert languages_of_speakers(dumps[:1], known) == {"a": ["de", "en-us", "pl"], "b": ["pl"], "old": ["nl"]}
