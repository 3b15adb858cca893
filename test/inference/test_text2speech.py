import numpy as np
import pytest
import torch
import yaml

from espnet_mtl.data.kaldi import read_table, write_table
from espnet_mtl.errors import UserError
from espnet_mtl.inference.decoding import list_requests, load_inference_config
from espnet_mtl.text.espeak import phonemize


@pytest.fixture
def tts(make_args, tmp_path):
    return speaking(make_args, tmp_path)


def speaking(make_args, tmp_path, *marks, **overrides):
    from espnet_mtl.inference.text2speech import Text2Speech
    from espnet_mtl.tasks.tts import MTLTTSTask

    torch.manual_seed(0)
    phones = sorted(set(phonemize("good morning", "en-us")))
    args = make_args(token_list=["<blank>", "<unk>", *phones, *marks, "<sos/eos>"], **overrides)
    model = MTLTTSTask.build_model(args)
    torch.nn.init.constant_(model.tts.duration_predictor.linear.bias, 1.5)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(vars(args)), encoding="utf-8")
    torch.save(model.state_dict(), tmp_path / "model.pth")
    return Text2Speech(tmp_path / "config.yaml", tmp_path / "model.pth", griffin_lim_iters=2)


def test_speaks(tts):
    output = tts("good morning", speaker="m1", emotion="sad")
    frames = int(output["duration"].sum())
    assert output["feat_gen"].shape == (frames, 80)
    assert len(output["wav"]) == (frames - 1) * 256
    assert len(output["duration"]) == len(phonemize("good morning", "en-us")) + 1
    assert output["wav"].isfinite().all()
    assert (tts.fs, tts.speakers, tts.emotions) == (16000, ["f1", "m1"], ["happy", "neutral", "sad"])


def test_speaker_and_emotion_are_heard(tts):
    def pitch(**options):
        return tts("good morning", vocode=False, **options)["pitch"]

    base = pitch(speaker="f1", emotion="happy")
    torch.testing.assert_close(base, pitch(sids=0, emotion={"happy": 2.0}))
    assert not torch.allclose(base, pitch(speaker="m1", emotion="happy"))
    assert not torch.allclose(base, pitch(speaker="f1", emotion="sad"))
    torch.testing.assert_close(pitch(emotion=None), pitch(speaker="f1", emotion="neutral"))


def test_without_an_emotion_the_text_suggests_one(make_args, tmp_path):
    head = {"head": "classifier", "tap": "encoder", "label": "emotion", "weight": 0.1}
    tts = speaking(make_args, tmp_path, tasks={"tts": {}, "text": head})
    text = tts._tokens("good morning", "en-us")
    suggested = dict(zip(tts.emotions, tts.model.predict_style(text).tolist(), strict=True))
    assert len(set(suggested.values())) == 3

    def pitch(**options):
        return tts("good morning", vocode=False, **options)["pitch"]

    torch.testing.assert_close(pitch(), pitch(emotion=suggested))
    assert not torch.allclose(pitch(), pitch(emotion="neutral"))
    torch.testing.assert_close(pitch(intensity=0.5), pitch(emotion=suggested, intensity=0.5))
    torch.testing.assert_close(pitch(intensity=0.0), pitch(emotion="neutral"))


def test_alpha_stretches(tts):
    short, long = (
        int(tts("good morning", vocode=False, decode_conf={"alpha": alpha})["feat_gen"].shape[0]) for alpha in (1, 2)
    )
    assert long == pytest.approx(2 * short, rel=0.1)


@pytest.mark.parametrize(
    ("emotion", "intensity", "weights"),
    [
        ("sad", 1.0, [0, 0, 1]),
        ({"sad": 3, "neutral": 7}, 1.0, [0, 0.7, 0.3]),
        ("happy", 0.25, [0.25, 0.75, 0]),
        ("happy", 0.0, [0, 1, 0]),
        ("happy", 2.0, [2, -1, 0]),
        (None, 1.0, [0, 1, 0]),
    ],
)
def test_emotion_weights(tts, emotion, intensity, weights):
    np.testing.assert_allclose(tts.emotion_weights(emotion, intensity), weights, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"emotion": "glad"}, "unknown emotion 'glad': this model has happy, neutral, sad"),
        ({"emotion": {"sad": -1.0}}, "must not be negative"),
        ({"emotion": {"sad": 0}}, "sum to more than 0"),
        ({"speaker": "f9"}, "unknown speaker 'f9': this model has f1, m1"),
        ({"sids": 7}, "expected 0 to 1, got 7"),
        ({"text": "  "}, "nothing to say"),
        ({"language": "xx-none"}, "xx-none"),
    ],
)
def test_mistakes_are_value_errors_that_name_what_there_is(tts, options, words):
    with pytest.raises(ValueError, match=words):
        tts(**{"text": "good morning", **options})


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


def test_an_unlabelled_utterance_is_spoken_without_an_emotion_too(dump):
    emotions = {utt: emotion for utt, emotion in read_table(dump / "utt2emo").items() if utt != "f1_sad_1"}
    write_table(dump / "utt2emo", emotions)
    listed = {request.utt: request for request in list_requests(dump, "phn", ["f1", "m1"], ["happy", "sad"])}
    assert len(listed) == 9
    assert (listed["f1_sad_1"].speaker, listed["f1_sad_1"].emotion) == ("f1", None)
    assert sum(request.emotion is None for request in listed.values()) == 1


@pytest.mark.parametrize(
    ("overrides", "words"),
    [(["--griffin_lim_iter", "3"], "griffin_lim_iters"), (["--griffin_lim_iters"], "pairs")],
)
def test_inference_options(tmp_path, overrides, words):
    path = tmp_path / "decode.yaml"
    path.write_text("griffin_lim_iters: 32\nvocoder_file: null\n")
    assert load_inference_config(path, ["--griffin_lim_iters", "4"]) == {"griffin_lim_iters": 4}
    with pytest.raises(UserError, match=words):
        load_inference_config(path, overrides)


def test_a_model_of_several_languages(make_args, tmp_path):
    tts = speaking(make_args, tmp_path, languages=["de", "en-us"])

    def pitch(language):
        return tts("good morning", language=language, vocode=False)["pitch"]

    assert tts.languages == ["de", "en-us"]
    torch.testing.assert_close(pitch(None), pitch("en-us"))
    assert pitch("de").shape != pitch("en-us").shape or not torch.allclose(pitch("de"), pitch("en-us"))
    with pytest.raises(ValueError, match="language 'pl': this model speaks de, en-us"):
        pitch("pl")


def test_the_only_language_is_spoken(make_args, tmp_path):
    tts = speaking(make_args, tmp_path, languages=["de"])
    assert len(tts("good morning", vocode=False)["duration"]) == len(phonemize("good morning", "de")) + 1


def test_punctuation_is_spoken_where_the_model_knows_it(make_args, tmp_path):
    tts = speaking(make_args, tmp_path, ",", ".")
    phones = phonemize("good, morning.", "en-us", punctuation=True)
    assert "," in phones
    assert len(tts("good, morning.", vocode=False)["duration"]) == len(phones) + 1


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
