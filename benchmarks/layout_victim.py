"""The training of `layout_trainings.py` by one process, as a user would write it: for `descend layout`."""

import torch
from layout_trainings import BATCH, network, rule
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)
x, y = torch.randn(BATCH, 784), torch.randint(0, 10, (BATCH,))
model = network()
optimizer = rule(model.parameters())
for _ in range(40):
    optimizer.zero_grad()
    cross_entropy(model(x), y).backward()
    optimizer.step()
