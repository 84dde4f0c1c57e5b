"""Steps of the first gradients of three processes, one of them slow, on one model in shared memory."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from descend.parallel import step_of_the_first

ROWS, PASSES = 30, 3
SECONDS = (0.001, 0.001, 0.03)


class Tally(nn.Module):
    """Its loss is the sum of the weights of the rows that it is given, so each of them has the gradient 1."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.steps = nn.Parameter(torch.zeros(ROWS)), nn.Parameter(torch.zeros(1))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.weight[rows].sum() + self.steps.sum()


def made(wanted: int, rule: type[torch.optim.Optimizer], batch_size: int = 1, **settings: float) -> tuple[Any, ...]:
    sampler = DistributedSampler(TensorDataset(torch.arange(ROWS)), seed=3)
    loader = DataLoader(sampler.dataset, batch_size=batch_size, sampler=sampler)
    model = DistributedDataParallel(Tally())
    optimizer = rule(model.parameters(), lr=1.0, **settings)
    return sampler, step_of_the_first(loader, model, optimizer, wanted), model, optimizer


def train(wanted: int, rule: type[torch.optim.Optimizer], **settings: float) -> dict[str, object]:
    sampler, loader, model, optimizer = made(wanted, rule, **settings)
    taken, dropped = 0, 0
    for epoch in range(PASSES):
        sampler.set_epoch(epoch)
        for (rows,) in loader:
            time.sleep(SECONDS[dist.get_rank()])
            optimizer.zero_grad()
            model(rows).backward()
            optimizer.step()
            taken += 1
            dropped += model.module.steps.grad is None
    dist.barrier()
    results = {"weight": model.module.weight.tolist(), "steps": model.module.steps.item(), "dropped": dropped}
    everywhere: list[dict[str, object]] = [{}] * dist.get_world_size()
    dist.all_gather_object(everywhere, {**results, "taken": taken})
    return {key: [each[key] for each in everywhere] for key in everywhere[0]}


def refused(wanted: int, batch_size: int) -> str:
    try:
        made(wanted, torch.optim.SGD, batch_size)
    except ValueError as error:
        return str(error)
    return ""


def main() -> None:
    said = [refused(4, 1), refused(2, ROWS)]
    results = {
        "alone": train(1, torch.optim.SGD),
        "momentum": train(1, torch.optim.SGD, momentum=0.9),
        "adam": train(1, torch.optim.Adam),
        "two": train(2, torch.optim.SGD),
    }
    if dist.get_rank() == 0:
        Path(sys.argv[1], "results.json").write_text(json.dumps({"said": said, "how": results}))


if __name__ == "__main__":
    dist.init_process_group("gloo")
    main()
    dist.destroy_process_group()
