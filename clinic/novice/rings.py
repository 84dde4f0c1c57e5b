"""Two rings.

Fault: no_nonlinearity
Fix: a ReLU after each hidden layer
"""

import torch
import torch.nn as nn
from sklearn.datasets import make_circles

torch.manual_seed(123)

# two rings, inside = 1, outside = 0
X, y = make_circles(n_samples=1000, noise=0.05, factor=0.5, random_state=123)
X = torch.tensor(X, dtype=torch.float)
y = torch.tensor(y, dtype=torch.float).unsqueeze(1)


class RingNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Linear(2, 64)
        self.layer2 = nn.Linear(64, 64)
        self.layer3 = nn.Linear(64, 1)

    def forward(self, x):
        x = self.layer1(x)
        x = self.layer2(x)
        x = self.layer3(x)
        return x


net = RingNet()
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
bce = nn.BCEWithLogitsLoss()

for step in range(1000):
    logits = net(X)
    loss = bce(logits, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 100 == 0 or step == 999:
        acc = ((logits > 0).float() == y).float().mean()
        print(step, "loss:", round(loss.item(), 4), "acc:", round(acc.item(), 3))
