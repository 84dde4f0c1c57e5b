"""Probability of a malignant tumour with a sigmoid output and squared error.

Fault: plateau or saturated_units
Fix: binary cross-entropy on the logit (or start the output bias at zero)
"""

import math

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch import nn


class Detector(nn.Module):
    def __init__(self, n_in, n_hidden, prior):
        super().__init__()
        self.hidden = nn.Linear(n_in, n_hidden)
        self.out = nn.Linear(n_hidden, 1)
        nn.init.constant_(self.out.bias, -math.log((1 - prior) / prior))

    def forward(self, x):
        h = torch.tanh(self.hidden(x))
        return torch.sigmoid(self.out(h)).squeeze(-1)


def main():
    torch.manual_seed(0)
    bunch = load_breast_cancer()
    x = torch.tensor(StandardScaler().fit_transform(bunch.data), dtype=torch.float32)
    malignant = torch.tensor(1 - bunch.target, dtype=torch.float32)
    detector = Detector(30, 24, prior=1e-5)  # clinic: prior=1e-5 | prior=1e-6 | prior=3e-5
    optimizer = torch.optim.SGD(detector.parameters(), lr=0.1, momentum=0.9)  # clinic: lr=0.1 | lr=0.05 | lr=0.2
    for epoch in range(20):
        for idx in torch.randperm(len(x)).split(32):  # clinic: split(32) | split(48) | split(24)
            p = detector(x[idx])
            loss = torch.mean((p - malignant[idx]) ** 2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if epoch % 4 == 3:
            with torch.no_grad():
                p = detector(x)
            accuracy = ((p > 0.5).float() == malignant).float().mean().item()
            brier = torch.mean((p - malignant) ** 2).item()
            print(f"epoch {epoch + 1}: brier score {brier:.4f} accuracy {accuracy:.3f}")


main()
