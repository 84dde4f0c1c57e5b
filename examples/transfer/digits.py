"""Learn from 80 examples whether a digit has a loop, with and without a network trained on the ten digits."""

from copy import deepcopy
from statistics import fmean

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from descend.network import replace_head
from descend.optim import SGD, fine_tuning_groups
from descend.schedules import Cosine, Scheduler

SEEDS, FEW = 5, 80
pixels = torch.tensor(load_digits().data, dtype=torch.float32) / 16
labels = torch.tensor(load_digits().target)
has_loop = torch.isin(labels, torch.tensor([0, 4, 6, 8, 9])).long()


def network(outputs: int) -> nn.Sequential:
    """Return a small convolutional network."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 4 * 4, 64),
        nn.ReLU(),
        nn.Linear(64, outputs),
    )


def train(model: nn.Module, groups: list[dict], x: Tensor, y: Tensor, steps: int) -> None:
    """Train with momentum, a warm-up over a tenth of the steps and a cosine."""
    optimizer = SGD(groups, lr=0.1, momentum=0.9)
    schedule = Scheduler(optimizer, lr=Cosine(steps).after_warmup(steps // 10))
    for _ in range(steps):
        batch = torch.randint(len(x), (32,))
        optimizer.zero_grad()
        cross_entropy(model(x[batch]), y[batch]).backward()
        optimizer.step()
        schedule.step()


@torch.no_grad()
def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Return the share of correct answers."""
    return (model(x).argmax(1) == y).float().mean().item()


def transfer(seed: int) -> tuple[float, ...]:
    """Return the accuracy of three networks: from random weights, with a new head alone, and with all layers tuned."""
    torch.manual_seed(seed)
    order = torch.randperm(len(pixels))
    known, few, rest = order[:900], order[900 : 900 + FEW], order[900 + FEW :]

    scratch = network(outputs=2)
    train(scratch, fine_tuning_groups([scratch], lr=0.1), pixels[few], has_loop[few], 300)

    model = network(outputs=10)
    train(model, fine_tuning_groups([model], lr=0.1), pixels[known], labels[known], 300)
    replace_head(model, outputs=2)
    layers = list(model)
    train(model, fine_tuning_groups(layers, lr=0.1, trained=1), pixels[few], has_loop[few], 150)
    head_alone = deepcopy(model)
    train(model, fine_tuning_groups(layers, lr=0.1, trained=len(layers)), pixels[few], has_loop[few], 150)
    return tuple(accuracy(each, pixels[rest], has_loop[rest]) for each in (scratch, head_alone, model))


results = [transfer(seed) for seed in range(SEEDS)]
for name, column in zip(("random weights", "new head alone", "all layers, falling rates"), zip(*results)):
    print(f"{name:26} {fmean(column):.1%} ({min(column):.1%} to {max(column):.1%})")
