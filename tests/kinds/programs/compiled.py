"""Digits, a compiled model in a compiled step; sick: the compiled step does not clear the gradients."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
digits = torch.load("digits.pt")
images = digits["images"] / 16 - 0.3
labels = digits["labels"]
model = torch.compile(nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10)), backend="aot_eager")
optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)


@torch.compile(backend="aot_eager")
def train_step(x, y):
    optimizer.zero_grad()  # sick: optimizer.zero_grad() | pass
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return loss


for step in range(120):
    batch = torch.randint(0, len(images), (64,))
    print(step, train_step(images[batch], labels[batch]).item())
