"""Speech markup: what it says, and what is wrong with it."""

import unicodedata

import pytest

from espnet_mtl.errors import UserError
from espnet_mtl.text.markup.reader import LONGEST, Break, Manner, Span, is_markup, read_markup


def speak(inner):
    return f'<speak version="1.1" xmlns:mstts="http://www.w3.org/2001/mstts">{inner}</speak>'


def only_span(inner):
    (item,) = read_markup(speak(inner))
    assert isinstance(item, Span)
    return item


@pytest.mark.parametrize(
    ("inner", "manner"),
    [
        ("a", Manner()),
        ('<voice name=" m1 ">a</voice>', Manner(voice="m1")),
        ('<lang xml:lang="de-DE">a</lang>', Manner(language="de-de")),
        ('<mstts:express-as style="sad">a</mstts:express-as>', Manner(emotion="sad")),
        (
            '<mstts:express-as style="sad:0.3,neutral:0.7" styledegree="1.5">a</mstts:express-as>',
            Manner(emotion="sad:0.3,neutral:0.7", intensity=1.5),
        ),
        ("<emphasis>a</emphasis>", Manner(rate=0.9, pitch=1.0, pitch_range=1.2, energy=1.5)),
        ('<emphasis level="none">a</emphasis>', Manner()),
    ],
)
def test_elements(inner, manner):
    assert only_span(inner) == Span("a", manner)


@pytest.mark.parametrize(
    ("attribute", "control", "value"),
    [
        ('rate="slow"', "rate", 0.75),
        ('rate="1.2"', "rate", 1.2),
        ('rate="120%"', "rate", 1.2),
        ('rate="+20%"', "rate", 1.2),
        ('rate="-20%"', "rate", 0.8),
        ('pitch="high"', "pitch", 3.0),
        ('pitch="+2st"', "pitch", 2.0),
        ('pitch="-1.5 st"', "pitch", -1.5),
        ('pitch="+100%"', "pitch", 12.0),
        ('pitch="50%"', "pitch", -12.0),
        ('range="x-low"', "pitch_range", 0.4),
        ('range="+30%"', "pitch_range", 1.3),
        ('volume="soft"', "energy", -6.0),
        ('volume="+3dB"', "energy", 3.0),
        ('volume="-6dB"', "energy", -6.0),
    ],
)
def test_prosody(attribute, control, value):
    manner = only_span(f"<prosody {attribute}>a</prosody>").manner
    assert getattr(manner, control) == pytest.approx(value)
    assert manner == Manner(**{control: getattr(manner, control)})


def test_one_inside_another():
    text = '<prosody rate="2" pitch="+2st">a<prosody rate="50%" pitch="-5st" volume="+3dB">b</prosody>c</prosody>'
    outer, inner, after = read_markup(speak(text))
    assert outer == Span("a", Manner(rate=2.0, pitch=2.0))
    assert inner == Span("b", Manner(rate=1.0, pitch=-3.0, energy=3.0))
    assert after.manner == outer.manner


def test_said_in_place_of_what_is_written():
    assert only_span('<sub alias="World Wide Web">WWW</sub>').text == "World Wide Web"
    assert only_span('<sub alias="nothing"/>').text == "nothing"
    assert only_span('<phoneme alphabet="ipa" ph="təˈmɑːtoʊ">tomato</phoneme>') == Span("tomato", Manner(), "təˈmɑːtoʊ")
    assert only_span('<say-as interpret-as="cardinal">42</say-as>') == Span("42", Manner(), kind="cardinal")
    dated = only_span('<say-as interpret-as="date" format="dmy">1/2/2024</say-as>')
    assert dated == Span("1/2/2024", Manner(), kind="date", form="dmy")
    assert only_span("a &amp; b<!-- comment --> c").text == "a & b c"


@pytest.mark.parametrize(
    ("attributes", "seconds"),
    [("", 0.4), ('strength="x-strong"', 1.0), ('time="300ms"', 0.3), ('time="1.5s" strength="weak"', 1.5)],
)
def test_breaks(attributes, seconds):
    assert read_markup(speak(f"<break {attributes}/>")) == [Break(pytest.approx(seconds))]


