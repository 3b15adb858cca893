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
