"""Four processes, one of them three times as slow as the others: for torchrun, with what is done about it.

equal: all wait in each step. balanced: shares of the examples that go with the speed. local: ten steps between two
meetings. elastic: no waiting. Prints the examples a second of this process. An example takes its time by sleeping.
"""

import json
import random
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from math import exp
from time import perf_counter

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, TensorDataset

from descend.parallel import Layout
from descend.symptoms.stragglers import LOCAL_STEPS

STEPS, WARM, SHARE, SLOW, SCATTER = 60, 10, 16, 3, 0.1
EACH = 0.003  # seconds of an example
BALANCED = (19, 19, 19, 6)  # of four shares


def average(model: nn.Module) -> None:
    for parameter in model.parameters():
        dist.all_reduce(parameter.data)
        parameter.data /= dist.get_world_size()


def steps(take: Callable[[int], None], examples: int) -> float:
    """Take the steps; return the examples a second from when the first ones are over."""
    for number in range(STEPS):
        if number == WARM:
            began = perf_counter()
        take(number)
    return examples * (STEPS - WARM) / (perf_counter() - began)


def main(remedy: str) -> None:
    dist.init_process_group("gloo")
    rank, size = dist.get_rank(), dist.get_world_size()
    torch.manual_seed(0)
    scattered = random.Random(rank)
    share = BALANCED[rank] if remedy == "balanced" else SHARE
    x, y = torch.randn(share, 32), torch.randint(0, 4, (share,))
    model: nn.Module = nn.Linear(32, 4)
    weight = share * size / sum(BALANCED) if remedy == "balanced" else 1.0
    if remedy == "elastic":
        loader = DataLoader(TensorDataset(x, y), batch_size=share)
        layout = Layout(data=size, scheme="elastic", period=LOCAL_STEPS)
        model, _, optimizer, _ = layout.spread(
            model, loader, lambda given: torch.optim.SGD(given, lr=0.1), cross_entropy
        )
    else:
        model = DistributedDataParallel(model)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def take(number: int) -> None:
        time.sleep(EACH * share * (SLOW if rank == size - 1 else 1) * exp(SCATTER * scattered.gauss(0, 1)))
        optimizer.zero_grad()
        with model.no_sync() if remedy == "local" else nullcontext():
            (weight * cross_entropy(model(x), y)).backward()
        optimizer.step()
        if remedy == "local" and (number + 1) % LOCAL_STEPS == 0:
            average(model)

    dist.barrier()
    rates: list[float] = [0.0] * size
    dist.all_gather_object(rates, steps(take, share))
    if rank == 0:
        print(json.dumps(sum(rates)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1] if len(sys.argv) > 1 else "equal")
    dist.destroy_process_group()  # once the model has gone: its end waits for threads that may wait for the interpreter
