"""Markup, as a model says it: what each token gets, in one pass of the network a sentence."""

from time import process_time

import numpy as np
import pytest
import torch

from espnet_mtl.errors import UserError
from espnet_mtl.inference.reading import plan
from espnet_mtl.inference.request.controls import Controls
from espnet_mtl.text.espeak import phonemize

SPEAK = '<speak version="1.1" xmlns:mstts="http://www.w3.org/2001/mstts">{}</speak>'


def parts(tts, inner, **controls):
    return list(plan(tts, SPEAK.format(inner), Controls(**controls)))


def one(tts, inner, **controls):
    (part,) = parts(tts, inner, **controls)
    return part


def test_plain_text_in_markup_is_that_text(tts):
    (said,) = tts.stream(SPEAK.format("Good morning."), speaker="m1", emotion="sad")
    (plain,) = tts.stream("Good morning.", speaker="m1", emotion="sad")
    assert torch.equal(said["wav"], plain["wav"])
    assert said["prosody"].timed_words == plain["prosody"].timed_words


def test_controls_of_tokens(tts):
    good, morning = len(phonemize("good")), len(phonemize("morning"))
    inner = 'Good <prosody rate="50%" pitch="+2st" range="+50%" volume="-6dB">morning</prosody>.'
    part = one(tts, inner, rate=2.0, pitch=1.0, energy=1.0)
    expected = {"rate": (2, 1), "pitch": (1, 3), "pitch_range": (1, 1.5), "energy": (1, -5)}
    for name, (before, after) in expected.items():
        np.testing.assert_allclose(getattr(part.controls, name), [before] * good + [after] * morning)
    (said,) = tts.stream(SPEAK.format(inner), rate=2.0, pitch=1.0, energy=1.0)
    np.testing.assert_allclose(said["prosody"].gain[:-1], part.controls.energy)


def test_the_network_is_run_once_a_sentence(tts, monkeypatch):
    runs = []
    original = tts.model.inference
    monkeypatch.setattr(tts.model, "inference", lambda *given, **named: runs.append(1) or original(*given, **named))
    inner = 'Good <emphasis>morning</emphasis> <mstts:express-as style="sad">good</mstts:express-as>. Morning.'
    assert len(list(tts.stream(SPEAK.format(inner)))) == len(runs) == 2


def test_an_emotion_changes_within_a_sentence(tts):
    inner = 'Good <mstts:express-as style="sad">morning</mstts:express-as>'
    weights = torch.from_numpy(one(tts, inner, emotion="happy").utterance.weights)
    good = len(phonemize("good"))
    happy, sad = (torch.eye(3)[tts.emotions.index(name)] for name in ("happy", "sad"))
    torch.testing.assert_close(weights[: good - 1], happy.expand(good - 1, 3))
    torch.testing.assert_close(weights[good + 1 :], sad.expand(len(weights) - good - 1, 3))
    # Smooth where they meet
    torch.testing.assert_close(weights[good - 1], 0.75 * happy + 0.25 * sad)
    torch.testing.assert_close(weights[good], 0.25 * happy + 0.75 * sad)
    (said,) = tts.stream(SPEAK.format(inner), emotion="happy")
    assert said["wav"].isfinite().all()


def test_one_emotion_is_that_of_a_call(tts):
    inner = '<mstts:express-as style="sad" styledegree="0.5">Good morning</mstts:express-as>'
    (said,) = tts.stream(SPEAK.format(inner))
    (plain,) = tts.stream("Good morning", emotion="sad", intensity=0.5)
    assert torch.equal(said["wav"], plain["wav"])


def test_voices(tts):
    said = list(tts.stream(SPEAK.format('Good <voice name="m1">morning</voice> <voice name="f1:1,m1:1">good</voice>')))
    plain = [next(tts.stream(text, speaker=who))["wav"] for text, who in (("Good", "f1"), ("morning", "m1"))]
    for part, wave in zip(said, plain, strict=False):
        assert torch.equal(part["wav"][: len(wave)], wave)
    assert "speakers" in said[2]["prosody"].utterance.voice


def test_the_first_voice(tts):
    (said,) = tts.stream(SPEAK.format('\n <voice name="m1">Good</voice>\n'))
    (plain,) = tts.stream("Good", speaker="m1")
    assert torch.equal(said["wav"], plain["wav"])


