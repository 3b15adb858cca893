"""What a command says, in one line, of a user's mistakes and of what the system refuses."""

import errno
import os
import subprocess
import sys
import threading

import pytest
import torch
from torch._utils import ExceptionWrapper

from espnet_mtl.errors import USER_ERROR, UserError, run_command

TORCH_OUT_OF_MEMORY = (
    "[enforce fail at alloc_cpu.cpp:121] data. DefaultCPUAllocator: can't allocate memory: "
    "you tried to allocate 4000000000000 bytes. Error code 12 (Cannot allocate memory)"
)
KILLED = "DataLoader worker (pid(s) 7) exited unexpectedly"


def raising(error):
    def main():
        raise error

    return main


def said(main, capsys):
    """What a command prints that ends with a user's error."""
    with pytest.raises(SystemExit) as stopped:
        run_command(main)
    assert stopped.value.code == USER_ERROR
    (line,) = capsys.readouterr().err.splitlines()
    return line


def system(number, *place):
    return OSError(number, os.strerror(number), *place)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (UserError("tasks: no such head"), "error: tasks: no such head"),
        (system(errno.EROFS, "exp/a"), "error: exp/a: Read-only file system: choose a directory that may be written"),
        (system(errno.EACCES, "exp/a"), "error: exp/a: Permission denied: choose a directory that may be written"),
        (system(errno.ENOTDIR, "exp/a"), "error: exp/a: Not a directory: a part of this path"),
        (system(errno.EEXIST, "exp"), "error: exp: File exists: a directory is needed here, and this is a file"),
        (system(errno.ENOENT, "exp/a"), "error: exp/a: No such file or directory"),
        (system(errno.ELOOP, "exp/a"), "error: exp/a: Too many levels of symbolic links: a link of this path leads"),
        (system(errno.ENAMETOOLONG, "a"), "error: a: File name too long: choose a shorter name"),
        (system(errno.EMFILE, "exp/a"), "error: exp/a: Too many open files: raise the limit on open files (ulimit -n)"),
        (system(errno.EROFS, "from", None, "to"), "error: to: Read-only file system"),
        (system(errno.EAGAIN), "error: Resource temporarily unavailable: lower --nj"),
        (MemoryError(), "error: out of memory: lower --nj or, of a training, batch_bins"),
        (RuntimeError(TORCH_OUT_OF_MEMORY), "error: out of memory ([enforce fail"),
        (
            ImportError("libtorch_cpu.so: failed to map segment from shared object"),
            "error: out of memory (libtorch_cpu",
        ),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "error: out of memory (CUDA out of"),
        (RuntimeError(KILLED), f"error: {KILLED} Perhaps memory ran out: lower num_workers or batch_bins"),
    ],
)
def test_it_is_one_line_that_says_where_and_what_helps(error, words, capsys):
    assert said(raising(error), capsys).startswith(words)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_named_with_the_room_that_is_left(number, capsys, tmp_path):
    line = said(raising(system(number, str(tmp_path / "not/there"))), capsys)
    assert line.startswith(f"error: {tmp_path}/not/there: {os.strerror(number).lower()} (")
    assert " MB free after clean-up): " in line
    assert line.endswith(", and run the same command again")
    assert "/dev/shm" in said(raising(system(number)), capsys)


def test_a_full_disk_is_found_below_the_error_that_it_caused(capsys):
    def main():
        try:
            raise system(errno.ENOSPC, "exp/a")
        except OSError:
            raise RuntimeError("unexpected pos 14576320 vs 14576212")  # noqa: B904 (PyTorch does so)

    assert said(main, capsys).startswith("error: exp/a: no space left on device (")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (UserError("utterance a: no such emotion"), "error: utterance a: no such emotion"),
        (system(errno.ENOENT, "dump/a.ark"), "error: dump/a.ark: No such file or directory"),
        (system(errno.ENOSPC, "/dev/shm/a"), "error: /dev/shm/a: no space left on device ("),
        (MemoryError("Unable to allocate 9 TiB"), "error: out of memory (Unable to allocate 9 TiB)"),
    ],
)
def test_an_error_of_a_data_loader_comes_without_its_traceback(error, words, capsys):
    try:
        raise error
    except Exception:
        brought = ExceptionWrapper(sys.exc_info(), where="in DataLoader worker process 0")
    assert said(brought.reraise, capsys).startswith(words)


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), OSError("of a library"), RuntimeError("shapes"), KeyError("key")]
)
def test_other_errors_keep_their_traceback(error):
    with pytest.raises(type(error)) as raised:
        run_command(raising(error))
    assert raised.value is error


def test_a_bug_while_a_missing_file_is_handled_stays_a_bug():
    def main():
        try:
            raise system(errno.ENOENT, "exp/a")
        except OSError:
            raise ValueError("a bug")  # noqa: B904

    with pytest.raises(ValueError, match="a bug"):
        run_command(main)


def test_a_thread_says_in_one_line_what_the_system_refused(capsys, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    run_command(lambda: None)
    thread = threading.Thread(target=raising(system(errno.ENOSPC, "exp/tensorboard")))
    thread.start()
    thread.join()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: exp/tensorboard: no space left on device")


def test_nobody_has_to_read_to_the_end():
    code = "from espnet_mtl.errors import run_command; run_command(lambda: print('x' * 1_000_000))"
    command = f'set -o pipefail; "{sys.executable}" -c "{code}" | head -c 1'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (141, "x", "")


def test_a_package_that_is_not_installed_is_named(monkeypatch, capsys):
    """An environment that only speaks lacks what the recipe needs."""
    monkeypatch.setitem(sys.modules, "jinja2", None)

    def main():
        import jinja2  # noqa: F401

    assert said(main, capsys) == (
        "error: jinja2 is not installed: pip install 'espnet_mtl[train]' brings all that the recipe needs"
    )


def test_a_missing_module_of_our_own_is_a_fault():
    def main():
        import espnet_mtl.nothing  # noqa: F401

    with pytest.raises(ModuleNotFoundError):
        run_command(main)
