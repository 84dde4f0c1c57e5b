import torch
from torch import nn
from own_log import OwnLog

torch.manual_seed(0)
x, y = torch.randn(64, 6), torch.randn(64, 1)
seen = OwnLog()
body, head, other = nn.Linear(6, 6), nn.Linear(6, 1), nn.Linear(6, 1)


def train(optimizer, key):
    for step in range(12):
        i = torch.randint(0, 64, (16,))
        optimizer.zero_grad()
        loss = (head(body(x[i]).tanh()) - y[i]).square().mean()
        loss.backward()
        optimizer.step()
        seen.loss(loss, key)


train(torch.optim.SGD([*body.parameters(), *head.parameters()], lr=0.05), "0")
train(torch.optim.Adam(body.parameters(), lr=0.05), "1")
head = other
train(torch.optim.SGD(head.parameters(), lr=0.05, momentum=0.9), "2")
seen.end(*(p for model in (body, head, other) for p in model.parameters()))
