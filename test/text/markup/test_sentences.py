"""Sentences of markup."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_mtl.text.markup.reader import Break, Manner, Span, read_markup
from espnet_mtl.text.markup.sentences import cut, joined, letters, marked_sentences
from espnet_mtl.text.sentences import PARAGRAPH_PAUSE, SENTENCE_PAUSE


def sentences(inner):
    return marked_sentences(read_markup(f"<speak>{inner}</speak>"), "en-us")


def test_a_sentence_ends_where_it_does():
    found = sentences('The <emphasis>red</emphasis> boat. <prosody rate="2">A "river"! And</prosody> more')
    assert [sentence.text for sentence in found] == ["The red boat.", 'A "river"!', "And more"]
    assert [sentence.pause for sentence in found] == [SENTENCE_PAUSE, SENTENCE_PAUSE, 0.0]
    assert [item.manner.rate for item in found[2].items] == [2.0, 1.0]


def test_a_sentence_goes_on_in_the_next_line():
    assert [sentence.text for sentence in sentences("\n  One <emphasis>two</emphasis>\n\n  three.\n")] == [
        "One two three."
    ]


def test_a_sentence_ends_where_the_markup_says():
    found = sentences("<s>One</s><s>two</s><p>three</p>four")
    assert [sentence.text for sentence in found] == ["One", "two", "three", "four"]
    assert [sentence.pause for sentence in found] == [SENTENCE_PAUSE, PARAGRAPH_PAUSE, PARAGRAPH_PAUSE, 0.0]


def test_a_sentence_ends_where_the_voice_changes():
    found = sentences('One <voice name="m1">two</voice> three')
    assert [sentence.text for sentence in found] == ["One", "two", "three"]
    assert [sentence.items[0].manner.voice for sentence in found] == [None, "m1", None]


def test_silences():
    found = sentences('One.<break time="2s"/> Two <break time="100ms"/> three. <break time="50ms"/><s>Four.</s>')
    assert [sentence.text for sentence in found] == ["One.", "Two three.", "Four."]
    assert [sentence.pause for sentence in found] == [2.0, SENTENCE_PAUSE, 0.0]
    assert [item for item in found[1].items if isinstance(item, Break)] == [Break(0.1)]
    assert sentences('<break time="1s"/>One.')[0].pause == 0.0
    assert sentences('One.<break time="1s"/>')[0].pause == 1.0
    assert sentences('One.<break time="1s"/>\n')[0].pause == 1.0
    assert sentences('<p>One.</p>\n<break time="3s"/>')[0].pause == 3.0
    assert [one.pause for one in sentences('<p>One.</p>\n<p><break time="3s"/> Two.</p>')] == [3.0, 0.0]
    assert [one.pause for one in sentences('One.<break time="100ms"/><break time="200ms"/> Two.')] == [
        *(pytest.approx(0.3), 0.0)
    ]
    assert sentences("<p>…</p>") == []


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.sampled_from("ab1 .,!?“”…'"), max_size=12), min_size=1, max_size=6), st.data())
def test_cutting_loses_nothing(texts, data):
    items = [Span(text, Manner(pitch=float(index))) for index, text in enumerate(texts)]
    words = re.findall(r"\w", "".join(texts))
    sizes = data.draw(st.lists(st.integers(1, 5), max_size=5))
    pieces, start = [], 0
    for size in sizes:
        pieces.append("".join(words[start : start + size]))
        start += size
    pieces = [piece for piece in [*pieces, "".join(words[start:])] if piece] or [""]
    groups = cut(items, pieces)
    assert "".join(map(joined, groups)) == "".join(texts)
    assert [letters(joined(group)) for group in groups] == list(map(len, pieces))
    assert all(texts[int(item.manner.pitch)].find(item.text) >= 0 for group in groups for item in group)