def test_sentences_and_paragraphs():
    items = read_markup(speak("<p><s>a</s>b</p>"))
    assert [item.text if isinstance(item, Span) else item.ends for item in items] == [
        *("paragraph", "sentence", "a", "sentence", "b", "paragraph")
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<speak>\n  a", "line 2, column 4: no element found"),
        ("<speak><p>a</speak>", "line 1, column 14: mismatched tag"),
        ("<speak>a & b</speak>", r"not well-formed \(invalid token\)"),
        ("<speak><b>a</b></speak>", r"line 1, column 8: <b>: unknown element '<b>': .* Valid: <break>, <emphasis>,"),
        ("<speak>\n<prosody speed='2'/></speak>", "line 2, column 1: <prosody>: unknown attribute 'speed': .*rate"),
        (
            "<speak><prosody rate='quick'/></speak>",
            "rate: expected one of x-slow, .* or 1.2, 120% or \\+20%, got 'quick'",
        ),
        ("<speak><prosody rate='+2'/></speak>", "rate: expected a factor such as 1.2, or \\+20%, got '\\+2'"),
        ("<speak><prosody rate='0'/></speak>", "rate: expected a number from 0.1 to 10"),
        ("<speak><prosody pitch='200Hz'/></speak>", "pitch: expected one of x-low, .* \\+2st or -10%, got '200Hz'"),
        ("<speak><prosody pitch='-100%'/></speak>", "pitch: expected more than -100%"),
        ("<speak><prosody pitch='+30st'/></speak>", "pitch: expected a number from -24 to 24"),
        ("<speak><prosody volume='loudest'/></speak>", "volume: expected one of silent"),
        ("<speak><prosody rate='4'><prosody rate='4'/></prosody></speak>", "column 26: <prosody>: rate: .* got 16.0"),
        ("<speak><break time='3h'/></speak>", "<break>: time: expected a time such as 300ms or 1.5s, got '3h'"),
        ("<speak><break time='-1s'/></speak>", "got '-1s'"),
        ("<speak><break time='11s'/></speak>", "time: expected a number from 0 to 10, got 11.0"),
        ("<speak><break strength='big'/></speak>", "unknown strength 'big'"),
        ("<speak><break>a</break></speak>", "<break> holds nothing"),
        ("<speak><emphasis level='big'/></speak>", "unknown level 'big'"),
        ("<speak><sub>a</sub></speak>", "<sub>: the attribute alias is missing"),
        ("<speak><voice/></speak>", "<voice>: the attribute name is missing"),
        ("<speak><lang>a</lang></speak>", "<lang>: the attribute xml:lang is missing"),
        ("<speak><phoneme ph=' '>a</phoneme></speak>", "<phoneme>: the attribute ph is missing"),
        ("<speak><phoneme alphabet='sampa' ph='a'>a</phoneme></speak>", "unknown alphabet 'sampa'"),
        ("<speak><phoneme ph='a'><s>a</s></phoneme></speak>", "<s>: there can be no element inside <phoneme>"),
        ("<speak><say-as interpret-as='song'>a</say-as></speak>", "unknown interpret-as 'song'"),
        ("<speak><mstts:express-as>a</mstts:express-as></speak>", "the attribute style is missing"),
        (
            "<speak><mstts:express-as style='sad' styledegree='9'/></speak>",
            "styledegree: expected a number from 0 to 2",
        ),
        ("<speak><mstts:express-as style='sad' styledegree='a'/></speak>", "from 0 to 2, got 'a'"),
        ("<speak><speak>a</speak></speak>", "<speak> stands at the beginning alone"),
        ("<p>a</p>", "<p>: the first element must be <speak>"),
        ("<speak>&x;</speak>", "line 1, column 8: undefined entity"),
    ],
)
def test_mistakes(text, message):
    with pytest.raises(UserError, match=f"^markup, .*{message}"):
        read_markup(text)


