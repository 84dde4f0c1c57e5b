"""Names handwritten digits with averaged weights.

Fault: copy_not_updated
Fix: average_network, the parameters of the trained network in the average
"""

import copy

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(6)  # clinic: manual_seed(6) | manual_seed(3)
data = load_digits()
pixels = torch.tensor(data.data, dtype=torch.float32) / 16 - 0.3
labels = torch.tensor(data.target)
order = torch.randperm(len(labels))
train, test = order[:1400], order[1400:]


@torch.no_grad()
def update(average, network, decay=0.95):
    """Move the averaged weights towards the present ones."""
    for slow, fast in zip(average.parameters(), average.parameters()):
        slow.mul_(decay).add_(fast, alpha=1 - decay)


model = nn.Sequential(nn.Linear(64, 50), nn.ReLU(), nn.Linear(50, 10))  # clinic: 50), nn.ReLU(), nn.Linear(50 | 64), nn.ReLU(), nn.Linear(64
averaged = copy.deepcopy(model)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(15):
    for rows in train[torch.randperm(len(train))].split(50):
        loss = nn.functional.cross_entropy(model(pixels[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        update(averaged, model)
    with torch.no_grad():
        accuracy = (averaged(pixels[test]).argmax(1) == labels[test]).float().mean().item()
    print(f"epoch {epoch + 1}: loss {loss.item():.4f}, test accuracy {accuracy:.4f}")
