"""Digits on several processes, for torchrun; sick: a softmax before the loss that applies its own."""

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

dist.init_process_group("gloo")
rank = dist.get_rank()
torch.manual_seed(0)
digits = torch.load("digits.pt")
data = TensorDataset(digits["images"] / 16 - 0.3, digits["labels"])
sampler = DistributedSampler(data, seed=0)
loader = DataLoader(data, batch_size=32, sampler=sampler)
model = DistributedDataParallel(nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10)))
optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
for epoch in range(3):
    sampler.set_epoch(epoch)
    for images, labels in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)  # sick: model(images) | model(images).softmax(dim=1)
        loss.backward()
        optimizer.step()
        print(f"{rank} {epoch} {loss.item()}\n", end="", flush=True)
dist.destroy_process_group()
