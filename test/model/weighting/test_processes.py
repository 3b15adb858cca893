"""Two processes with half a batch each train as one with the whole."""

import pytest
import torch
from two_processes import train, train_in_two

from espnet_mtl.registry import WEIGHTINGS


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    return train_in_two(tmp_path_factory.mktemp("processes"))


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_two_processes_are_one(processes, name):
    for alone, first, second in zip(train(name), *(process["all"][name] for process in processes), strict=True):
        for key, value in alone.items():
            torch.testing.assert_close(first[key], second[key], rtol=0, atol=0)
            torch.testing.assert_close(first[key], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_a_process_without_labels_of_a_task_weighs_like_the_other(processes, name):
    for first, second in zip(*(process["lacking"][name] for process in processes), strict=True):
        for key, value in first.items():
            assert value.isfinite().all()
            torch.testing.assert_close(second[key], value, rtol=0, atol=0)
    first_losses = first.get("weighting.first")
    assert first_losses is None or first_losses.gt(0).all()
