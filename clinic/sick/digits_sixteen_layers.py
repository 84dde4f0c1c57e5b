"""A sixteen-layer network for the digits.

Fault: covariate_shift or instability
Fix: batch normalisation after every hidden linear layer
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

HIDDEN_LAYERS = 16  # clinic: 16 | 18 | 20
WIDTH = 50  # clinic: 50 | 40 | 60
RATE = 0.2  # clinic: 0.2 | 0.25 | 0.22


def block(n_in, n_out):
    linear = nn.Linear(n_in, n_out)
    nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
    nn.init.zeros_(linear.bias)
    return nn.Sequential(linear, nn.ReLU())


class VeryDeep(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = block(64, WIDTH)
        self.blocks = nn.ModuleList([block(WIDTH, WIDTH) for _ in range(HIDDEN_LAYERS - 1)])
        self.last = nn.Linear(WIDTH, 10)

    def forward(self, x):
        x = self.first(x)
        for b in self.blocks:
            x = b(x)
        return self.last(x)


torch.manual_seed(0)
raw = load_digits()
images = torch.tensor(raw.data, dtype=torch.float32)
images = (images - images.mean(0)) / (images.std(0) + 0.1)
targets = torch.tensor(raw.target)

model = VeryDeep()
optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(10):
    total = 0.0
    for rows in torch.randperm(len(images)).split(60):
        loss = loss_fn(model(images[rows]), targets[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    print(f"epoch {epoch + 1}: train loss {total / len(images):.4f}")