BOMB = '<!DOCTYPE speak [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><speak>&b;</speak>'
FILE = '<!DOCTYPE speak [<!ENTITY f SYSTEM "file:///etc/passwd">]><speak>&f;</speak>'


@pytest.mark.parametrize("text", [BOMB, FILE, '<!DOCTYPE speak SYSTEM "http://127.0.0.1/speak.dtd"><speak>a</speak>'])
def test_entities_are_refused(text):
    with pytest.raises(UserError, match="document types and entities of one's own are not read"):
        read_markup(text)


def test_it_has_an_end():
    with pytest.raises(UserError, match=f"at most {LONGEST} are read"):
        read_markup(speak("a" * LONGEST))


def test_a_declaration_of_what_the_text_is_no_more():
    """It was decoded before."""
    for encoding in ("ISO-8859-1", "utf-16"):
        (span,) = read_markup(f'\ufeff<?xml version="1.0" encoding="{encoding}"?>\n<speak>Café</speak>')
        assert span.text == "Café"


def test_a_declaration_is_one_at_the_beginning_only():
    (span,) = read_markup('<speak><![CDATA[say <?xml version="1.0"?> now]]></speak>')
    assert span.text == 'say <?xml version="1.0"?> now'
    with pytest.raises(UserError, match=r"line 2, column \d+: XML or text declaration not at start of entity"):
        read_markup('<speak>\n<?xml version="1.0"?>a</speak>')
    with pytest.raises(UserError, match="line 1, column 27: <bad>"):
        read_markup('<?xml version="e\u0301"?><speak><bad/></speak>')


@pytest.mark.parametrize("before", ["<!--{}-->", "{}", "<?xml {}"])
def test_many_declarations_take_no_time(before):
    many = "<?xml " * 150_000
    with pytest.raises(UserError, match="markup, line 1, column"):
        read_markup(f"{before.format(many)}<speak><a/></speak>")


def test_letters_are_composed():
    (span,) = read_markup(speak(unicodedata.normalize("NFD", "안녕 é")))
    assert span.text == unicodedata.normalize("NFC", "안녕 é")


def test_lines_are_those_of_the_text():
    with pytest.raises(UserError, match="markup, line 5, column 1: <foo>"):
        read_markup("\n\n\n<speak>\n<foo/></speak>")


@pytest.mark.parametrize(
    "before",
    ["\ufeff", "  ", "\n \t", "\u2003", '<?xml version="1.0"?>', '\ufeff <?xml version="1.0"\n encoding="utf-8"?> '],
)
def test_columns_are_those_of_the_text(before):
    text = f"{before}<speak>a<foo/></speak>"
    place = text.index("<foo") - text.rfind("\n", 0, text.index("<foo"))
    with pytest.raises(UserError, match=f"markup, line {1 + before.count(chr(10))}, column {place}: <foo>"):
        read_markup(text)


@pytest.mark.parametrize("ph", ["", "a"])
def test_phones_without_a_word(ph):
    with pytest.raises(UserError, match=r"<phoneme>: .*(missing|between its tags)"):
        read_markup(speak(f"A <phoneme ph='{ph}'/> b"))


def test_many_comments_take_no_time():
    assert not is_markup("<!-- x -->\n" * 5000 + "Hello.")
    assert is_markup("<!-- x -->\n" * 5000 + "<speak>a</speak>")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<speak>a</speak>", True),
        ('<?xml version="1.0"?><!DOCTYPE speak PUBLIC "a" "b"><speak>a</speak>', True),
        ("<?xml version='1.0'?><?pi?><speak/>", True),
        ("\ufeff<speak>a</speak>", True),
        ("<!-- <speak>", False),
        ("<speak", False),
        (' \n<?xml version="1.0"?>\n<!-- a -->\n<speak version="1.1">a</speak>', True),
        ("a < b", False),
        ("<3 you", False),
        ("<speaker>a</speaker>", False),
        ("He said <speak>.", False),
        ("<p>a</p>", False),
        ("", False),
    ],
)
def test_what_is_plainly_no_markup_is_text(text, expected):
    assert is_markup(text) is expected
