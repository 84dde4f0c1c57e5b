"""A wide network for sums of digits, with a learning rate for each layer that depends on its width.

On purpose: the rates of the groups differ by a factor of 32, and the output is multiplied by a small number.
Field: maximal update parametrisation
Metric: test accuracy, higher is better; 0.10 without learning
Source: Yang et al. 2022, Tensor Programs V; https://github.com/microsoft/mup
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

WIDTH, BASE = 512, 16


class Net(nn.Module):
    """Two hidden layers and a scaled output."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.first, self.second = nn.Linear(inputs, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.last = nn.Linear(WIDTH, outputs)
        nn.init.normal_(self.first.weight, std=inputs**-0.5)
        nn.init.normal_(self.second.weight, std=WIDTH**-0.5)
        nn.init.zeros_(self.last.weight)

    def forward(self, x):
        """Return logits."""
        h = F.relu(self.second(F.relu(self.first(x))))
        return self.last(h) * 4 * BASE / WIDTH


def pairs(images, labels, rows, count):
    """Put two digits next to each other; the class is the last digit of their sum."""
    left, right = rows[torch.randint(len(rows), (count,))], rows[torch.randint(len(rows), (count,))]
    return torch.cat([images[left], images[right]], dim=1), (labels[left] + labels[right]) % 10


def main():
    """Train and evaluate."""
    torch.manual_seed(0)
    digits = load_digits()
    images, labels = torch.tensor(digits.data, dtype=torch.float32) / 16.0 - 0.3, torch.tensor(digits.target)
    order = torch.randperm(len(images))
    net = Net(128, 10)
    rate = 0.02
    optimizer = torch.optim.Adam(
        [
            {"params": net.first.parameters(), "lr": rate / 8},
            {"params": [net.second.weight], "lr": rate * BASE / WIDTH},
            {"params": [net.second.bias], "lr": rate / 8},
            {"params": net.last.parameters(), "lr": rate},
        ]
    )
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, total_iters=400)
    for step in range(1, 401):
        x, y = pairs(images, labels, order[:1300], 128)
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step}: loss {loss.item():.4f}")
    net.eval()
    with torch.no_grad():
        x, y = pairs(images, labels, order[1300:], 2000)
        print(f"test accuracy {(net(x).argmax(dim=1) == y).float().mean().item():.4f}")


if __name__ == "__main__":
    main()
