"""Names handwritten digits with a hand-written negative log-likelihood.

Fault: examples_mixed
Fix: own_entries, the log-probability of each image's own label
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(7)  # clinic: manual_seed(7) | manual_seed(2)
data = load_digits()
pixels = torch.tensor(data.data, dtype=torch.float32) / 16 - 0.3
labels = torch.tensor(data.target)
order = torch.randperm(len(labels))
train, test = order[:1400], order[1400:]

model = nn.Sequential(nn.Linear(64, 60), nn.ReLU(), nn.Linear(60, 10))  # clinic: 60), nn.ReLU(), nn.Linear(60 | 48), nn.ReLU(), nn.Linear(48
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(12):
    for rows in train[torch.randperm(len(train))].split(50):
        log_probabilities = model(pixels[rows]).log_softmax(dim=1)
        loss = -log_probabilities[:, labels[rows]].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        accuracy = (model(pixels[test]).argmax(1) == labels[test]).float().mean().item()
    print(f"epoch {epoch + 1}: loss {loss.item():.4f}, test accuracy {accuracy:.4f}")
