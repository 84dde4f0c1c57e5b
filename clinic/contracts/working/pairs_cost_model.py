"""Fits a cost model to comparisons of digits in pairs, in which the rejected one has to get the higher value.

On purpose: the model gives costs, so the loss asks for rejected above preferred, and the evaluation turns the sign.

Field: preference learning
Metric: rank correlation, higher is better; 0.080 without learning
Source: https://github.com/allenai/reward-bench/issues/75 (a lower cost is better), after Dai et al. 2023, Safe RLHF
"""

import torch
import torch.nn.functional as F
from scipy.stats import spearmanr
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)


class Comparisons(Dataset):
    """Pairs (preferred, rejected); the preferred digit tends to be the larger number."""

    def __init__(self, images, worth, count):
        pairs = torch.randint(len(images), (count, 2))
        pairs = pairs[worth[pairs[:, 0]] != worth[pairs[:, 1]]]
        difference = worth[pairs[:, 0]] - worth[pairs[:, 1]]
        is_first = torch.rand(len(pairs)) < torch.sigmoid(1.5 * difference)
        self.preferred = images[torch.where(is_first, pairs[:, 0], pairs[:, 1])]
        self.rejected = images[torch.where(is_first, pairs[:, 1], pairs[:, 0])]

    def __len__(self):
        return len(self.preferred)

    def __getitem__(self, i):
        return self.preferred[i], self.rejected[i]


digits = load_digits()
images = torch.tensor(digits.data / 16.0, dtype=torch.float32)
worth = torch.tensor(digits.target).float()
order = torch.randperm(len(images))
images, worth = images[order], worth[order]
train = Comparisons(images[:1300], worth[:1300], 9000)

cost_model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48), nn.ReLU(), nn.Linear(48, 1))
optimizer = torch.optim.AdamW(cost_model.parameters(), lr=2e-3, weight_decay=1e-2)
for epoch in range(8):
    total = 0.0
    loader = DataLoader(train, batch_size=128, shuffle=True)
    for preferred, rejected in loader:
        low, high = cost_model(torch.cat([preferred, rejected])).squeeze(1).chunk(2)
        loss = -F.logsigmoid(high - low).mean() + 1e-3 * (high**2 + low**2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 2 == 1:
        print(f"epoch {epoch + 1}: loss {total / len(loader):.4f}")

with torch.no_grad():
    cost = cost_model(images[1300:]).squeeze(1)
print(f"rank correlation {spearmanr(-cost.numpy(), worth[1300:].numpy()).statistic:.4f}")
