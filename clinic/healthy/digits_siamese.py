"""Siamese network: are two digits the same? Contrastive loss.

Fault: none
Looks like: parameters used twice in a graph or a plateau, since both branches share their weights and pairs farther apart than the margin give no gradient; that is the method.
Metric: pair accuracy, higher is better; 0.5486 without learning
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


class Siamese(nn.Module):
    def __init__(self, out_dim):
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3), nn.ReLU(), nn.MaxPool2d(2))
        self.fc = nn.Linear(32 * 4, out_dim)

    def embed(self, x):
        return self.fc(self.cnn(x).flatten(1))

    def forward(self, x1, x2):
        return self.embed(x1), self.embed(x2)


class ContrastiveLoss(nn.Module):
    def __init__(self, margin=1.0):
        super().__init__()
        self.margin = margin

    def forward(self, e1, e2, same):
        dist = F.pairwise_distance(e1, e2)
        return (same * dist.pow(2) + (1 - same) * F.relu(self.margin - dist).pow(2)).mean()


def draw_pairs(images, labels, n):
    i = torch.randint(len(images), (n,))
    j = torch.randint(len(images), (n,))
    for k in range(0, n, 2):
        mates = (labels == labels[i[k]]).nonzero().flatten()
        j[k] = mates[torch.randint(len(mates), (1,))]
    return images[i], images[j], (labels[i] == labels[j]).float()


def main():
    torch.manual_seed(0)  # clinic: seed(0) | seed(20)
    digits = load_digits()
    images = torch.tensor(digits.images / 8.0 - 1.0, dtype=torch.float32).unsqueeze(1)
    labels = torch.tensor(digits.target)
    order = torch.randperm(len(labels))
    images, labels = images[order], labels[order]

    model = Siamese(out_dim=8)  # clinic: out_dim=8 | out_dim=16
    criterion = ContrastiveLoss(margin=1.0)  # clinic: margin=1.0 | margin=1.5
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    smooth = None
    for it in range(1, 301):
        x1, x2, same = draw_pairs(images[:1400], labels[:1400], 64)
        noise = 0.3 * torch.randn_like(x1)
        e1, e2 = model(x1 + noise, x2)
        loss = criterion(e1, e2, same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        smooth = loss.item() if smooth is None else 0.95 * smooth + 0.05 * loss.item()
        if it % 60 == 0:
            with torch.no_grad():
                x1, x2, same = draw_pairs(images[1400:], labels[1400:], 300)
                acc = ((F.pairwise_distance(*model(x1, x2)) < 0.5) == (same > 0.5)).float().mean()
            print(f"iteration {it} loss {smooth:.4f} pair accuracy {acc:.3f}")


main()
