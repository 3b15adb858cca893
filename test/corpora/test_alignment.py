"""Tests of phone times."""

from __future__ import annotations

import pytest

from espnet_mtl.corpora.alignment import crop_alignment, format_alignment, parse_alignment
from espnet_mtl.errors import UserError

ALIGNMENT = (("h", 0.05), ("ˈaɪ", 0.2), ("pau", 0.3))


def test_written_and_read_back():
    assert format_alignment(ALIGNMENT) == "h:0.0500 ˈaɪ:0.2000 pau:0.3000"
    assert parse_alignment(format_alignment(ALIGNMENT)) == ALIGNMENT


@pytest.mark.parametrize("line", ["h", "h:", "h:x", ":0.1", "h:0.2 a:0.1", "h:nan a:0.1", "h:-0.1", "h:inf"])
def test_a_bad_part_is_named(line):
    with pytest.raises(UserError, match=r"a_1: expected <phone>:<end in seconds"):
        parse_alignment(line, "a_1")


def test_cropping_moves_and_clips():
    assert [end for _, end in crop_alignment(ALIGNMENT, 0.1, 0.25)] == pytest.approx([0.0, 0.1, 0.15])
