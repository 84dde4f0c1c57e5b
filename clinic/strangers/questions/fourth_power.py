import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--power", type=int, default=4)
parser.add_argument("--epochs", type=int, default=60)
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--lr", type=float, default=0.001)
args = parser.parse_args()

torch.manual_seed(0)
x = torch.rand(2000, 1) * 200 - 100
y = x ** args.power


class Curve(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(1, 50)
        self.fc2 = nn.Linear(50, 50)
        self.fc3 = nn.Linear(50, 1)

    def forward(self, t):
        t = torch.sigmoid(self.fc1(t))
        t = F.elu(self.fc2(t))
        return self.fc3(t)


net = Curve()
opt = torch.optim.Adam(net.parameters(), lr=args.lr)

for ep in range(args.epochs):
    order = torch.randperm(len(x))
    acc = 0.0
    for k in range(0, len(x), args.batch):
        sel = order[k:k + args.batch]
        loss = F.mse_loss(net(x[sel]), y[sel])
        opt.zero_grad()
        loss.backward()
        opt.step()
        acc += loss.item() * len(sel)
    if ep % 5 == 0 or ep == args.epochs - 1:
        print("epoch", ep, "mse", acc / len(x))

with torch.no_grad():
    fit = net(x)
    r2 = 1 - ((fit - y) ** 2).sum() / ((y - y.mean()) ** 2).sum()
print("R2 on the training points: %.4f" % r2.item())
