"""Ten digits by a network whose body was trained to tell odd from even; its head is new, and is left out of the load.

Fault: none
Looks like: weights_not_loaded, since names are missing on one side and unexpected on the other
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(3)
data = load_digits()
x, y = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
order = torch.randperm(len(x))
width = 96  # clinic: 96 | 64


class Net(nn.Module):
    def __init__(self, classes, old_name=False):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        head = nn.Linear(width, classes)
        if old_name:
            self.parity = head
        else:
            self.digit = head

    def forward(self, x):
        hidden = self.body(x)
        return self.parity(hidden) if hasattr(self, "parity") else self.digit(hidden)


def fit(net, targets, rows, epochs):
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)  # clinic: lr=2e-3 | lr=1e-3
    for epoch in range(epochs):
        for batch in rows[torch.randperm(len(rows))].split(50):  # clinic: 50 | 30
            loss = nn.functional.cross_entropy(net(x[batch]), targets[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch + 1}: loss {loss.item():.3f}")


parity = Net(2, old_name=True)
fit(parity, y % 2, order[:1000], 25)
net = Net(10)
left = net.load_state_dict(parity.state_dict(), strict=False)
print("new:", left.missing_keys, "dropped:", left.unexpected_keys)
fit(net, y, order, 25)
