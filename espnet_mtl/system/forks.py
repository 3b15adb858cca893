"""Processes that were forked off one that computes."""

from __future__ import annotations

import os

from espnet_mtl.errors import UserError


class HomeProcess:
    """The process that a network was loaded in; a copy or an unpickled one names the process that makes it.

    PyTorch computes with threads of OpenMP. A process that is forked off has none of them, and waits for them forever.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()

    def __reduce__(self) -> tuple[type[HomeProcess], tuple[()]]:
        return HomeProcess, ()

    def check_threads(self, library: str, threads: int) -> None:
        """Raises UserError where a library that computes with several threads would not end in this process."""
        if os.getpid() != self.pid and threads > 1:
            raise self._refused(f"{library} with {threads} threads", ", or with threads=1")

    def check(self, device: str) -> None:
        """Raises UserError where PyTorch would not end in this process, or not begin (CUDA)."""
        if os.getpid() == self.pid:
            return
        import torch

        threads = torch.get_num_threads()
        if threads == 1 and not str(device).startswith("cuda"):
            return
        reason = "CUDA" if str(device).startswith("cuda") else f"PyTorch with {threads} threads"
        remedy = "" if reason == "CUDA" else ", or call torch.set_num_threads(1) in this one first"
        raise self._refused(reason, remedy)

    def _refused(self, reason: str, remedy: str) -> UserError:
        return UserError(
            f"the model was loaded in process {self.pid}, and {reason} cannot go on in process {os.getpid()}, which "
            f"was forked off it: load it in each process (multiprocessing.get_context('spawn')){remedy}"
        )
