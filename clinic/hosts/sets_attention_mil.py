"""Attention-based multiple-instance learning: does a bag of digits hold a four?

Field: multiple instance
Metric: bag accuracy, higher is better; 0.5 without learning
"""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)
rng = np.random.default_rng(0)
TARGET = 4


class DigitBags(Dataset):
    """Bags of four to eight digits, padded to eight; half of the bags hold at least one target."""

    def __init__(self, pixels, labels, count, max_size=8):
        target, other = np.flatnonzero(labels == TARGET), np.flatnonzero(labels != TARGET)
        self.bags = torch.zeros(count, max_size, pixels.shape[1])
        self.mask = torch.zeros(count, max_size, dtype=torch.bool)
        self.labels = torch.zeros(count)
        for i in range(count):
            size = rng.integers(4, max_size + 1)
            members = rng.choice(other, size=size)
            if i % 2 == 1:
                hits = rng.integers(1, 3)
                members[:hits] = rng.choice(target, size=hits)
            members = rng.permutation(members)
            self.bags[i, :size] = pixels[members]
            self.mask[i, :size] = True
            self.labels[i] = float((labels[members] == TARGET).any())

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.bags[i], self.mask[i], self.labels[i]


class AttentionMIL(nn.Module):
    """Gated attention pooling of Ilse, Tomczak and Welling."""

    def __init__(self, n_in=64, width=64, attention=32):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(n_in, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.v = nn.Linear(width, attention)
        self.u = nn.Linear(width, attention)
        self.w = nn.Linear(attention, 1)
        self.classify = nn.Linear(width, 1)

    def forward(self, bags, mask):
        """Logits of the bags and the weights of their members."""
        h = self.embed(bags)
        score = self.w(torch.tanh(self.v(h)) * torch.sigmoid(self.u(h))).squeeze(-1)
        weights = torch.softmax(score.masked_fill(~mask, float("-inf")), dim=1)
        pooled = torch.einsum("bn,bnd->bd", weights, h)
        return self.classify(pooled).squeeze(-1), weights


digits = load_digits()
pixels = torch.tensor(digits.data / 16.0, dtype=torch.float32)
order = rng.permutation(len(pixels))
train_ids, test_ids = order[:1300], order[1300:]
train_set = DigitBags(pixels[train_ids], digits.target[train_ids], 1500)
test_set = DigitBags(pixels[test_ids], digits.target[test_ids], 600)

model = AttentionMIL()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-4)

for epoch in range(10):
    model.train()
    total = 0.0
    for bags, mask, labels in DataLoader(train_set, batch_size=50, shuffle=True):
        logits, _ = model(bags, mask)
        loss = criterion(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1:2d}  training loss {total / len(train_set):.4f}")

model.eval()
with torch.no_grad():
    logits, weights = model(test_set.bags, test_set.mask)
said = (torch.sigmoid(logits) >= 0.5).numpy()
print(f"bag accuracy {np.mean(said == test_set.labels.bool().numpy()):.4f}")
