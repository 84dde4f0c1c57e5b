"""Digits by two processes, the last of which reads its examples eight times as slowly: all wait for it in every step.

torchrun --nproc-per-node 2 -m descend doctor examples/spread/uneven.py
"""

import time

import torch
import torch.distributed as dist
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset, DistributedSampler


class Digits(Dataset):
    def __init__(self, seconds):
        pixels, digits = load_digits(return_X_y=True)
        self.x, self.y = torch.tensor(pixels[:400]).float() / 16 - 0.3, torch.tensor(digits[:400])
        self.seconds = seconds  # that reading an example takes

    def __len__(self):
        return len(self.x)

    def __getitem__(self, k):
        time.sleep(self.seconds)
        return self.x[k], self.y[k]


def main():
    torch.manual_seed(0)
    slow = dist.get_rank() == dist.get_world_size() - 1
    data = Digits(0.004 if slow else 0.0005)
    loader = DataLoader(data, batch_size=8, sampler=DistributedSampler(data))
    model = DistributedDataParallel(nn.Linear(64, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for images, labels in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()


dist.init_process_group("gloo")
main()
dist.destroy_process_group()
