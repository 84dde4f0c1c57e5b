"""Three replicas, one of them slow, steps that wait for two: whose batches count, and that each counts once."""

import json
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from descend.parallel import Layout

SECONDS, PASSES = (0.02, 0.02, 0.15), 2


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rank, rows = dist.get_rank(), torch.arange(120)
    x = torch.randn(120, 6)
    y = (x @ torch.randn(6, 3)).argmax(1)
    data = DataLoader(TensorDataset(x, y, rows), batch_size=4, shuffle=True)
    layout = Layout(data=3, scheme="backup")
    model, loader, optimizer, loss_fn = layout.spread(
        nn.Linear(6, 3), data, lambda p: torch.optim.SGD(p, lr=0.3), cross_entropy
    )
    with torch.no_grad():
        before = float(cross_entropy(model(x), y))
    counted, dropped = [], []
    for _ in range(PASSES):
        taken: list[list[int]] = []
        for inputs, labels, numbers in loader:
            time.sleep(SECONDS[rank])
            optimizer.zero_grad()
            loss_fn(model(inputs), labels).backward()
            optimizer.step()
            (dropped if optimizer.traffic.staleness[-1] else taken).append(numbers.tolist())
        counted.append(taken)
        dist.barrier()  # as one that evaluates between the passes has it
    layout.collect(optimizer)
    with torch.no_grad():
        loss = float(cross_entropy(model(x), y))
    everywhere: list[object] = [None] * 3
    dist.all_gather_object(everywhere, (counted, dropped, loss))
    if rank == 0:
        counted, dropped, losses = zip(*everywhere)
        results = {"counted": counted, "dropped": dropped, "losses": losses, "before": before}
        Path(sys.argv[1], "results.json").write_text(json.dumps(results))


if __name__ == "__main__":
    dist.init_process_group("gloo")
    main()
    dist.destroy_process_group()
