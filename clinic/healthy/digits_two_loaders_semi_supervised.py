"""Digits with few labels: a teacher's guesses on the unlabelled ones are learnt, too.

Fault: none
Looks like: unpaired_targets, since labelled and unlabelled images come from two loaders that shuffle apart
Metric: held-out accuracy, higher is better; 0.104 without learning
"""

import copy

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(2)
digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
labelled = DataLoader(TensorDataset(x[:300], y[:300]), batch_size=30, shuffle=True)  # clinic: batch_size=30 | batch_size=20
unlabelled = DataLoader(TensorDataset(x[300:1500]), batch_size=120, shuffle=True)

student = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))  # clinic: Linear(64, 96), nn.ReLU(), nn.Linear(96, | Linear(64, 64), nn.ReLU(), nn.Linear(64,
teacher = copy.deepcopy(student)
optimizer = torch.optim.Adam(student.parameters(), lr=2e-3)
for epoch in range(50):
    for (a, labels), (b,) in zip(labelled, unlabelled):
        with torch.no_grad():
            guesses = teacher(b).softmax(1)
        loss = F.cross_entropy(student(a), labels) + 0.3 * F.mse_loss(student(b + 0.1 * torch.randn_like(b)).softmax(1), guesses)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for old, new in zip(teacher.parameters(), student.parameters()):
                old.lerp_(new, 0.05)
    if epoch % 10 == 9:
        right = (teacher(x[1500:]).argmax(1) == y[1500:]).float().mean()
        print(f"epoch {epoch + 1}: loss {loss.item():.4f}, held-out accuracy {right:.3f}")
