"""The training of `narrow_trainings.py` by one process, as a user would write it: for `descend layout`."""

import sys

import torch
from narrow_trainings import DEPTH, WIDTH
from torch.nn.functional import cross_entropy
from torch.optim import SGD
from trainings import network, split

torch.set_num_threads(1)
data, batch = split(0), int(sys.argv[1])
model = network(DEPTH, WIDTH)
optimizer = SGD(model.parameters(), lr=0.01)
for _ in range(40):
    optimizer.zero_grad()
    cross_entropy(model(data.x[:batch]), data.y[:batch]).backward()
    optimizer.step()
