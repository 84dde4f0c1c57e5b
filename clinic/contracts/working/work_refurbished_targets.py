"""Names digits although four in ten of the training labels are wrong.

Field: noisy labels
Metric: clean test accuracy, higher is better; 0.1 without learning
On purpose: the targets are changed in place in every epoch, towards what the network predicts for them.
Source: https://github.com/shengliu66/ELR/issues/11 (targets of temporal ensembling)
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)

NOISE, MEMORY, WARMUP, EPOCHS = 0.4, 0.7, 5, 40


class SoftLabels(Dataset):
    """Pictures, their soft targets and their numbers."""

    def __init__(self, x, labels):
        self.x, self.targets = x, F.one_hot(labels, 10).float()

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.targets[i], i

    @torch.no_grad()
    def refurbish(self, rows, probabilities):
        """Moves the targets of some rows towards predictions."""
        self.targets[rows] = MEMORY * self.targets[rows] + (1 - MEMORY) * probabilities


digits = load_digits()
order = torch.randperm(len(digits.target))
x = torch.tensor(digits.data / 16.0, dtype=torch.float32)[order]
clean = torch.tensor(digits.target)[order]
noisy = torch.where(torch.rand(1300) < NOISE, torch.randint(10, (1300,)), clean[:1300])
train_set = SoftLabels(x[:1300], noisy)
loader = DataLoader(train_set, batch_size=64, shuffle=True)

model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-4)
for epoch in range(EPOCHS):
    model.train()
    for inputs, targets, rows in loader:
        logits = model(inputs)
        loss = F.cross_entropy(logits, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if epoch >= WARMUP:
            train_set.refurbish(rows, logits.softmax(dim=1))
    if epoch % 10 == 9:
        kept = (train_set.targets.argmax(dim=1) == clean[:1300]).float().mean().item()
        print(f"epoch {epoch + 1}: loss {loss.item():.4f}, right targets {kept:.3f}")

model.eval()
with torch.no_grad():
    accuracy = (model(x[1300:]).argmax(dim=1) == clean[1300:]).float().mean().item()
print(f"clean test accuracy {accuracy:.4f}")
