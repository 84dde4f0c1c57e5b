"""Wine cultivars; the network returns log-probabilities for nll_loss.

Fault: output_loss_mismatch
Fix: log_softmax along dim=1, where the classes lie
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch import nn


class Cultivars(nn.Module):
    def __init__(self, width=20):  # clinic: width=20 | width=12 | width=32
        super().__init__()
        self.first = nn.Linear(13, width)
        self.second = nn.Linear(width, 3)

    def forward(self, x):
        return F.log_softmax(self.second(torch.tanh(self.first(x))), dim=0)


torch.manual_seed(8)
data = load_wine()
x = torch.tensor(StandardScaler().fit_transform(data.data), dtype=torch.float32)
y = torch.tensor(data.target)
net = Cultivars()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)  # clinic: lr=0.1 | lr=0.05
batch = 30  # clinic: 30 | 20 | 45

for epoch in range(60):
    order = torch.randperm(len(x))
    for start in range(0, len(x), batch):
        rows = order[start : start + batch]
        optimizer.zero_grad()
        loss = F.nll_loss(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
    if epoch % 10 == 9:
        with torch.no_grad():
            right = (net(x).argmax(1) == y).float().mean().item()
        print(f"epoch {epoch + 1} loss {loss.item():.4f} accuracy {right:.3f}")
