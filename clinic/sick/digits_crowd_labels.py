"""Digits annotated by a crowd: train on its labels, check against the experts'.

Fault: outliers or overfitting
Fix: a loss that is robust to wrong labels (or leave out the examples that keep a large loss)
"""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

np.random.seed(6)
torch.manual_seed(6)


def crowd(labels, share):
    answers = labels.copy()
    differs = np.random.rand(len(labels)) < share
    answers[differs] = np.random.randint(0, 10, differs.sum())
    return answers


x, y = load_digits(return_X_y=True)
x = x / 8.0 - 1.0
x_train, x_check, y_train, y_check = train_test_split(x, y, test_size=0.5, random_state=6)
y_train = crowd(y_train, 0.35)  # clinic: 0.35 | 0.3 | 0.4
x_train, x_check = torch.tensor(x_train).float(), torch.tensor(x_check).float()
y_train, y_check = torch.tensor(y_train), torch.tensor(y_check)

activation = torch.nn.ReLU()  # clinic: ReLU() | GELU()
model = torch.nn.Sequential(torch.nn.Linear(64, 400), activation, torch.nn.Linear(400, 10))
opt = torch.optim.Adam(model.parameters(), lr=5e-3)  # clinic: lr=5e-3 | lr=4e-3
for epoch in range(35):
    perm = torch.randperm(len(x_train))
    for idx in perm.split(50):
        loss = F.cross_entropy(model(x_train[idx]), y_train[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if (epoch + 1) % 5 == 0:
        with torch.no_grad():
            train_loss = F.cross_entropy(model(x_train), y_train).item()
            scores = model(x_check)
            check_loss = F.cross_entropy(scores, y_check).item()
            check_acc = (scores.argmax(1) == y_check).float().mean().item()
        print(f"epoch {epoch + 1}: train {train_loss:.4f}, experts: loss {check_loss:.4f}, accuracy {check_acc:.3f}")
