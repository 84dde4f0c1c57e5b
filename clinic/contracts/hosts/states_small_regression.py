"""Regression from few noisy measurements, cross-validated, with early stopping in every fold.

Field: small-sample regression
Metric: mean test R2, higher is better; -0.069 without learning
"""

import copy

import torch
import torch.nn.functional as F
from sklearn.datasets import make_friedman1
from sklearn.metrics import r2_score
from torch import nn
from torch.utils.checkpoint import checkpoint

FOLDS, EPOCHS, BATCH = 4, 130, 20


class Regressor(nn.Module):
    """A trunk that ends in a narrow layer, recomputed in the backward pass, and a linear output."""

    def __init__(self, inputs, width=96):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 6), nn.Tanh()
        )
        self.out = nn.Linear(6, 1)

    def forward(self, x):
        """Predict standardised values."""
        return self.out(checkpoint(self.trunk, x, use_reentrant=False)).squeeze(1)


def fit(x, y, x_valid, y_valid):
    """Return the network with the lowest validation error, and that error."""
    net = Regressor(x.shape[1])
    optimizer = torch.optim.Adam(net.parameters(), lr=4e-3)
    best, best_net = float("inf"), None
    for _ in range(EPOCHS):
        net.train()
        for index in torch.randperm(len(x)).split(BATCH):
            loss = F.mse_loss(net(x[index]), y[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            error = F.mse_loss(net(x_valid), y_valid).item()
        if error < best:
            best = error
            best_net = copy.deepcopy(net)
    print(f"train {loss.item():.4f}  last validation {error:.4f}  best validation {best:.4f}")
    return best_net, best


def main():
    """Fit one network per fold and test each on clean data."""
    torch.manual_seed(0)
    inputs, targets = make_friedman1(n_samples=200, n_features=8, noise=4.5, random_state=0)
    test_inputs, test_targets = make_friedman1(n_samples=2000, n_features=8, noise=0.0, random_state=1)
    x, x_test = (torch.tensor(4 * a - 2, dtype=torch.float32) for a in (inputs, test_inputs))
    mean, std = targets.mean(), targets.std()
    y = torch.tensor((targets - mean) / std, dtype=torch.float32)

    scores = []
    for fold in torch.randperm(len(x)).chunk(FOLDS):
        rest = torch.ones(len(x), dtype=torch.bool)
        rest[fold] = False
        net, _ = fit(x[rest], y[rest], x[fold], y[fold])
        with torch.no_grad():
            predicted = net(x_test).numpy() * std + mean
        scores.append(r2_score(test_targets, predicted))
    print(f"mean test R2 {sum(scores) / FOLDS:.4f}")


if __name__ == "__main__":
    main()
