"""Trains in the way that its first argument names; the second is a word to know its processes by."""

import os
import signal
import sys
import time

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

kind = sys.argv[1]
torch.manual_seed(0)
x, y = torch.randn(64, 4), torch.randn(64, 1)
model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
steps = 0


def step(a=x, b=y):
    global steps
    optimizer.zero_grad()
    loss = (model(a) - b).square().mean()
    loss.backward()
    optimizer.step()
    steps += 1


def forever():
    line = "x" * 65536
    while True:
        try:
            step()
            for _ in range(50):
                print(line)
                print(line, file=sys.stderr)
        except BaseException:
            continue


if kind == "forever":
    forever()
elif kind == "slow":
    while True:
        step()
        time.sleep(0.05)
elif kind == "never":
    while True:
        time.sleep(0.1)
elif kind == "stuck":
    step()
    time.sleep(1000)
elif kind == "once":
    step()
elif kind == "forks":
    if os.fork() == 0:
        step()
        time.sleep(1000)
    for epoch in range(1000):
        for a, b in DataLoader(TensorDataset(x, y), batch_size=8, num_workers=1, persistent_workers=True):
            step(a, b)
elif kind == "leaves":
    step()
    if os.fork() == 0:
        time.sleep(1000)
        os._exit(0)
    step()
elif kind in ("killed", "segfault"):
    for i in range(30):
        step()
        time.sleep(0.1)
    time.sleep(0.5)
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    import ctypes

    ctypes.string_at(0)