def test_silences(make_tts):
    tts = make_tts("pau")
    (said,) = tts.stream(SPEAK.format('Good <break time="640ms"/> morning'))
    prosody = said["prosody"]
    place = prosody.tokens.index("pau")
    assert prosody.tokens == [*phonemize("good"), "pau", *phonemize("morning")]
    assert prosody.durations[place] * prosody.frame == pytest.approx(0.64)
    (comma,) = tts.stream(SPEAK.format('Good,<break time="640ms"/> morning'))
    assert comma["prosody"].tokens.count("pau") == 1
    (other,) = tts.stream(SPEAK.format('Good, morning <break time="640ms"/> good'), pause=0.32)
    silent = [token == "pau" for token in other["prosody"].tokens]
    assert (other["prosody"].durations[:-1][silent] * other["prosody"].frame).tolist() == pytest.approx([0.32, 0.64])
    with pytest.raises(UserError, match="<break>: this model has no token for a pause"):
        make_tts().stream(SPEAK.format('Good <break time="640ms"/> morning'))


def test_silences_add_up(make_tts):
    tts = make_tts("pau")
    (said,) = tts.stream(SPEAK.format('Good <break time="320ms"/> <break time="640ms"/> morning'))
    prosody = said["prosody"]
    assert prosody.durations[prosody.tokens.index("pau")] * prosody.frame == pytest.approx(0.96)
    (first,) = tts.stream(SPEAK.format('<break time="1s"/>Good'))
    (plain,) = tts.stream("Good")
    assert not first["wav"][:16000].any()
    assert torch.equal(first["wav"][16000:], plain["wav"])
    with pytest.raises(UserError, match="<break>: 12 s of silence within a sentence, at most 10 s"):
        parts(tts, 'Good <break time="6s"/> <break time="6s"/> morning')
    with pytest.raises(UserError, match="a silence of more than 600 s"):
        parts(tts, "Good." + '<break time="10s"/>' * 61 + " Good.")


def test_the_token_of_a_silence(make_tts):
    assert one(make_tts("!", ",", "."), "Good <break/> morning").utterance.tokens[3] == ","


def test_characters_around_a_silence(make_tts):
    tts = make_tts("g", "o", "i", "r", ",", "<space>", token_type="char")
    part = one(tts, "good <break/>morning")
    assert "".join(part.utterance.tokens) == "good,<space>morning"


def test_a_language_of_all(make_tts):
    tts = make_tts("a", "ɔ", languages=["de", "en-us"])
    part = one(tts, '<lang xml:lang="de">Morgen</lang>', language="en-us")
    assert part.utterance.voice["lids"].tolist() == [0]


def test_an_intensity_of_the_call(tts):
    inner = '<mstts:express-as style="sad">Good</mstts:express-as>'
    (said,) = tts.stream(SPEAK.format(inner), intensity=0)
    (plain,) = tts.stream("Good", emotion="neutral")
    assert torch.equal(said["wav"], plain["wav"])


def test_much_markup_takes_no_more_than_its_share(make_tts):
    tts = make_tts("pau")
    inner = "Good morning. " * 3000
    start = process_time()
    assert len(parts(tts, inner)) == 3000
    assert process_time() - start < 60  # it was quadratic: minutes
    with pytest.raises(UserError, match="at least 8000 tokens, but 1000 are the most"):
        parts(tts, "good " * 8000)


def test_given_phones(tts):
    part = one(tts, 'Good <phoneme ph="ɡˈʊd ɪŋ">tomato</phoneme>, good')
    good = phonemize("good")
    assert part.utterance.tokens == [*good, *good, "ɪ", "ŋ", *good]
    assert [word.text for word in part.utterance.words] == ["Good", "tomato", "good"]
    with pytest.raises(UserError, match="phones '<unk>': this model has no '<'"):
        parts(tts, '<phoneme ph="&lt;unk&gt;">good</phoneme>')
    with pytest.raises(UserError, match=r"markup, 'Good tomato': phones 'xyz': this model has no 'x'"):
        parts(tts, 'Good <phoneme ph="xyz">tomato</phoneme>')


def test_languages(make_tts):
    tts = make_tts("ɔ", "ɛ", languages=["de", "en-us"])
    part = one(tts, 'Good <lang xml:lang="de-DE">Morgen</lang>', language="en-us")
    assert part.utterance.tokens == [*phonemize("Good", "en-us"), *phonemize("Morgen", "de")]
    assert one(tts, '<lang xml:lang="en-GB">Good</lang>', language="en-us").utterance.tokens == phonemize(
        "Good", "en-us"
    )
    with pytest.raises(UserError, match="xml:lang 'fr': this model speaks de, en-us"):
        parts(tts, '<lang xml:lang="fr">Bon</lang>', language="en-us")


