"""The table of batch, one-example and mini-batch descent, measured (Ruder 2017, Mini-batch gradient descent)."""

import time
from collections.abc import Iterator
from statistics import median

import torch
from torch.nn.functional import cross_entropy
from trainings import TRAIN, Split, network, split, trained

from descend.data import Reshuffled
from descend.landscape.batch_sizes import kept_bytes, train
from descend.schedules import Cosine, Scheduler, lr_grid

SIZES = {"all examples": TRAIN, "one example": 1, "32 examples": 32}
PASSES, SEEDS = 10, 5
HEAD = (
    f"| a step sees | training loss after {PASSES} passes, constant rate | rate annealed to 0 | steps a second | "
    "seconds a pass | kept for the backward pass | works as data stream in |\n|---|---|---|---|---|---|---|"
)


def rows() -> Iterator[str]:
    """Yield a row for each batch size, with the best learning rate of a grid, averaged over some seeds."""
    torch.set_num_threads(1)
    for name, size in SIZES.items():
        steps = PASSES * -(-TRAIN // size)
        losses, took = [], []
        for annealed in (False, True):
            tried = []
            for lr in lr_grid(3.0, 0.003):
                began = time.perf_counter()
                runs = [_train(split(seed), size, lr, steps if annealed else None, seed) for seed in range(SEEDS)]
                took.append((time.perf_counter() - began) / SEEDS)
                tried.append(sum(runs) / SEEDS)
            losses.append(min(tried))
        whole = median(took)
        kept = f"{_kept(size) / 1024:.0f} kB"
        online = "no" if size == TRAIN else "yes"
        yield (
            f"| {name} | {losses[0]:.3g} | {losses[1]:.3g} | {steps / whole:.0f} | {whole / PASSES:.3g} | {kept} "
            f"| {online} |"
        )


def _train(data: Split, size: int, lr: float, total_steps: int | None, seed: int) -> float:
    torch.manual_seed(seed)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    scheduler = Scheduler(optimizer, lr=Cosine(total_steps)) if total_steps else None

    def anneal(step: int) -> bool:
        if scheduler:
            scheduler.step()
        return True

    order = Reshuffled(TRAIN, seed)
    chosen = (batch for _ in range(PASSES) for batch in torch.tensor(list(order)).split(size))
    train(model, cross_entropy, ((data.x[batch], data.y[batch]) for batch in chosen), optimizer, anneal)
    return trained(model, data)


def _kept(size: int) -> int:
    """Return the bytes that autograd stores between the forward and the backward pass, without the weights."""
    data, model = split(0), network()
    x, y = data.x[:size].clone(), data.y[:size].clone()
    return kept_bytes(lambda: cross_entropy(model(x), y), model.parameters())
