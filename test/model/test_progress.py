import torch

from espnet_mtl.model.progress import TrainProgress


def make():
    return torch.optim.Adam([torch.nn.Parameter(torch.zeros(2))])


def test_counts_steps():
    optimizer = make()
    progress = TrainProgress(optimizer, total=4)
    assert progress.fraction == 0
    for _ in range(3):
        optimizer.step()
    assert progress.fraction == 0.75
    for _ in range(3):
        optimizer.step()
    assert progress.fraction == 1


def test_is_resumed_with_the_optimizer():
    optimizer = make()
    TrainProgress(optimizer, total=4)
    optimizer.step()
    resumed = make()
    progress = TrainProgress(resumed, total=4)
    resumed.load_state_dict(optimizer.state_dict())
    assert progress.fraction == 0.25


def test_nothing_in_training_counts_as_done():
    assert TrainProgress().fraction == 1
