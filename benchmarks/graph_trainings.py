"""Two columns on two workers against one process, with more and more of the layers seeing both: for torchrun.

Prints as JSON, of each number of crossings, the seconds of a step by one process and by two, and of a prediction.
"""

import json
import statistics
import sys
from collections.abc import Callable
from time import perf_counter

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from descend.parallel import GraphPartition

LAYERS, CHANNELS, SIZE, BATCH, ROUNDS, STEPS = 6, 24, 16, 32, 5, 3


class Columns(nn.Module):
    """crossing: the layers, from the second on, that see both columns."""

    def __init__(self, crossing: int) -> None:
        super().__init__()
        self.crossing = crossing
        for side in ("left", "right"):
            for k in range(LAYERS):
                into = 1 if k == 0 else CHANNELS * (2 if k <= crossing else 1)
                self.add_module(f"{side}{k}", nn.Conv2d(into, CHANNELS, 3, padding=1))
        self.top = nn.Linear(2 * CHANNELS, 10)

    def forward(self, x: Tensor) -> Tensor:
        left = right = x
        for k in range(LAYERS):
            if 1 <= k <= self.crossing:
                left = right = torch.cat([left, right], 1)
            left, right = getattr(self, f"left{k}")(left).relu(), getattr(self, f"right{k}")(right).relu()
        return self.top(torch.cat([left.mean((2, 3)), right.mean((2, 3))], 1))


def step(model: nn.Module, x: Tensor, y: Tensor) -> Callable[[], object]:
    def trained() -> None:
        for parameter in model.parameters():
            parameter.grad = None
        cross_entropy(model(x), y).backward()

    return trained


def prediction(model: nn.Module, x: Tensor) -> Callable[[], object]:
    def computed() -> None:
        with torch.no_grad():
            model(x)

    return computed


def seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    for _ in range(STEPS):
        work()
    return (perf_counter() - began) / STEPS


if __name__ == "__main__":
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    x, y = torch.randn(BATCH, 1, SIZE, SIZE), torch.randint(0, 10, (BATCH,))
    for shared in (x, y):
        dist.broadcast(shared, 0)
    reported = {}
    for crossing in map(int, sys.argv[1].split(",")):
        torch.manual_seed(0)
        whole, given = Columns(crossing), Columns(crossing)
        part = GraphPartition(given, {name: int("right" in name) for name, _ in given.named_children()})
        ways = {
            "train": (step(whole, x, y), step(part, x, y)),
            "predict": (prediction(whole, x), prediction(part, x)),
        }
        spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, (alone, together) in ways.items():
                dist.barrier()
                one = seconds(alone) if rank == 0 else 0.0
                dist.barrier()
                spent[name].append((one, seconds(together)))
        before = part.post.bytes
        ways["train"][1]()
        moved = part.post.bytes - before
        reported[crossing] = {name: [statistics.median(c) for c in zip(*rows)] for name, rows in spent.items()}
        reported[crossing]["bytes"] = moved
    if rank == 0:
        print(json.dumps(reported))
    dist.destroy_process_group()
