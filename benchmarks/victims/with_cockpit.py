"""The loop of `for_all.py` as Cockpit wants it: `STEPS=400 python with_cockpit.py CONFIGURATION EVERY`."""

import os
import sys
import time

import torch
from backpack import extend
from cockpit import Cockpit
from cockpit.utils import schedules
from cockpit.utils.configuration import configuration
from torch import nn

steps, chosen, every = int(os.environ["STEPS"]), sys.argv[1], int(sys.argv[2])
torch.manual_seed(0)
data, labels = torch.randn(4096, 64), torch.randint(10, (4096,))
model = nn.Sequential(nn.Linear(64, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 10))
extend(model)
criterion, of_each = extend(nn.CrossEntropyLoss()), nn.CrossEntropyLoss(reduction="none")
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
cockpit = Cockpit(model.parameters(), quantities=configuration(chosen, track_schedule=schedules.linear(every)))
began = time.perf_counter()
for step in range(steps):
    batch = torch.randint(len(data), (128,))
    optimizer.zero_grad()
    scores = model(data[batch])
    loss = criterion(scores, labels[batch])
    info = {"batch_size": 128, "individual_losses": of_each(scores, labels[batch]), "loss": loss}
    with cockpit(step, info={**info, "optimizer": optimizer}):
        loss.backward(create_graph=cockpit.create_graph(step))
    optimizer.step()
print(f"loop {time.perf_counter() - began:.6f} loss {loss.item()!r}")
