"""Training in one process, and in two with half a batch each."""

from pathlib import Path

import torch
from tiny_network import TASKS, Network, data
from torch import distributed, multiprocessing
from torch.nn.parallel import DistributedDataParallel

from espnet_mtl.model.heads.matching import Matching
from espnet_mtl.model.taps import Tap
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


def _begin(rank, directory):
    torch.set_num_threads(1)
    store = f"file://{directory}/rendezvous"
    distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=2)


def _process(rank, directory):
    _begin(rank, directory)
    states = {name: train(name, rank, 2) for name in WEIGHTINGS}
    lacking = {name: train(name, rank, 2, [] if rank else TASKS[1:2]) for name in WEIGHTINGS}
    torch.save({"all": states, "lacking": lacking}, f"{directory}/{rank}.pt")
    distributed.destroy_process_group()


def train_in_two(directory: Path) -> list[dict]:
    """What each of the two processes has after each step of every weighting, with all labels, and where the first of
    them lacks those of one task."""
    multiprocessing.spawn(_process, args=(str(directory),), nprocs=2)
    return [torch.load(directory / f"{rank}.pt") for rank in range(2)]


def match(rank=0, processes=1, without=()):
    """Losses and gradients of a head that matches six faces and voices of three emotions; some have no face."""
    generator = torch.Generator().manual_seed(2)
    faces, voices = (torch.randn(6, 4, generator=generator).chunk(processes)[rank] for _ in range(2))
    emotions = torch.tensor([0, 1, 2, 0, 1, 2]).chunk(processes)[rank]
    present = torch.tensor([number not in without for number in range(6)]).chunk(processes)[rank]
    faces, voices = faces.clone().requires_grad_(), voices.clone().requires_grad_()
    head = Matching(dim=4, classes=3, label="emotion", tap="visual")
    loss, stats = head.loss(Tap(faces, present=present, partner=Tap(voices)), emotions, progress=1.0)
    loss.backward()
    return {"loss": loss.detach(), "recall": stats["recall"], "faces": faces.grad, "voices": voices.grad}


def _matching_process(rank, directory):
    _begin(rank, directory)
    found = {"all": match(rank, 2), "some": match(rank, 2, without=(0, 4)), "half": match(rank, 2, without=(0, 1, 2))}
    torch.save(found, f"{directory}/{rank}.pt")
    distributed.destroy_process_group()


def match_in_two(directory: Path) -> list[dict]:
    """What each of two processes finds of its half: of all, where some have no face, and where one half has none."""
    multiprocessing.spawn(_matching_process, args=(str(directory),), nprocs=2)
    return [torch.load(directory / f"{rank}.pt") for rank in range(2)]
