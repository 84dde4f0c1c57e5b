"""A classifier of noisy digits whose learning rate falls to zero and jumps back five times; the snapshots vote.

On purpose: the schedule restarts within the run, and the rate is almost zero right before every jump.
Field: snapshot ensemble
Metric: ensemble accuracy, higher is better; 0.100 without learning
Source: Huang et al. 2017, Snapshot Ensembles; torch.optim.lr_scheduler.CosineAnnealingWarmRestarts
"""

import copy

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
data = load_digits()
images = torch.tensor(data.images, dtype=torch.float32)[:, None] / 16.0
images = images + 0.15 * torch.randn_like(images)
labels = torch.tensor(data.target)
order = torch.randperm(len(images))
train, test = order[:1300], order[1300:]

model = nn.Sequential(
    nn.Conv2d(1, 24, 3, padding=1),
    nn.BatchNorm2d(24),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(24 * 16, 64),
    nn.ReLU(),
    nn.Linear(64, 10),
)
loader = DataLoader(TensorDataset(images[train], labels[train]), batch_size=50, shuffle=True)
CYCLES, EPOCHS_EACH = 5, 5
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=EPOCHS_EACH * len(loader))

snapshots = []
for epoch in range(1, CYCLES * EPOCHS_EACH + 1):
    model.train()
    for x, y in loader:
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    if epoch % EPOCHS_EACH == 0:
        snapshots.append(copy.deepcopy(model).eval())
        print(f"epoch {epoch}: loss {loss.item():.4f}, {len(snapshots)} snapshots")

with torch.no_grad():
    probabilities = sum(snapshot(images[test]).softmax(dim=1) for snapshot in snapshots)
print(f"ensemble accuracy {(probabilities.argmax(dim=1) == labels[test]).float().mean().item():.4f}")
