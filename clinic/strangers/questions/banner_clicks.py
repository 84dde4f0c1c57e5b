import argparse

import torch
from torch import nn

ap = argparse.ArgumentParser()
ap.add_argument("--steps", type=int, default=3000)
ap.add_argument("--batch", type=int, default=16)
ap.add_argument("--lr", type=float, default=0.005)
opts = ap.parse_args()

torch.manual_seed(90)
true_w = torch.tensor([1.0, -0.8, 0.6, 0.0, 0.5])


def visitors(n):
    x = torch.randn(n, 5)
    p = torch.sigmoid(x @ true_w)
    return x, torch.bernoulli(p), p


model = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
sgd = torch.optim.SGD(model.parameters(), lr=opts.lr, momentum=0.9)
loss_fn = nn.BCEWithLogitsLoss()

for step in range(1, opts.steps + 1):
    x, click, _ = visitors(opts.batch)
    loss = loss_fn(model(x).squeeze(1), click)
    sgd.zero_grad()
    loss.backward()
    sgd.step()
    if step % 100 == 0:
        print("step", step, "loss", round(loss.item(), 4))

x, click, p = visitors(20000)
with torch.no_grad():
    mine = loss_fn(model(x).squeeze(1), click).item()
    floor = nn.functional.binary_cross_entropy(p, click).item()
print("log loss %.4f (true model %.4f)" % (mine, floor))
