"""Each asynchronous scheme on the digits, one after the other, in one group of two processes: for torchrun."""

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from descend.parallel import Layout

RULES = {
    "hogwild": lambda parameters: torch.optim.SGD(parameters, lr=0.1),
    "delay_tolerant": lambda parameters: torch.optim.SGD(parameters, lr=0.3),
    "elastic": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
}

if __name__ == "__main__":
    pixels, digits = load_digits(return_X_y=True)
    x, y = torch.tensor(pixels / 16, dtype=torch.float32), torch.tensor(digits)
    dist.init_process_group("gloo")
    results = {}
    for scheme, rule in RULES.items():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10))
        layout = Layout(data=2, scheme=scheme, period=4)
        loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)
        model, loader, optimizer, loss_fn = layout.spread(model, loader, rule, nn.CrossEntropyLoss())
        rows = []
        for _ in range(6):
            for inputs, labels in loader:
                optimizer.zero_grad()
                loss_fn(model(inputs), labels).backward()
                optimizer.step()
                rows.append(len(labels))
        layout.collect(optimizer)
        result = [p.detach().clone() for p in model.parameters()]
        first = [result]
        dist.broadcast_object_list(first, 0)
        with torch.no_grad():
            loss = float(nn.functional.cross_entropy(model(x), y))
        same = all(torch.equal(a, b) for a, b in zip(result, first[0]))
        everywhere: list[object] = [None, None]
        late = optimizer.traffic.staleness
        dist.all_gather_object(everywhere, {"loss": loss, "same": same, "steps": len(rows), "late": late})
        results[scheme] = everywhere
    if dist.get_rank() == 0:
        Path(sys.argv[1], "results.json").write_text(json.dumps(results))
    dist.destroy_process_group()
