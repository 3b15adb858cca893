import pytest

from espnet_mtl.data.kaldi import write_table
from espnet_mtl.data.provenance.notes import write_note
from espnet_mtl.errors import UserError
from espnet_mtl.inference.sets.spoken import check_spoken, speech_note

CONFIG = {"token_type": "phn", "max_epoch": 7}


@pytest.fixture
def spoken(tmp_path):
    """An experiment whose test set was spoken after three of seven epochs; its dump; and the speech."""
    exp, dump = tmp_path / "exp/model", tmp_path / "dump/raw/test"
    speech = exp / "decode/test"
    for table in ("text", "phones", "utt2spk"):
        write_table(dump / table, {"a": "x"})
    write_table(speech / "wav.scp", {"a": "a.wav"})
    (exp / "config.yaml").write_text("max_epoch: 7\n")
    (exp / "3epoch.pth").write_bytes(b"weights")
    (exp / "latest.pth").symlink_to("3epoch.pth")
    write_note(speech, speech_note(exp, CONFIG, exp / "3epoch.pth", dump, speech))
    return exp, dump, speech


def test_speech_of_the_model_as_it_is_is_taken(spoken):
    exp, _, speech = spoken
    assert check_spoken(exp, speech) == "epoch 3 of 7"


def test_speech_of_an_older_model_is_refused(spoken):
    exp, _, speech = spoken
    (exp / "4epoch.pth").write_bytes(b"other")
    (exp / "latest.pth").unlink()
    (exp / "latest.pth").symlink_to("4epoch.pth")
    message = r"decode/test: stage 6 spoke with 3epoch.pth .* now .*4epoch.pth: run stages 6 and 7 again"
    with pytest.raises(UserError, match=message):
        check_spoken(exp, speech, (6, 7))


def test_models_may_have_been_deleted(spoken):
    exp, _, speech = spoken
    for path in exp.glob("*.pth"):
        path.unlink()
    (exp / "vocoder.pth").write_bytes(b"vocoder")  # which is none
    (speech / "inference.yaml").write_text("vocoder: griffin_lim")
    assert check_spoken(exp, speech) == "epoch 3 of 7"


@pytest.mark.parametrize("table", ["text", "phones", "utt2spk", "utt2emo"])
def test_speech_of_another_test_set_is_refused(spoken, table):
    exp, dump, speech = spoken
    write_table(dump / table, {"b": "x"})
    with pytest.raises(UserError, match=rf"test/{table} has changed since stage 6 spoke it in .*: run stage 6 again"):
        check_spoken(exp, speech)


@pytest.mark.parametrize("change", [lambda path: path.write_bytes(b"other"), lambda path: path.unlink()])
def test_speech_of_another_vocoder_is_refused(spoken, change):
    exp, dump, speech = spoken
    vocoder = exp / "vocoder.pth"
    vocoder.write_bytes(b"vocoder")
    write_note(speech, speech_note(exp, CONFIG, exp / "3epoch.pth", dump, speech, vocoder))
    assert check_spoken(exp, speech) == "epoch 3 of 7"
    change(vocoder)
    with pytest.raises(UserError, match=r"vocoder\.pth has changed since stage 6 spoke it in .*: run stage 6 again"):
        check_spoken(exp, speech)


@pytest.mark.parametrize(("options", "stale"), [("{}", True), ("vocoder: griffin_lim", False)])
def test_a_vocoder_that_was_trained_later_is_noticed(spoken, options, stale):
    exp, _, speech = spoken
    (speech / "inference.yaml").write_text(options)
    (exp / "vocoder.pth").write_bytes(b"vocoder")
    if stale:
        with pytest.raises(UserError, match=r"vocoder.pth was trained after stage 6 spoke in .*: run stage 6 again"):
            check_spoken(exp, speech)
    else:
        assert check_spoken(exp, speech) == "epoch 3 of 7"


def test_speech_of_an_earlier_version_is_taken_and_told(spoken, capsys):
    exp, _, speech = spoken
    (speech / "stage_6.json").unlink()
    assert check_spoken(exp, speech) is None
    assert "stage_6.json is not there" in capsys.readouterr().err
