"""Tests of mapping in processes."""

from __future__ import annotations

import math
import signal

import pytest

from espnet_mtl.errors import UserError
from espnet_mtl.system.parallel.mapping import parallel_map


@pytest.mark.parametrize("nj", [0, 1, 2])
def test_order_and_progress(nj, capsys):
    values = list(range(1, 12))
    assert list(parallel_map(math.factorial, values, nj, "work")) == [math.factorial(value) for value in values]
    assert "work: 11/11" in capsys.readouterr().err


def test_an_error_in_a_process_comes_through():
    with pytest.raises(ValueError, match="factorial"):
        list(parallel_map(math.factorial, [1, 2, -1, 3], 2, "work"))


def test_a_process_that_is_killed_is_told():
    with pytest.raises(UserError, match=r"stage 3: a process was killed; perhaps memory ran out: lower --nj \(2\)"):
        list(parallel_map(signal.raise_signal, [signal.SIGKILL] * 2, 2, "stage 3"))