@pytest.mark.parametrize("token_type", ["char", "bpe"])
def test_other_tokens(make_tts, token_type, tmp_path):
    tokens = ["g", "i", "o", "r", "<space>"]  # the tiny model has the others
    model = None
    if token_type == "bpe":
        import sentencepiece

        (tmp_path / "text").write_text("good morning\n" * 20)
        options = {"vocab_size": 11, "model_prefix": str(tmp_path / "bpe"), "minloglevel": 2}
        sentencepiece.SentencePieceTrainer.train(input=str(tmp_path / "text"), **options)
        model = str(tmp_path / "bpe.model")
        processor = sentencepiece.SentencePieceProcessor(model_file=model)
        pieces = {processor.id_to_piece(number) for number in range(3, processor.vocab_size())}
        tokens = sorted(pieces - set(phonemize("good morning", "en-us")))
    tts = make_tts(*tokens, token_type=token_type, bpemodel=model)
    part = one(tts, 'good <prosody pitch="+2st">morning</prosody> good')
    names = part.utterance.tokens
    assert names == tts.reader.tokens("good morning good", "en-us")
    shifted = "".join(name for name, pitch in zip(names, part.controls.pitch, strict=True) if pitch == 2)
    assert shifted.replace("<space>", "").replace("▁", "") == "morning"
    with pytest.raises(UserError, match=f"<phoneme>: this model reads {token_type} tokens, not phones"):
        parts(tts, '<phoneme ph="a">good</phoneme>')


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        ('<voice name="m9">Good</voice>', "markup, 'Good': unknown speaker 'm9': Valid: f1, m1"),
        ('<mstts:express-as style="glad">Good</mstts:express-as>', "markup, 'Good': unknown emotion 'glad'"),
        ('Good <mstts:express-as style="glad">Good</mstts:express-as>', "unknown emotion 'glad'"),
        ("…", "there is nothing to say"),
        ("<prosody rate='x'>Good</prosody>", "markup, line 1, column"),
    ],
)
def test_mistakes_are_told_at_once(tts, inner, message):
    with pytest.raises(UserError, match=message):
        tts.stream(SPEAK.format(inner))


def test_a_call_says_who_reads_markup(tts):
    with pytest.raises(UserError, match=r"this is markup, which Text2Speech\.stream reads"):
        tts(SPEAK.format("Good morning"))


def test_tacotron2_says_what_it_cannot(make_tts):
    from test.model.backbones.test_tacotron2 import TINY_TACOTRON

    tts = make_tts(tts="tacotron2", tts_conf=dict(TINY_TACOTRON))
    assert one(tts, '<prosody volume="loud">Good</prosody>').controls.energy.tolist() == [4.0] * len(phonemize("Good"))
    with pytest.raises(UserError, match="markup, 'Good': rate: tacotron2 predicts neither durations nor pitch"):
        parts(tts, '<prosody rate="fast">Good</prosody>')


def words(part):
    return [word.text for word in part.utterance.words]


def test_numbers_of_markup_are_said_as_in_plain_text(tts):
    (plain,) = tts.stream("It costs $3.50 at 5 p.m.")
    part = one(tts, 'It costs <emphasis>$3.50</emphasis> at <prosody rate="2">5 p.m.</prosody>')
    assert part.utterance.ids.tolist() == plain["prosody"].utterance.ids.tolist()
    assert words(part) == [word.text for word in plain["prosody"].words]
    rates = dict(zip(words(part), (part.controls.rate[word.first] for word in part.utterance.words), strict=True))
    assert rates == {
        **{"It": 1.0, "costs": 1.0, "three": 0.9, "dollars": 0.9, "fifty": 0.9, "cents": 0.9, "at": 1.0},
        **{"five": 2.0, "p.m": 2.0},
    }


def test_a_number_over_two_elements_belongs_to_the_first_one(tts):
    part = one(tts, 'A <prosody rate="2">$5</prosody><prosody rate="0.5">.50 b</prosody>')
    assert words(part) == ["A", "five", "dollars", "fifty", "cents", "b"]
    assert [part.controls.rate[word.first] for word in part.utterance.words] == [1, 2, 2, 2, 2, 0.5]


def test_what_is_not_read_moves_no_control(tts, caplog):
    part = one(tts, 'Good привет <prosody rate="2">morning</prosody>')
    assert words(part) == ["Good", "morning"]
    assert [part.controls.rate[word.first] for word in part.utterance.words] == [1, 2]


def test_say_as(tts):
    inner = '<say-as interpret-as="{}">{}</say-as>'
    assert words(one(tts, inner.format("digits", "3.5"))) == ["three", "point", "five"]
    assert words(one(tts, inner.format("cardinal", "1999")))[0] == "one"
    assert words(one(tts, "The " + inner.format("ordinal", "3"))) == ["The", "third"]
    assert words(one(tts, '<sub alias="5 km">x</sub>')) == ["five", "kilometers"]
    with pytest.raises(UserError, match="markup, 'noon': <say-as>, time: expected what is written as 12:30"):
        parts(tts, inner.format("time", "noon"))


def test_say_as_of_another_language(make_tts):
    tts = make_tts("a", "ɔ", languages=["de", "en-us"])
    inner = '<lang xml:lang="de">am <say-as interpret-as="ordinal">3</say-as> Tag</lang>'
    assert words(one(tts, inner, language="en-us")) == ["am", "dritten", "Tag"]
