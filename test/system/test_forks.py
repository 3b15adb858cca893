"""A model that is used in a process forked off its own is an error there, where it would wait forever."""

import copy
import os
import pickle

import pytest
import torch

from espnet_mtl.errors import UserError
from espnet_mtl.system.forks import HomeProcess


def answer_of_a_fork(ask) -> str:
    """Calls a function in a process forked off this one, and returns what it says or raises."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = ask() or "went well"
        except UserError as error:
            said = str(error)
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read, encoding="utf-8") as file:
        return file.read()


@pytest.fixture
def threads():
    """Sets the number of PyTorch's threads for a test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_in_its_own_process_all_is_well(threads):
    threads(2)
    HomeProcess().check("cpu")
    HomeProcess().check("cuda")


def test_a_process_that_was_forked_off(threads):
    home = HomeProcess()
    threads(2)
    said = answer_of_a_fork(lambda: home.check("cpu"))
    assert said.startswith(f"the model was loaded in process {os.getpid()}, and PyTorch with 2 threads cannot go on")
    assert said.endswith("('spawn')), or call torch.set_num_threads(1) in this one first")
    assert "and CUDA cannot go on" in answer_of_a_fork(lambda: home.check("cuda:0"))


def test_with_one_thread_it_goes_on(threads):
    home = HomeProcess()
    threads(1)
    assert answer_of_a_fork(lambda: home.check("cpu")) == "went well"


def test_a_copy_is_of_the_process_that_makes_it(threads):
    home = HomeProcess()
    threads(2)
    packed = pickle.dumps(home)
    assert answer_of_a_fork(lambda: pickle.loads(packed).check("cpu")) == "went well"
    assert copy.deepcopy(home).pid == os.getpid()


def test_a_model_in_a_fork(tts, threads):
    threads(2)
    assert "cannot go on" in answer_of_a_fork(lambda: str(tts("good morning", vocode=False).keys()))
