"""What `<say-as>` asks for."""

from contextlib import nullcontext

import pytest

from espnet_mtl.errors import UserError
from espnet_mtl.text.normalization.say_as import EXAMPLES, KINDS, say_as

SAID = [
    ("characters", "ab 1", "en-us", "A, B, 1"),
    ("characters", "a.ß", "de", "A, Punkt, Eszett"),
    ("spell-out", "WWW", "pl", "wu, wu, wu"),
    ("digits", "3.5", "en-us", "three point five"),
    ("digits", "3,5", "de", "drei Komma fünf"),
    ("digits", "12 34", "pl", "jeden dwa, trzy cztery"),
    ("digits", "-007", "en-us", "minus zero zero seven"),
    ("digits", "12", "fr-fr", "1, 2"),
    ("telephone", "+49 30 123", "de", "plus vier neun, drei null, eins zwei drei"),
    ("telephone", "(555) 123", "en-us", "five five five, one two three"),
    ("cardinal", "1999", "en-us", "one thousand nine hundred ninety nine"),
    ("cardinal", "-1.234,5", "de", "minus eintausend zweihundert vierunddreißig Komma fünf"),
    ("number", "XII", "pl", "dwanaście"),
    ("cardinal", "42", "fr-fr", "42"),
    ("ordinal", "3", "en-us", "third"),
    ("ordinal", "22nd", "en-gb", "twenty second"),
    ("ordinal", "VIII", "pl", "ósmy"),
    ("date", "2024-03-05", "en-us", "March fifth twenty twenty four"),
    ("date", "05.03.2024", "de", "fünfter März zweitausend vierundzwanzig"),
    ("time", "15:05", "pl", "piętnasta zero pięć"),
    ("currency", "$3.50", "en-us", "three dollars fifty cents"),
    ("unit", "5 km", "pl", "pięć kilometrów"),
    ("fraction", "3/4", "de", "drei Viertel"),
]


@pytest.mark.parametrize(("kind", "written", "language", "said"), SAID)
def test_it_is_said_as_asked(kind, written, language, said):
    assert say_as(written, kind, language) == said


def test_every_kind_is_tested():
    assert {kind for kind, *_ in SAID} == set(KINDS)


def test_a_date_in_a_given_order():
    assert say_as("3/5/2024", "date", "en-us", "dmy") == "May third twenty twenty four"
    assert say_as("3/5", "date", "en-gb", "dm") == "the third of May"
    with pytest.raises(UserError, match=r"unknown format 'dym'.* dmy"):
        say_as("3/5/2024", "date", "en-us", "dym")
    with pytest.raises(UserError, match="'30/30' is no date whose order is dm"):
        say_as("30/30", "date", "en-us", "dm")
    with pytest.raises(UserError, match=r"date: expected what is written as 2024-03-05, got '3/5'"):
        say_as("3/5", "date", "en-us", "dmy")


def test_endings_agree_with_what_is_around():
    assert say_as("3", "ordinal", "de", before="am ", after=" Tag") == "dritten"
    assert say_as("3", "ordinal", "de", before="der ", after=" Mann") == "dritte"
    assert say_as("3", "ordinal", "pl", before="w ", after=" klasie") == "trzeciej"
    assert say_as("5.3.", "date", "de", "dm", before="am ") == "fünften März"


@pytest.mark.parametrize("kind", KINDS)
def test_endless_strings_are_said_or_refused(kind):
    """Where the time were the square of the length, this would take minutes."""
    with pytest.raises(UserError) if kind in ("ordinal", *EXAMPLES) else nullcontext():
        assert say_as("9" * 20_000, kind, "en-us")
    with nullcontext() if kind in ("characters", "spell-out") else pytest.raises(UserError):
        assert say_as("9" * 20_000 + "?", kind, "en-us")


@pytest.mark.parametrize(
    ("kind", "written", "example"),
    [
        ("digits", "abc", "3.5"),
        ("telephone", "-", "555-1234"),
        ("cardinal", "many", "42"),
        ("ordinal", "0", "3rd"),
        ("ordinal", "last", "3rd"),
        ("time", "noon", "12:30"),
        ("currency", "cheap", r"\$3.50"),
    ],
)
def test_what_is_no_such_thing_is_refused(kind, written, example):
    with pytest.raises(
        UserError, match=rf"<say-as>, {kind}: expected what is written as .*{example}.*, got '{written}'"
    ):
        say_as(written, kind, "en-us")
