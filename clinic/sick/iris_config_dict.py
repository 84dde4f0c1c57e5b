"""Iris classifier configured by a dictionary.

Fault: symmetric_units or saddle_point
Fix: keep PyTorch's default (random) initialisation
"""

import torch
from sklearn.datasets import load_iris
from torch import nn

config = {
    "hidden": 16,  # clinic: 16 | 10 | 32
    "layers": 2,  # clinic: 2 | 1 | 3
    "lr": 0.02,  # clinic: 0.02 | 0.01 | 0.03
    "batch_size": 15,
    "epochs": 30,
    "seed": 6,
}


def make_model(cfg):
    blocks = []
    n_in = 4
    for _ in range(cfg["layers"]):
        blocks += [nn.Linear(n_in, cfg["hidden"]), nn.Tanh()]
        n_in = cfg["hidden"]
    blocks.append(nn.Linear(n_in, 3))
    net = nn.Sequential(*blocks)
    for p in net.parameters():
        nn.init.zeros_(p)
    return net


torch.manual_seed(config["seed"])
iris = load_iris()
features = torch.tensor(iris.data, dtype=torch.float32)
features = (features - features.mean(0)) / features.std(0)
species = torch.tensor(iris.target)

net = make_model(config)
optimizer = torch.optim.AdamW(net.parameters(), lr=config["lr"], weight_decay=1e-4)
objective = nn.CrossEntropyLoss()
for epoch in range(config["epochs"]):
    running = []
    for batch in torch.randperm(len(features)).split(config["batch_size"]):
        loss = objective(net(features[batch]), species[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running.append(loss.item())
    if (epoch + 1) % 5 == 0:
        hits = (net(features).argmax(1) == species).sum().item()
        print(f"epoch {epoch + 1:3d}: loss {sum(running) / len(running):.4f}, {hits} of {len(features)} right")
