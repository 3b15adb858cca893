"""Training in one process, and in two with half a batch each."""

from pathlib import Path

import torch
from tiny_network import TASKS, Network, data
from torch import distributed, multiprocessing
from torch.nn.parallel import DistributedDataParallel

from espnet_mtl.registry import WEIGHTINGS

STEPS = 7


def train(name, rank=0, processes=1, without=()):
    """Steps of gradient descent with an epoch of three; after each its state, and the inner products of gradients."""
    torch.manual_seed(5)
    network = Network(WEIGHTINGS.load(name)(dict.fromkeys(TASKS[:3], 0.7)), 3)
    model = DistributedDataParallel(network, find_unused_parameters=True) if processes > 1 else network
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    states = []
    for step in range(STEPS):
        inputs, target = (part.chunk(processes)[rank] for part in data(step))
        optimizer.zero_grad()
        model(inputs, target, without)[0].backward()
        optimizer.step()
        if step % 3 == 2:
            model.eval()
            model.train()
        states.append({key: value.clone() for key, value in network.state_dict().items()})
        states[-1]["gramian"] = network.recorded[-1].gramian
    return states


def _process(rank, directory):
    torch.set_num_threads(1)
    store = f"file://{directory}/rendezvous"
    distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    states = {name: train(name, rank, 2) for name in WEIGHTINGS}
    lacking = {name: train(name, rank, 2, [] if rank else TASKS[1:2]) for name in WEIGHTINGS}
    torch.save({"all": states, "lacking": lacking}, f"{directory}/{rank}.pt")
    distributed.destroy_process_group()


def train_in_two(directory: Path) -> list[dict]:
    """What each of the two processes has after each step of every weighting, with all labels, and where the first of
    them lacks those of one task."""
    multiprocessing.spawn(_process, args=(str(directory),), nprocs=2)
    return [torch.load(directory / f"{rank}.pt") for rank in range(2)]
