"""A text that would take all memory is refused, with its number of tokens, the limit and what to do."""

import re

import numpy as np
import pytest

from espnet_mtl.config.numbers import MAX_TOKENS
from espnet_mtl.errors import UserError
from espnet_mtl.inference.request.length import check_lines
from espnet_mtl.text.tokens import Tokenizer
from test.model.backbones.test_tacotron2 import TINY_TACOTRON

PAGE = "Good morning, good morning. " * 100
REMEDY = "Speak it sentence by sentence, or raise max_tokens"


@pytest.fixture
def speaks(make_tts, monkeypatch):
    """Speaks with a tiny model that must not be asked: a text that is too long is refused before."""

    def speak(text, options=None, **call):
        tts = make_tts(",", options=options)
        monkeypatch.setattr(tts.model, "inference", lambda *args, **given: pytest.fail("the network was asked"))
        tts(text, **call)

    return speak


def test_a_page_is_refused(speaks):
    message = rf"text: 1[0-9]{{3}} tokens, but {MAX_TOKENS} are the most: the memory .* {REMEDY}"
    with pytest.raises(UserError, match=message):
        speaks(PAGE)


def test_token_ids_are_counted(speaks):
    with pytest.raises(UserError, match=rf"text: {MAX_TOKENS + 1} tokens, but {MAX_TOKENS} are the most"):
        speaks(np.full(MAX_TOKENS + 1, 2))


def test_the_limit_can_be_changed(make_tts):
    tts = make_tts(options={"max_tokens": 3})
    tts([2, 3, 4], vocode=False)
    with pytest.raises(UserError, match="text: 4 tokens, but 3 are the most"):
        tts([2, 3, 4, 5], vocode=False)
    with pytest.raises(UserError, match=r"Text2Speech.max_tokens: .*at least 1.*, got 0"):
        make_tts(options={"max_tokens": 0})


def test_slow_speech_is_as_long_as_more_of_it(make_tts):
    tts = make_tts(options={"max_tokens": 6, "speed_control_alpha": 2.0})
    tts([2, 3, 4], vocode=False)
    message = r"text: 4 tokens, but 6 are the most (with durations 2 times as long, 3)"
    with pytest.raises(UserError, match=re.escape(message)):
        tts([2, 3, 4, 5], vocode=False)
    tts([2, 3, 4, 5], vocode=False, decode_conf={"alpha": 1.0})
    tts([2, 3, 4, 5, 6, 7], vocode=False, decode_conf={"alpha": 0.5})  # it is counted as it is spoken, at most
    with pytest.raises(UserError, match="7 tokens, but 6"):
        tts([2, 3, 4, 5, 6, 7, 8], vocode=False, decode_conf={"alpha": 0.5})


def test_a_book_is_refused_by_its_words(speaks, monkeypatch):
    monkeypatch.setattr(Tokenizer, "line", lambda *text: pytest.fail("this takes minutes"))
    with pytest.raises(UserError, match="text: at least 400000 tokens, but 1000 are the most"):
        speaks(PAGE * 1000)


def test_what_is_no_word_does_not_count(make_tts):
    make_tts(options={"max_tokens": 12})("good morning" + " -" * 20, vocode=False)


def test_tacotron2_has_the_limit_too(make_tts):
    tts = make_tts(tts="tacotron2", tts_conf=dict(TINY_TACOTRON), options={"max_tokens": 3, "maxlenratio": 1.0})
    tts([2, 3, 4], vocode=False)
    with pytest.raises(UserError, match="text: 4 tokens, but 3 are the most"):
        tts([2, 3, 4, 5], vocode=False)


def test_utterances_are_named():
    lines = {"u1": "a b c", "u2": "a b c d"}
    check_lines(lines, Tokenizer("phn"), 4)
    with pytest.raises(UserError, match="utterance u2: 4 tokens, but 3 are the most"):
        check_lines(lines, Tokenizer("phn"), 3)
