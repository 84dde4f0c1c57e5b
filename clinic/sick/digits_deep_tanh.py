"""A deeper tanh network for the digits.

Fault: bad_initialisation or vanishing_gradients
Fix: Xavier initialisation
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(17)
DEPTH = 5  # clinic: 5 | 4 | 7
WIDTH = 64  # clinic: 64 | 48 | 100


class DeepNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.inp = nn.Linear(64, WIDTH)
        self.mid = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(DEPTH - 1))
        self.out = nn.Linear(WIDTH, 10)
        for name, p in self.named_parameters():
            if name.endswith("weight"):
                nn.init.normal_(p, 0.0, 0.001)  # clinic: 0.001 | 0.003 | 0.0005
            else:
                nn.init.zeros_(p)

    def forward(self, x):
        x = torch.tanh(self.inp(x))
        for layer in self.mid:
            x = torch.tanh(layer(x))
        return self.out(x)


d = load_digits()
x = torch.tensor(d.data).float()
x = (x - x.mean(0)) / (x.std(0) + 1e-3)
y = torch.tensor(d.target)

net = DeepNet()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
for epoch in range(8):
    seen, summed = 0, 0.0
    for idx in torch.randperm(len(x)).split(64):
        loss = F.cross_entropy(net(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen += len(idx)
        summed += loss.item() * len(idx)
    print(f"epoch {epoch + 1} train loss {summed / seen:.4f}")
