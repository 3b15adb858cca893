"""Tests of mapping in processes."""

from __future__ import annotations

import math

import pytest

from espnet_mtl.system.processes import parallel_map


@pytest.mark.parametrize("nj", [0, 1, 2])
def test_order_and_progress(nj, capsys):
    values = list(range(1, 12))
    assert list(parallel_map(math.factorial, values, nj, "work")) == [math.factorial(value) for value in values]
    assert "work: 11/11" in capsys.readouterr().err


def test_an_error_in_a_process_comes_through():
    with pytest.raises(ValueError, match="factorial"):
        list(parallel_map(math.factorial, [1, 2, -1, 3], 2, "work"))
