"""Embedding of the digits with a triplet loss.

Fault: none
Looks like: plateau or dead units, since the loss is exactly 0 for most triplets after a while; a triplet that respects the margin has nothing left to say.
Metric: 3-nn accuracy, higher is better; 0.8896 without learning
"""

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

rng = np.random.RandomState(0)
torch.manual_seed(0)  # clinic: seed(0) | seed(30)

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split((X - 4.9) / 6.0, y, test_size=0.3, random_state=0)
by_class = [np.flatnonzero(y_train == c) for c in range(10)]
X_train, X_test = torch.tensor(X_train).float(), torch.tensor(X_test).float()

embed = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))  # clinic: nn.Linear(64, 16) | nn.Linear(64, 8)
triplet = nn.TripletMarginLoss(margin=1.0)
optimizer = torch.optim.Adam(embed.parameters(), lr=5e-3)


def sample_triplets(n):
    anchors = rng.randint(len(y_train), size=n)
    labels = y_train[anchors]
    others = (labels + rng.randint(1, 10, size=n)) % 10
    positives = np.array([rng.choice(by_class[c]) for c in labels])
    negatives = np.array([rng.choice(by_class[c]) for c in others])
    return anchors, positives, negatives


def augment(x):
    return x + 0.6 * torch.randn_like(x)


for step in range(300):
    a, p, n = sample_triplets(96)  # clinic: 96 | 128
    loss = triplet(embed(augment(X_train[a])), embed(augment(X_train[p])), embed(augment(X_train[n])))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 60 == 59:
        with torch.no_grad():
            knn = KNeighborsClassifier(3).fit(embed(X_train).numpy(), y_train)
            print(
                f"step {step + 1} loss {loss.item():.4f} 3-nn accuracy {knn.score(embed(X_test).numpy(), y_test):.3f}"
            )
