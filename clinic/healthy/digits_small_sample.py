"""Digits from only 250 training images; the network learns them by heart.

Fault: none
Looks like: overfitting, since the training loss goes nearly to 0 and the validation accuracy stays below 100 %; the validation loss does not rise again, and the optimisation is as it should be.
Metric: val acc, higher is better; 0.1024 without learning
"""

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

np.random.seed(0)
torch.manual_seed(0)  # clinic: seed(0) | seed(8)

digits = load_digits()
X_train, X_val, y_train, y_val = train_test_split(
    (digits.data / 16.0 - 0.3) * 2.7, digits.target, train_size=250, stratify=digits.target, random_state=4
)
X_train, X_val = torch.FloatTensor(X_train), torch.FloatTensor(X_val)
y_train, y_val = torch.LongTensor(y_train), torch.LongTensor(y_val)

HIDDEN = 100  # clinic: 100 | 64 | 150
model = nn.Sequential(nn.Linear(64, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10))
ce = nn.CrossEntropyLoss()
optim = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=3e-3)  # clinic: 0.9 | 0.85

for epoch in range(60):
    idx = np.random.permutation(250)
    for i in range(0, 250, 50):
        j = idx[i : i + 50]
        optim.zero_grad()
        loss = ce(model(X_train[j]), y_train[j])
        loss.backward()
        optim.step()
    if epoch % 10 == 9:
        with torch.no_grad():
            tr, out = ce(model(X_train), y_train).item(), model(X_val)
            acc = (out.argmax(1) == y_val).float().mean().item()
            print(f"{epoch + 1:3d}: train {tr:.4f}, val {ce(out, y_val).item():.4f}, val acc {acc:.3f}")
