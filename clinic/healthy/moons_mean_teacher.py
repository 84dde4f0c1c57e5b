"""Mean teacher on two moons: 60 labelled points, 1500 unlabelled, the teacher is a moving average of the student.

Fault: none
Looks like: parameters_not_in_optimizer (the teacher gets no gradients) or a second copy of the model; the teacher is updated by hand as a moving average.
Metric: teacher acc, higher is better; 0.503 without learning
"""

import copy

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import make_moons
from torch import nn

np.random.seed(0)
torch.manual_seed(0)  # clinic: seed(0) | seed(4)

X, y = make_moons(n_samples=1560, noise=0.15, random_state=0)
X = (X - X.mean(0)) / X.std(0)
perm = np.random.permutation(len(X))
X, y = torch.tensor(X[perm], dtype=torch.float32), torch.tensor(y[perm])
X_lab, y_lab, X_unl, y_unl = X[:60], y[:60], X[60:], y[60:]


class MLP(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.fc1 = nn.Linear(2, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, 2)

    def forward(self, x):
        return self.out(F.relu(self.fc2(F.relu(self.fc1(x)))))


student = MLP(64)  # clinic: MLP(64) | MLP(32) | MLP(100)
teacher = copy.deepcopy(student)
for p in teacher.parameters():
    p.requires_grad_(False)

optimizer = torch.optim.Adam(student.parameters(), lr=5e-3)


@torch.no_grad()
def update_teacher(decay):
    for pt, ps in zip(teacher.parameters(), student.parameters()):
        pt.mul_(decay).add_(ps, alpha=1 - decay)


for step in range(400):
    idx = torch.randint(0, len(X_unl), (128,))
    xu = X_unl[idx]
    with torch.no_grad():
        target = F.softmax(teacher(xu + 0.1 * torch.randn_like(xu)), dim=1)
    supervised = F.cross_entropy(student(X_lab + 0.1 * torch.randn_like(X_lab)), y_lab)
    consistency = F.mse_loss(F.softmax(student(xu + 0.1 * torch.randn_like(xu)), dim=1), target)
    weight = 2.0 * min(1.0, step / 150)  # clinic: 2.0 | 4.0
    loss = supervised + weight * consistency

    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    update_teacher(min(0.98, 1 - 1 / (step + 1)))

    if (step + 1) % 80 == 0:
        with torch.no_grad():
            acc = (teacher(X_unl).argmax(1) == y_unl).float().mean().item()
        print(f"step {step + 1}: sup {supervised.item():.4f} cons {consistency.item():.5f} teacher acc {acc:.3f}")
