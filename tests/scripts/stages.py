import torch
from torch import nn
from own_log import OwnLog

torch.manual_seed(0)
x, y = torch.randn(64, 6), torch.randn(64, 1)
seen = OwnLog()


def train(model, optimizer, key):
    for step in range(12):
        i = torch.randint(0, 64, (16,))
        optimizer.zero_grad()
        loss = (model(x[i]) - y[i]).square().mean()
        loss.backward()
        optimizer.step()
        seen.loss(loss, key)


models = [nn.Linear(6, 1) for _ in range(3)]
optimizers = [torch.optim.SGD(model.parameters(), lr=0.05) for model in models[:2]]
train(models[0], optimizers[0], "0")
train(models[1], optimizers[1], "1")
train(models[2], torch.optim.Adam(models[2].parameters(), lr=0.05), "2")
seen.end(*[p for model in models for p in model.parameters()])
