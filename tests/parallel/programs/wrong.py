"""Trainings that cannot go well, for several ranks: what each says, and at last one that ends the run."""

import json
import sys
import warnings
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from descend.parallel import Layout

warnings.simplefilter("ignore")


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(9, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.two(nn.functional.dropout(self.one(x), 0.5, self.training))


def train(case: str) -> None:
    pipeline = Layout(pipeline=2, micro_batches=2)
    layouts = {"world": Layout(data=3), "pipeline": pipeline, "awaited": pipeline, "functional": pipeline}
    rank = dist.get_rank()
    width = 9 - rank if case == "models" else 9
    model = Functional() if case == "functional" else nn.Sequential(nn.Linear(width, 4), nn.ReLU(), nn.Linear(4, 2))
    rows = 33 if case in ("uneven", "pipeline") else 32
    x, y = torch.randn(rows, 9), torch.arange(rows) % 2
    model, loader, optimizer, loss_fn = layouts.get(case, Layout(data=2)).spread(
        model,
        DataLoader(TensorDataset(x, y), batch_size=8),
        lambda parameters: torch.optim.SGD(parameters, lr=0.1),
        nn.CrossEntropyLoss(),
    )
    for step, (inputs, labels) in enumerate(loader):
        if case == "nan" and rank == 1 and step == 1:
            inputs[0] = torch.nan
        optimizer.zero_grad()
        outputs = model(inputs)
        if case == "awaited":
            outputs.argmax(1)
        loss_fn(outputs, labels).backward()
        optimizer.step()


if __name__ == "__main__":
    dist.init_process_group("gloo")
    results = {}
    for case in ("world", "models", "uneven", "pipeline", "awaited", "functional"):
        try:
            train(case)
        except (ValueError, AttributeError) as error:
            results[case] = str(error)
    if dist.get_rank() == 0:
        Path(sys.argv[1], "results.json").write_text(json.dumps(results))
    train("nan")
