"""What stage 6 speaks."""

import pytest
import torch

from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.errors import UserError
from espnet_mtl.inference.sets.decoding import _speak, decode
from espnet_mtl.inference.sets.requests import Request, list_requests


@pytest.fixture
def dump(tmp_path):
    texts = {"f1_happy_1": "one", "f1_sad_1": "one", "m1_happy_2": "two"}
    write_table(tmp_path / "text", texts)
    write_table(tmp_path / "phones", {utt: f"{utt} x" for utt in texts})
    write_table(tmp_path / "utt2spk", {utt: utt[:2] for utt in texts})
    write_table(tmp_path / "utt2emo", {utt: utt.split("_")[1] for utt in texts})
    return tmp_path


def test_every_sentence_in_every_voice_and_emotion(dump):
    listed = list_requests(dump, "phn", ["f1", "m1"], ["happy", "sad"])
    assert len(listed) == len({request.utt for request in listed}) == 8
    assert {(request.text, request.speaker, request.emotion) for request in listed} == {
        (text, speaker, emotion) for text in ("one", "two") for speaker in ("f1", "m1") for emotion in ("happy", "sad")
    }


def test_a_request_takes_the_name_and_phones_of_its_natural_utterance(dump):
    listed = {request.utt: request for request in list_requests(dump, "phn", ["f1", "m1"], ["happy", "sad"])}
    assert listed["f1_sad_1"].tokens == "f1_sad_1 x"
    assert listed["m1_happy_2"].text == "two"


@pytest.mark.parametrize("label", ["-", None])
def test_an_unlabelled_utterance_is_spoken_without_an_emotion_too(dump, label):
    emotions = {**read_table(dump / "utt2emo"), "f1_sad_1": label}
    write_table(dump / "utt2emo", {utt: emotion for utt, emotion in emotions.items() if emotion})
    listed = {request.utt: request for request in list_requests(dump, "phn", ["f1", "m1"], ["happy", "sad"])}
    assert len(listed) == 9
    assert (listed["f1_sad_1"].speaker, listed["f1_sad_1"].emotion) == ("f1", None)
    assert sum(request.emotion is None for request in listed.values()) == 1


def test_sentences_are_decoded_by_speakers_of_their_language(tmp_path):
    dump = tmp_path / "raw"
    for name in ("train", "test"):
        write_table(dump / name / "utt2spk", {"a_1": "a", "b_1": "b", "b_2": "b"})
        write_table(dump / name / "utt2lang", {"a_1": "pl", "b_1": "de", "b_2": "pl"})
    write_table(dump / "test/text", {"a_1": "raz", "b_1": "eins", "b_2": "dwa"})
    write_table(dump / "test/phones", {"a_1": "r", "b_1": "e", "b_2": "d"})
    listed = list_requests(dump / "test", "phn", ["a", "b"], ["sad"])
    assert {(one.text, one.speaker, one.language) for one in listed} == {
        *{("raz", "a", "pl"), ("raz", "b", "pl"), ("dwa", "a", "pl"), ("dwa", "b", "pl")},
        ("eins", "b", "de"),
    }


def test_every_request_has_an_id_of_its_own(tmp_path):
    texts = {"a_b_c_t0001": "one", "x/y": "two"}
    write_table(tmp_path / "text", texts)
    write_table(tmp_path / "phones", dict.fromkeys(texts, "x"))
    write_table(tmp_path / "utt2spk", dict.fromkeys(texts, "a"))
    write_table(tmp_path / "utt2emo", dict.fromkeys(texts, "c"))
    listed = list_requests(tmp_path, "phn", ["a", "a_b", "very old"], ["c", "b_c", "d/e"])
    utts = [request.utt for request in listed]
    assert len(utts) == len(set(utts)) == 18
    assert all(utt.split() == [utt] and "/" not in utt for utt in utts)


def test_a_model_with_names_in_another_form_speaks_them(tmp_path):
    for name in ("train", "test"):
        write_table(tmp_path / name / "utt2spk", {"a_1": "Zoe\u0308"})
        write_table(tmp_path / name / "utt2lang", {"a_1": "pl"})
    write_table(tmp_path / "test/utt2emo", {"a_1": "fâché"})
    write_table(tmp_path / "test/text", {"a_1": "raz"})
    write_table(tmp_path / "test/phones", {"a_1": "r"})
    (request,) = list_requests(tmp_path / "test", "phn", ["Zoe\u0308"], ["fa\u0302che\u0301"])
    assert (request.utt, request.speaker) == ("a_1", "Zoe\u0308")


def test_a_sentence_that_would_take_all_memory_is_named_before_any_is_spoken(make_tts, monkeypatch, tmp_path):
    from espnet_mtl.inference.text2speech import Text2Speech

    make_tts()
    (tmp_path / "model.pth").rename(tmp_path / "latest.pth")
    write_table(tmp_path / "raw/test/text", {"f1_a": "one", "f1_b": "two"})
    write_table(tmp_path / "raw/test/phones", {"f1_a": "a b c", "f1_b": "a b c d"})
    write_table(tmp_path / "raw/test/utt2spk", {"f1_a": "f1", "f1_b": "f1"})
    (tmp_path / "raw/test/durations").touch()
    (tmp_path / "decode.yaml").write_text("griffin_lim_iters: 2\n", encoding="utf-8")
    monkeypatch.setattr(Text2Speech, "__call__", lambda *arguments, **options: pytest.fail("something was said"))
    with pytest.raises(UserError, match="utterance f1_b: 4 tokens, but 3 are the most"):
        decode(tmp_path, tmp_path / "raw", str(tmp_path / "decode.yaml"), 0, ["--max_tokens", "3"])
    assert not (tmp_path / "decode").exists()


def test_a_model_that_predicts_no_frame_is_told_with_the_utterance(make_tts, tmp_path):
    tts = make_tts()
    torch.nn.init.constant_(tts.model.tts.duration_predictor.linear.bias, -9)
    with pytest.raises(UserError, match="utterance f1_a: the model predicts 0 frames for 3 tokens"):
        _speak(tts, Request("f1_a", "mo", "m o", "f1", None), {})


@pytest.mark.parametrize(
    ("table", "content", "message"),
    [
        ("phones", {"f1_sad_1": "x"}, r"phones: no line for .*, which is in text"),
        ("utt2spk", {"f1_sad_1": "f1"}, r"utt2spk: no line for .*, which is in text"),
        ("utt2emo", {"f9_sad_1": "sad"}, r"utt2emo:1: utterance f9_sad_1 is not in text"),
    ],
)
def test_tables_that_do_not_fit_are_named(dump, table, content, message):
    write_table(dump / table, content)
    with pytest.raises(UserError, match=message):
        list_requests(dump, "phn", ["f1", "m1"], ["happy", "sad"])
