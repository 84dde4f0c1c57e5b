"""A network tells three vineyards apart; the wines to be scored lie in the shelves by vineyard, eight at a time.

Fault: evaluated_in_training_mode
Fix: score in evaluation mode: normalised by their own shelf, the wines of one vineyard look like those of any
"""

import torch
from sklearn.datasets import load_wine
from torch import nn

torch.manual_seed(3)  # clinic: seed(3) | seed(30)
data = load_wine()
features = torch.tensor(data.data, dtype=torch.float32)
features = (features - features.mean(0)) / features.std(0)
vineyard = torch.tensor(data.target)
kept = torch.arange(len(vineyard)) % 4 == 0
shelves = vineyard[kept].argsort()

model = nn.Sequential(
    nn.Linear(13, 32),  # clinic: 32 | 24
    nn.BatchNorm1d(32),  # clinic: 32 | 24
    nn.ReLU(),
    nn.Linear(32, 3),  # clinic: 32 | 24
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
for epoch in range(40):
    order = torch.nonzero(~kept)[:, 0]
    for rows in order[torch.randperm(len(order))].split(16):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(features[rows]), vineyard[rows])
        loss.backward()
        optimizer.step()
    if epoch % 10 == 9:
        right = 0
        with torch.no_grad():
            for shelf in shelves.split(8):
                wines = torch.nonzero(kept)[:, 0][shelf]
                right += (model(features[wines]).argmax(1) == vineyard[wines]).sum().item()
        print(f"epoch {epoch + 1}: accuracy on wines kept apart {right / len(shelves):.3f}")
