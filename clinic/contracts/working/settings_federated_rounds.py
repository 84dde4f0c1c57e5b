"""Ten clients with different mixtures of digits train one network by federated averaging.

On purpose: each client makes a new optimizer in every round; the server steps along the mean change with a rate of 1.
Field: federated learning
Metric: test accuracy, higher is better; 0.10 without learning
Source: McMahan et al. 2017, FedAvg; Reddi et al. 2021, server momentum
"""

import copy

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

CLIENTS, ROUNDS, LOCAL_EPOCHS = 10, 25, 2


def network():
    """Build the classifier."""
    return nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))


def shares(labels):
    """Deal the examples out such that each client has mostly some of the digits."""
    preference = torch.distributions.Dirichlet(torch.full((CLIENTS,), 0.6)).sample((10,))
    owner = torch.multinomial(preference[labels], 1).squeeze(1)
    return [torch.nonzero(owner == client).squeeze(1) for client in range(CLIENTS)]


def train_locally(server, x, y):
    """Return the weights after some epochs on one client's data."""
    model = copy.deepcopy(server)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(LOCAL_EPOCHS):
        for rows in torch.randperm(len(x)).split(20):
            loss = F.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return list(model.parameters())


def main():
    """Run the rounds and evaluate the server's network."""
    torch.manual_seed(0)
    digits = load_digits()
    order = torch.randperm(len(digits.data))
    x, y = torch.tensor(digits.data, dtype=torch.float32)[order] / 16.0, torch.tensor(digits.target)[order]
    x_test, y_test, x, y = x[1300:], y[1300:], x[:1300], y[:1300]
    server = network()
    outer = torch.optim.SGD(server.parameters(), lr=1.0, momentum=0.5)
    clients = [rows for rows in shares(y) if len(rows) > 5]
    for number in range(1, ROUNDS + 1):
        outer.zero_grad()
        for p in server.parameters():
            p.grad = torch.zeros_like(p)
        for rows in clients:
            trained = train_locally(server, x[rows], y[rows])
            for p, q in zip(server.parameters(), trained):
                p.grad += (p.detach() - q.detach()) * len(rows) / len(x)
        outer.step()
        if number % 5 == 0:
            with torch.no_grad():
                print(f"round {number}: loss {F.cross_entropy(server(x), y).item():.4f}")
    server.eval()
    with torch.no_grad():
        print(f"test accuracy {(server(x_test).argmax(dim=1) == y_test).float().mean().item():.4f}")


if __name__ == "__main__":
    main()
