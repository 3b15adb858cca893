"""Training on several machines, or in processes that something else starts: one leads, the others follow it.

ESPnet's options say which one this is: `--dist_launcher slurm` or `mpi`, or `--dist_world_size` and `--dist_rank`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import yaml

from espnet_mtl.errors import UserError

LAUNCHING = (
    *("dist_backend", "dist_init_method", "dist_launcher", "dist_master_addr", "dist_master_port", "dist_rank"),
    *("dist_world_size", "local_rank", "ngpu", "multiprocessing_distributed"),
)
"""Options that say how a training is started: they may be others when it goes on, and differ between machines."""
PREPARED, HEARD = "arguments", "heard"
"""Keys of the store where machines meet."""
LONGEST_FAREWELL_S = 20.0
"""How long the leader waits for the others to hear that there is no training: they may have to start yet."""
LONGEST_PREPARATION = timedelta(hours=2)
"""How long machines wait for the one that leads: it checks the data, and may start from another model."""


@dataclass(frozen=True)
class Node:
    """A machine of a training, or a process that was started by itself.

    Attributes:
        rank: Which one it is, from 0, which leads.
        count: How many there are.
    """

    rank: int
    count: int


def this_node(args: argparse.Namespace) -> Node:
    """Says which one this is; where there are several, without GPUs, `args` are made to fit.

    Raises:
        UserError: The options or the environment do not say it, or what they say cannot be.
    """
    from espnet2.train import distributed_utils as espnet

    each_starts_more = args.multiprocessing_distributed
    count_of, rank_of = (
        (espnet.get_num_nodes, espnet.get_node_rank) if each_starts_more else (espnet.get_world_size, espnet.get_rank)
    )
    try:
        count = count_of(args.dist_world_size, args.dist_launcher) or 1
        rank = rank_of(args.dist_rank, args.dist_launcher) if count > 1 else 0
    # What ESPnet raises where Slurm's variables or mpi4py are missing, or are no numbers
    except (RuntimeError, ImportError, LookupError, ValueError) as error:
        raise UserError(f"--dist_launcher {args.dist_launcher}: {error}") from error
    if rank is None or not 0 <= rank < count:
        raise UserError(f"--dist_rank {rank}: expected which of the {count} machines this is, from 0")
    if count > 1 and not args.ngpu:
        args.dist_backend = "gloo"  # NCCL is for GPUs
    return Node(rank, count)


def without_launching(arguments: Sequence[str]) -> list[str]:
    """Leaves out the options that say how a training is started."""
    kept, drops = [], False
    for word in arguments:
        if word.startswith("--"):
            drops = word.removeprefix("--").partition("=")[0] in LAUNCHING
        if not drops:
            kept.append(word)
    return kept


@contextmanager
def leading(node: Node, args: argparse.Namespace) -> Iterator[Leader]:
    """Lets the others wait until this one has prepared the training.

    Raises:
        UserError: It is not said where machines meet.
    """
    leader = Leader(node, _meeting_place(node, args) if node.count > 1 else None)
    try:
        yield leader
    finally:
        leader.give_up()


class Leader:
    """The machine that prepares the training.

    Args:
        node: This machine.
        store: Where the others wait; None: there are none.
    """

    def __init__(self, node: Node, store: Any):
        self._node = node
        self._store = store
        self._told = False

    def begin(self, args: argparse.Namespace) -> None:
        """Hands the others the arguments of the training."""
        # In the order of the configuration: it is that of the network's parameters
        self._tell(yaml.safe_dump(vars(args), sort_keys=False))

    def give_up(self) -> None:
        """Lets the others end where the training did not begin; what they ask goes with this process."""
        if self._store is None or self._told:
            return
        self._tell("")
        end = time.monotonic() + LONGEST_FAREWELL_S
        while self._store.add(HEARD, 0) < self._node.count - 1 and time.monotonic() < end:
            time.sleep(0.05)

    def _tell(self, text: str) -> None:
        if self._store is not None:
            self._store.set(PREPARED, text)
        self._told = True


def follow(node: Node, args: argparse.Namespace) -> argparse.Namespace:
    """Waits until the leader has prepared the training, and returns the arguments that it trains with.

    Raises:
        UserError: It ended before, or did not answer.
    """
    store = _meeting_place(node, args)
    try:
        store.wait([PREPARED], LONGEST_PREPARATION)
        told = store.get(PREPARED)
        store.add(HEARD, 1)
    except RuntimeError as error:  # of the network, or the time is up
        raise UserError(f"the machine that leads the training is lost ({_line(error)})") from error
    if not told:
        raise UserError("the machine that leads the training ended before it began: it says why")
    own = {key: getattr(args, key) for key in LAUNCHING}
    return argparse.Namespace(**(yaml.safe_load(told) | own))


def _meeting_place(node: Node, args: argparse.Namespace) -> Any:
    """Opens a store beside that of ESPnet's processes: the next port, or another file."""
    from torch.distributed import FileStore, TCPStore

    method = urlsplit(args.dist_init_method)
    if method.scheme == "file":
        return FileStore(f"{method.path}.nodes", node.count)
    host, port = _master(args) if method.scheme == "env" else (method.hostname, method.port)
    if host is None or port is None:
        raise UserError("--dist_master_addr and --dist_master_port: expected where the first machine listens")
    try:
        return TCPStore(host, port + 1, is_master=node.rank == 0, timeout=LONGEST_PREPARATION, wait_for_workers=False)
    except RuntimeError as error:
        raise UserError(f"{host}:{port + 1}: machines of the training cannot meet there ({_line(error)})") from error


def _master(args: argparse.Namespace) -> tuple[str | None, int | None]:
    from espnet2.train import distributed_utils as espnet

    host = espnet.get_master_addr(args.dist_master_addr, args.dist_launcher)
    return host, espnet.get_master_port(args.dist_master_port)


def _line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
