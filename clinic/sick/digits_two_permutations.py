"""Digits: shuffle, split, train an MLP.

Fault: no_signal
Fix: by hand: shuffle images and labels with the same permutation
"""

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

rng = np.random.default_rng(0)
torch.manual_seed(0)

digits = load_digits()
n = len(digits.target)
images = (digits.data[rng.permutation(n)] / 16 - 0.3).astype(np.float32)
labels = digits.target[rng.permutation(n)]

x_train, x_test = torch.from_numpy(images[:1500]), torch.from_numpy(images[1500:])
t_train, t_test = torch.from_numpy(labels[:1500]), torch.from_numpy(labels[1500:])


class Perceptron(nn.Module):
    def __init__(self, n_hidden=32):  # clinic: n_hidden=32 | n_hidden=20
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, n_hidden), nn.Tanh(), nn.Linear(n_hidden, 10))  # clinic: nn.Tanh() | nn.Sigmoid() | nn.ReLU()

    def forward(self, x):
        return self.net(x)


perceptron = Perceptron()
loss_function = nn.CrossEntropyLoss()
optimizer = torch.optim.RMSprop(perceptron.parameters(), lr=2e-3)  # clinic: RMSprop(perceptron.parameters(), lr=2e-3) | Adam(perceptron.parameters(), lr=3e-3)

for epoch in range(1, 7):
    order = torch.randperm(1500)
    for b in range(30):
        sel = order[b * 50 : (b + 1) * 50]
        optimizer.zero_grad()
        loss = loss_function(perceptron(x_train[sel]), t_train[sel])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        train_loss = loss_function(perceptron(x_train), t_train).item()
        test_acc = (perceptron(x_test).argmax(1) == t_test).float().mean().item()
    print(f"Epoch {epoch}: train loss {train_loss:.4f}, test accuracy {test_acc:.2%}")
