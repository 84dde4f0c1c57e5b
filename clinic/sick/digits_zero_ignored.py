"""Names handwritten digits with a loss that was copied from a translator, where index 0 is the padding.

Fault: class_weights
Fix: call_argument, ignore_index=-100, or no ignore_index
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(4)  # clinic: manual_seed(4) | manual_seed(9)
data = load_digits()
pixels = torch.tensor(data.data, dtype=torch.float32) / 16 - 0.3
labels = torch.tensor(data.target)
order = torch.randperm(len(pixels))
train, test = order[:1400], order[1400:]

net = nn.Sequential(nn.Linear(64, 80), nn.ReLU(), nn.Linear(80, 10))  # clinic: 80), nn.ReLU(), nn.Linear(80 | 64), nn.ReLU(), nn.Linear(64
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(12):
    for rows in train[torch.randperm(len(train))].split(40):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(pixels[rows]), labels[rows], ignore_index=0)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        accuracy = (net(pixels[test]).argmax(1) == labels[test]).float().mean().item()
    print(f"epoch {epoch + 1}: loss {loss.item():.4f}, test accuracy {accuracy:.4f}")
