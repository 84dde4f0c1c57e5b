import torch
from torch import nn
from own_log import OwnLog

torch.manual_seed(0)
x, y = torch.randn(64, 6), torch.randint(0, 3, (64,))
seen = OwnLog()
body, head = nn.Sequential(nn.Linear(6, 32), nn.Tanh()), nn.Linear(32, 3)


def train(optimizer, key):
    for step in range(40):
        i = torch.randint(0, 64, (16,))
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(head(body(x[i])), y[i])
        loss.backward()
        optimizer.step()
        seen.loss(loss, key)


train(torch.optim.Adam([*body.parameters(), *head.parameters()], lr=0.03), "0")
nn.init.normal_(head.weight, std=9.0)
train(torch.optim.Adam(head.parameters(), lr=0.03), "1")
seen.end(*body.parameters(), *head.parameters())
