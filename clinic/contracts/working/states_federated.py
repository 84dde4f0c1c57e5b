"""Federated averaging over clients that each hold few classes.

Each round discards the optimizers of the clients, on purpose, and no optimizer holds the global network.

Field: federated learning
Metric: global test accuracy, higher is better; 0.119 without learning
Source: https://github.com/AshwinRJ/Federated-Learning-PyTorch/pull/47
"""

import copy

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

CLIENTS, ROUNDS, LOCAL_EPOCHS = 10, 30, 2


def local_update(net, x, y):
    """Train a copy of the global network on the data of one client and return its weights."""
    local = copy.deepcopy(net)
    optimizer = torch.optim.SGD(local.parameters(), lr=0.1)
    for _ in range(LOCAL_EPOCHS):
        for index in torch.randperm(len(x)).split(20):
            loss = F.cross_entropy(local(x[index]), y[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return local.state_dict(), loss.item()


def average(states, sizes):
    """Return the mean of the weights, weighted by the number of examples."""
    total = sum(sizes)
    return {name: sum(s[name] * n / total for s, n in zip(states, sizes)) for name in states[0]}


@torch.no_grad()
def accuracy(net, x, y):
    """Return the share of correct predictions."""
    return (net(x).argmax(dim=1) == y).float().mean().item()


def main():
    """Run the rounds and test the global network."""
    torch.manual_seed(0)
    images, labels = (torch.tensor(a) for a in load_digits(return_X_y=True))
    images = (images / 16.0).float()
    order = torch.randperm(len(images))
    train, test = order[:1300], order[1300:]
    main_class = labels[train] + (torch.rand(len(train)) < 0.3) * torch.randint(1, 10, (len(train),))
    shards = [train[main_class % CLIENTS == c] for c in range(CLIENTS)]

    net = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))
    for turn in range(1, ROUNDS + 1):
        states, losses = zip(*(local_update(net, images[shard], labels[shard]) for shard in shards))
        net.load_state_dict(average(states, [len(shard) for shard in shards]))
        if turn % 6 == 0:
            print(f"round {turn}  local loss {sum(losses) / CLIENTS:.4f}")
    print(f"global test accuracy {accuracy(net, images[test], labels[test]):.4f}")


if __name__ == "__main__":
    main()
