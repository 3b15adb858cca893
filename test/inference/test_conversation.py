"""A conversation, whose emotion does not jump."""

import pytest
import torch

from espnet_mtl import Controls, Conversation
from espnet_mtl.errors import UserError

TEXT = "good morning"


def mood(conversation):
    return [conversation.mood[name] for name in ("happy", "neutral", "sad")]


def test_a_turn_keeps_some_of_the_mood_before(tts):
    talk = Conversation(tts, memory=0.75, speaker="m1", rate=1.2)
    assert talk.mood is None
    talk.say(TEXT, emotion="sad")
    assert mood(talk) == pytest.approx([0, 0, 1])
    (part,) = talk.say(TEXT, emotion="happy")
    assert mood(talk) == pytest.approx([0.25, 0, 0.75])
    (expected,) = tts.stream(TEXT, emotion={"happy": 0.25, "sad": 0.75}, speaker="m1", rate=1.2)
    torch.testing.assert_close(part["wav"], expected["wav"])
    talk.say(TEXT)  # neutral: the tiny model's text says nothing
    assert mood(talk) == pytest.approx([0.1875, 0.25, 0.5625])


def test_intensity_is_that_of_the_turn(tts):
    talk = Conversation(tts, memory=0.5)
    talk.say(TEXT, emotion="sad")
    (part,) = talk.say(TEXT, emotion="happy", intensity=1.5)
    assert mood(talk) == pytest.approx([0.5, 0, 0.5])
    (expected,) = tts.stream(TEXT, emotion={"happy": 0.5, "sad": 0.5}, intensity=1.5)
    torch.testing.assert_close(part["wav"], expected["wav"])


@pytest.mark.parametrize(("memory", "kept"), [(0, 0), (1, 1)])
def test_the_ends_of_memory(tts, memory, kept):
    talk = Conversation(tts, memory)
    talk.say(TEXT, emotion="sad")
    talk.say(TEXT, emotion="happy")
    assert mood(talk) == pytest.approx([1 - kept, 0, kept])


def test_the_text_decides_where_the_model_can_tell(make_tts):
    tasks = {"tts": {}, "emotion_text": {"head": "classifier", "tap": "encoder", "label": "emotion"}}
    tts = make_tts(tasks=tasks)
    talk = Conversation(tts)
    talk.say(TEXT)
    expected = tts.reader.network.emotion_of_text(tts.reader.token_ids(TEXT, "en-us"))
    assert list(talk.mood.values()) == pytest.approx(expected.tolist(), abs=1e-5)
    for text in (f"<speak>\n<emphasis>{TEXT}</emphasis></speak>", f"{TEXT}\n\n{TEXT}\n{TEXT}"):
        other = Conversation(tts)
        other.say(text)
        assert list(other.mood.values()) == pytest.approx(expected.tolist(), abs=1e-5)
    for text in ("", "<speak>…</speak>", 3):
        with pytest.raises(ValueError, match="text: "):
            Conversation(tts).say(text)


def test_a_turn_that_fails_changes_no_mood(tts):
    talk = Conversation(tts, controls=Controls(speaker="m1"))
    talk.say(TEXT, emotion="sad")
    before = dict(talk.mood)
    for text, options in (("", {}), (TEXT, {"emotion": "glad"}), (TEXT, {"intensity": 99})):
        with pytest.raises(ValueError, match=r"nothing to say|unknown emotion|intensity"):
            talk.say(text, **options)
        assert talk.mood == before


def test_mistakes(tts, make_tts):
    with pytest.raises(UserError, match=r"memory: expected a number from 0 to 1, got 1\.5"):
        Conversation(tts, memory=1.5)
    with pytest.raises(ValueError, match="unknown control 'spekaer'"):
        Conversation(tts, spekaer="m1")
    with pytest.raises(UserError, match="this model has no emotions"):
        Conversation(make_tts(emotions=[], tasks={"tts": {}}))
