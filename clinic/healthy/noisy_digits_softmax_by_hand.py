"""Digits with some wrong labels, softmax and log-likelihood written out by hand.

Fault: none
Looks like: output_loss_mismatch or infinite_gradient, since the network returns probabilities and the loss takes their logarithm; nll wants exactly that, and the small number inside keeps it finite.
Metric: test accuracy, higher is better; 0.1108 without learning
"""

import numpy as np
import torch
from sklearn.datasets import load_digits

rng = np.random.default_rng(0)
torch.manual_seed(0)  # clinic: seed(0) | seed(6)


class DigitNet(torch.nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.fc1 = torch.nn.Linear(64, hidden)
        self.drop = torch.nn.Dropout(0.2)
        self.fc2 = torch.nn.Linear(hidden, 10)

    def forward(self, x):
        z = self.fc2(self.drop(torch.relu(self.fc1(x))))
        e = torch.exp(z - z.max(dim=1, keepdim=True).values)
        return e / e.sum(dim=1, keepdim=True)


def get_data():
    digits = load_digits()
    x = torch.tensor(digits.data / 8 - 1, dtype=torch.float32)
    clean = torch.tensor(digits.target)
    wrong = torch.tensor(rng.random(len(x)) < 0.1)
    return x, clean, torch.where(wrong, torch.tensor(rng.integers(10, size=len(x))), clean)


x, clean, labels = get_data()
net = DigitNet(hidden=48)  # clinic: hidden=48 | hidden=64
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
batch = 50  # clinic: 50 | 60

for epoch in range(16):
    net.train()
    order = torch.randperm(1400)
    total = 0.0
    for i in range(0, 1400, batch):
        rows = order[i : i + batch]
        p = net(x[rows])
        loss = torch.nn.functional.nll_loss(torch.log(p + 1e-9), labels[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(rows)
    if epoch % 3 == 0:
        net.eval()
        with torch.no_grad():
            acc = (net(x[1400:]).argmax(1) == clean[1400:]).float().mean().item()
        print(f"epoch {epoch} loss {total / 1400:.4f} test accuracy {acc:.3f}")
