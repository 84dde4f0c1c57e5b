"""Digits with a three-layer network and SGD with momentum.

Fault: momentum_mismatch or instability
Fix: divide the rate by ten (or put the momentum back to 0.9)
"""

import torch
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.nn import functional as F

SEED = 2
LR = 0.1  # clinic: 0.1 | 0.07 | 0.15
MOMENTUM = 0.99
EPOCHS = 12
BATCH = 64  # clinic: 64 | 50 | 100

torch.manual_seed(SEED)
bunch = load_digits()
data = torch.tensor(bunch.data, dtype=torch.float) / 16
data = data - data.mean(dim=0)
labels = torch.tensor(bunch.target)


class Net(nn.Module):
    def __init__(self, n_hidden=48):  # clinic: 48 | 32 | 96
        super(Net, self).__init__()
        self.lin1 = nn.Linear(64, n_hidden)
        self.lin2 = nn.Linear(n_hidden, n_hidden)
        self.lin3 = nn.Linear(n_hidden, 10)

    def forward(self, x):
        x = torch.relu(self.lin1(x))
        x = torch.relu(self.lin2(x))
        return F.log_softmax(self.lin3(x), dim=1)


net = Net()
optimizer = optim.SGD(net.parameters(), lr=LR, momentum=MOMENTUM)

for epoch in range(EPOCHS):
    net.train()
    for idx in torch.randperm(len(data)).split(BATCH):
        optimizer.zero_grad()
        loss = F.nll_loss(net(data[idx]), labels[idx])
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        logp = net(data)
        print(
            "Epoch: {} Loss: {:.4f} Accuracy: {:.2f}%".format(
                epoch + 1, F.nll_loss(logp, labels).item(), 100 * (logp.argmax(1) == labels).float().mean().item()
            )
        )
