"""One process of a training on several hosts: for torchrun, with layout, batch size, learning rate and steps.

Prints the examples per second, the final training loss and the transferred bytes as JSON.
"""

import json
import sys
from collections.abc import Iterator
from itertools import islice
from time import perf_counter
from typing import Any

import torch
import torch.distributed as dist
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset
from trainings import network, split, trained

from descend.optim import SGD
from descend.parallel import Layout

WIDTH, DEPTH, WARM = 512, 3, 10  # steps before the clock starts


def without_end(loader: DataLoader[Any]) -> Iterator[Any]:
    while True:
        yield from loader


def main(layout: Layout, batch: int, lr: float, steps: int) -> None:
    data = split(0)
    torch.manual_seed(0)
    own = network(DEPTH, WIDTH)
    loader = DataLoader(TensorDataset(data.x, data.y), batch_size=batch, shuffle=True, drop_last=True)
    model, loader, optimizer, loss_fn = layout.spread(own, loader, lambda given: SGD(given, lr=lr), cross_entropy)
    seen, began = 0, perf_counter()
    for number, (x, y) in enumerate(islice(without_end(loader), steps + WARM)):
        if number == WARM:
            seen, began = 0, perf_counter()
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        seen += len(x)
    spent = perf_counter() - began
    layout.collect(optimizer)
    reported = {"rate": seen / spent, "step": spent / steps}
    if layout.data == layout.world:
        reported |= {"loss": trained(own, data), "bytes": getattr(getattr(optimizer, "traffic", None), "bytes", 0)}
    print(json.dumps(reported), flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Layout(**json.loads(sys.argv[1])), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
    dist.destroy_process_group()  # after the model has been deleted, because its threads may wait for the interpreter
