"""Four processes, one of them three times as slow as the others, with one remedy: for torchrun.

equal: all wait in each step. balanced: shares of the examples in proportion to the speed. local: ten steps between two
averages of the parameters. elastic: no waiting. backup: no worker waits for the slowest, whose batches are assigned
again. Prints the examples per second that were used for steps. Computation is replaced by sleeping.
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

from descend.doctor.assess.process_times import LOCAL_STEPS
from descend.parallel import Layout

STEPS, WARM, SHARE, SLOW, SCATTER = 60, 10, 16, 3, 0.1
SECONDS = 4.0  # duration of the scheme in which the processes take different numbers of steps
EACH = 0.003  # seconds that an example takes
BALANCED = (19, 19, 19, 6)  # examples of each of the four processes


def average(model: nn.Module) -> None:
    for parameter in model.parameters():
        dist.all_reduce(parameter.data)
        parameter.data /= dist.get_world_size()


def steps(take: Callable[[int], None], examples: int) -> float:
    """Take all steps; return the examples per second after the warm-up."""
    for number in range(STEPS):
        if number == WARM:
            began = perf_counter()
        take(number)
    return examples * (STEPS - WARM) / (perf_counter() - began)


def pause(rank: int, examples: int, scattered: random.Random) -> None:
    slow = SLOW if rank == dist.get_world_size() - 1 else 1
    time.sleep(EACH * examples * slow * exp(SCATTER * scattered.gauss(0, 1)))


def with_backups(rank: int) -> float:
    """Return the examples per second of this process whose gradients were used."""
    size, scattered = dist.get_world_size(), random.Random(rank)
    rows = 2 * round(size * SHARE * SECONDS / (EACH * SHARE))
    data = DataLoader(TensorDataset(torch.randn(rows, 32), torch.randint(0, 4, (rows,))), batch_size=SHARE)
    layout = Layout(data=size, scheme="backup")
    model, loader, optimizer, loss_fn = layout.spread(
        nn.Linear(32, 4), data, lambda given: torch.optim.SGD(given, lr=0.1), cross_entropy
    )
    counted, began = 0, 0.0
    for number, (x, y) in enumerate(loader):
        if number == WARM // 2:
            counted, began = 0, perf_counter()
        pause(rank, SHARE, scattered)
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        counted += optimizer.traffic.staleness[-1] == 0
        if began and perf_counter() - began > SECONDS:
            break
    loader.batch_sampler.attend(False)
    return SHARE * counted / (perf_counter() - began)


def main(remedy: str) -> None:
    dist.init_process_group("gloo")
    rank, size = dist.get_rank(), dist.get_world_size()
    if remedy == "backup":
        return tell(with_backups(rank))
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
        pause(rank, share, scattered)
        optimizer.zero_grad()
        with model.no_sync() if remedy == "local" else nullcontext():
            (weight * cross_entropy(model(x), y)).backward()
        optimizer.step()
        if remedy == "local" and (number + 1) % LOCAL_STEPS == 0:
            average(model)

    dist.barrier()
    return tell(steps(take, share))


def tell(rate: float) -> None:
    rates: list[float] = [0.0] * dist.get_world_size()
    dist.all_gather_object(rates, rate)
    if dist.get_rank() == 0:
        print(json.dumps(sum(rates)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1] if len(sys.argv) > 1 else "equal")
    dist.destroy_process_group()  # after the model has been deleted, because its threads may wait for the interpreter
