"""Tests of Kaldi tables."""

from __future__ import annotations

import pytest

from espnet_mtl.data import kaldi
from espnet_mtl.errors import UserError


def test_a_table_is_sorted_and_read_back(tmp_path):
    kaldi.write_table(tmp_path / "text", {"b_1": "two  words", "a_2": "ünï", "a_10": 3})
    assert (tmp_path / "text").read_text(encoding="utf-8") == "a_10 3\na_2 ünï\nb_1 two  words\n"
    assert kaldi.read_table(tmp_path / "text") == {"a_10": "3", "a_2": "ünï", "b_1": "two  words"}
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a 1\nb\n", "text:2: expected '<key> <value>', got 'b'"),
        (b"a 1\na 2\n", "text:2: 'a' comes twice"),
        ("a 1\nb Grüße\n".encode("latin-1"), "text:2: not UTF-8"),
        (b"a 1\n\nb 2\n", "text:2: expected '<key> <value>', got ''"),
        (b"a 1\nb \t \n", "text:2: expected '<key> <value>', got 'b'"),
        (b"a 1\nb 2\0\n", "text:2: a NUL character"),
        ("a 1\nb 2\n".encode("utf-16"), "text: text in UTF-16: save it as UTF-8"),
        (b"a 1\nb 2\x0b3\n", r"text:2: the control character U\+000B in"),
        ("a 1\nb\u20282\n".encode(), r"text:2: the control character U\+2028 in"),
        ("a 1\nb\x852\n".encode(), r"text:2: the control character U\+0085 in"),
        ("a 1\nb\u00a02 3\n".encode(), r"text:2: 'b\\xa02' is no key: it holds a space of another kind"),
        ("a 1\n\ufeffb 2\n".encode(), r"text:2: '\\ufeffb' is no key"),
        (b"a 1\n" + b"x" * 100_000 + b"\n", "text:2: expected '<key> <value>', got 'x{80}'$"),
        (b"PK\x03\x04", "text: no text, but a ZIP file"),
    ],
)
def test_a_bad_table_is_named_with_its_line(tmp_path, content, message):
    (tmp_path / "text").write_bytes(content)
    with pytest.raises(UserError, match=message):
        kaldi.read_table(tmp_path / "text")


def test_a_missing_table_names_the_stage_to_run(tmp_path):
    with pytest.raises(UserError, match=r"run stage 3 first: .*pitch\.scp is missing"):
        kaldi.read_table(tmp_path / "pitch.scp", "stage 3")


def test_invert():
    assert kaldi.invert({"b_2": "b", "a_1": "a", "b_1": "b"}) == {"a": "a_1", "b": "b_1 b_2"}


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_a_table(tmp_path):
    (tmp_path / "text").write_bytes("\ufeffa one\r\nb two\r\n".encode())
    assert kaldi.read_table(tmp_path / "text") == {"a": "one", "b": "two"}


@pytest.mark.parametrize(
    "content", ["a one\nb two\n", "b two\na one\n", "a\tone\nb \t two\n", " a one \nb two\t\n", "a one\nb two"]
)
def test_gaps_order_and_a_last_line_without_end_do_not_matter(tmp_path, content):
    (tmp_path / "text").write_text(content)
    assert kaldi.read_table(tmp_path / "text") == {"a": "one", "b": "two"}


def test_a_table_knows_its_lines(tmp_path):
    (tmp_path / "utt2emo").write_text("b two\na one\n")
    table = kaldi.read_table(tmp_path / "utt2emo")
    assert table.where("a") == f"{tmp_path}/utt2emo:2: utterance a"
    table.check_has(["a"], tmp_path / "wav.scp")
    table.check_only({"a": "", "b": ""}, tmp_path / "wav.scp")
    with pytest.raises(UserError, match=r"utt2emo: no line for c, which is in wav.scp \(2 such utterances\)"):
        table.check_has(["a", "c", "d"], tmp_path / "wav.scp")
    with pytest.raises(UserError, match=r"utt2emo:1: utterance b is not in wav.scp: correct the line, or delete it"):
        table.check_only({"a": ""}, tmp_path / "wav.scp")


def test_a_table_that_may_not_be_there_is_not_a_link_to_nowhere(tmp_path):
    assert kaldi.read_optional(tmp_path / "utt2emo") == {}
    (tmp_path / "utt2emo").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match="utt2emo is missing"):
        kaldi.read_optional(tmp_path / "utt2emo")


@pytest.mark.parametrize("line", ["1 2.5", "1 x", "-1 2", "1 nan", "1 ٣", "1 " + "9" * 400, "1e3"])
def test_numbers_that_are_none_are_named_with_their_line(tmp_path, line):
    (tmp_path / "durations").write_text(f"a 3 4\nb {line}\n")
    table = kaldi.read_table(tmp_path / "durations")
    assert kaldi.parse_counts(table, "a") == [3, 4]
    with pytest.raises(UserError, match="durations:2: utterance b: expected whole numbers, got"):
        kaldi.parse_counts(table, "b")


@pytest.mark.parametrize(
    "table",
    [
        {"a b": "1"},
        {"a\u00a0b": "1"},
        {"": "1"},
        {"a": ""},
        {"a": "1\n2"},
        {"a": "1\x0b"},
        {"a\t": "1"},
        {"a": "\udce4"},
    ],
    ids=ascii,
)
def test_what_could_not_be_read_again_is_not_written(tmp_path, table):
    with pytest.raises(UserError, match=f"{tmp_path}/text: "):
        kaldi.write_table(tmp_path / "text", {"z": "fine", **table})
    assert not list(tmp_path.iterdir())
