"""One form of what looks the same: properties of any text and name."""

import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from espnet_mtl.errors import UserError
from espnet_mtl.system.paths import MOST_BYTES, check_places, file_name, fits_a_line
from espnet_mtl.system.unicode import find_name, normal_name, one_form

INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u202a\u2060\u2066\u00ad\ufeff\ufe0f\u034f\u180e\ufffc\U000e0061\x00\x07\x1b"
SPACES = " \t\n\r\x0b\x0c\x1c\x85\u00a0\u1680\u2003\u2028\u2029\u202f\u3000"
texts = st.text(st.characters(exclude_categories=["Cs"]))
mixed = st.text(st.sampled_from("ae\u0308\u0301ü中क्षیخ ._-/" + INVISIBLE + SPACES))


@given(texts | mixed)
@example("e\u034f\u0301")  # what is taken away brings letter and accent together
@example("\u06a9\u200c\u200c\u06a9")
def test_a_text_has_one_form(text):
    form = one_form(text)
    assert one_form(form) == form
    for other in ("NFC", "NFD"):
        assert one_form(unicodedata.normalize(other, text)) == form
    assert form == form.strip()
    assert "  " not in form
    assert len(form.splitlines()) <= 1
    assert not any(unicodedata.category(character) == "Cc" for character in form)


@given(st.text(st.sampled_from("abcäöü.,")), st.sampled_from(INVISIBLE), st.integers(0, 20))
def test_what_nobody_sees_makes_no_difference(text, mark, place):
    assert one_form(text[:place] + mark + text[place:]) == one_form(text)


@given(st.sampled_from(SPACES))
def test_every_space_is_a_space(space):
    assert one_form(f"{space}a{space}{space}b{space}") == "a b"


@pytest.mark.parametrize("text", ["می\u200cخواهم", "क्\u200dष", "ക്\u200dഷ"])
def test_joiners_stay_where_they_are_part_of_a_word(text):
    assert one_form(text) == unicodedata.normalize("NFC", text)
    assert one_form(f"Auf\u200clage {text}\u200c.\u200d") == f"Auflage {one_form(text)}."


def test_what_can_be_seen_stays():
    seen = "“Don’t” — «oui», ½ £5 ① 😀 ﬁ ＡＢ"
    assert one_form(seen) == seen


names = texts.filter(normal_name)


@given(names | mixed.filter(normal_name))
def test_a_name_is_a_key_of_a_table_whose_form_is_found(name):
    form = normal_name(name)
    assert normal_name(form) == form
    assert f"{form} x".split(None, 1) == [form, "x"]
    assert "/" not in form
    classes = ["one", form, "two"]
    assert find_name("speaker", name, classes) == classes.index(form)
    decomposed = ["one", unicodedata.normalize("NFD", name), "two"]  # as models of before may have it
    assert find_name("speaker", form, decomposed) in (1, decomposed.index(form) if form in decomposed else 1)


def test_a_name_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="unknown speaker 'Zo': did you mean Zoë"):
        find_name("speaker", "Zo", ["Zoë", "Ann"])


any_names = st.text(min_size=1) | st.text(st.sampled_from("ab/\\.~-\x00 \ud800é"), min_size=1, max_size=400)


@given(any_names)
@example("..")
@example("-rf")
@example("/etc/passwd")
@example("名" * 200)
def test_a_file_has_a_name_that_every_disk_takes(name):
    file = file_name(name, ".flac")
    assert len(file.encode()) <= MOST_BYTES + len(".flac")
    assert "/" not in file
    assert "\0" not in file
    assert not file.startswith((".", "-"))
    if name.isalnum() and len(name) < 50:
        assert file == f"{name}.flac"


@given(any_names, any_names)
def test_two_names_are_two_files(one, other):
    assume(one != other)
    assert file_name(one) != file_name(other)
    assert file_name(file_name(one)) != file_name(one) or file_name(one) == one


@given(texts)
def test_a_value_of_a_table_comes_back(tmp_path_factory, text):
    assume(fits_a_line(text) and text)
    from espnet_mtl.data.kaldi import read_table, write_table

    path = tmp_path_factory.getbasetemp() / "table"
    write_table(path, {"key": text})
    assert read_table(path) == {"key": text}


@pytest.mark.parametrize("path", ["a,b", "a[1]", "a|b", "a\nb", "a: b", "a #b", "a\u2028b", "a ", "a\udcff"])
def test_directories_that_tables_cannot_hold_are_refused(path):
    with pytest.raises(UserError, match=r"^--output '.* must not be part of it"):
        check_places({"--output": path})


@pytest.mark.parametrize("path", ["a b", "ä=ö", "中文", "it's", "a;b&c", "#a", "a:b", "<script>", "$x", "-a"])
def test_other_directories_are_taken(path):
    check_places({"--output": path})
