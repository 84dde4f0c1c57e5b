"""Screening model: flag malignant tumours.

Fault: labels_wrong
Fix: by hand: compare with the number, not with a string: 1.0 if t == 0 else 0.0 (every label is 0 now)
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import scale

torch.manual_seed(6)

dataset = load_breast_cancer()
inputs = torch.tensor(scale(dataset.data), dtype=torch.float32)
malignant = torch.tensor([1.0 if t == "0" else 0.0 for t in dataset.target])

perm = torch.randperm(len(inputs))
train_idx, test_idx = perm[:450], perm[450:]


class Screen(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(30, 24)  # clinic: 24 | 50
        self.b = nn.Linear(self.a.out_features, 1)

    def forward(self, x):
        return self.b(F.elu(self.a(x))).squeeze(1)


screen = Screen()
optimizer = torch.optim.SGD(screen.parameters(), lr=0.05, momentum=0.9)  # clinic: SGD(screen.parameters(), lr=0.05, momentum=0.9) | Adam(screen.parameters(), lr=0.002)
n_steps = 300  # clinic: 300 | 200

for n in range(n_steps):
    pick = train_idx[torch.randint(0, len(train_idx), (30,))]
    loss = F.binary_cross_entropy_with_logits(screen(inputs[pick]), malignant[pick])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if n % 50 == 0:
        print(f"step {n:4d}  loss {loss.item():.4f}")

with torch.no_grad():
    scores = screen(inputs[test_idx])
flagged = int((scores > 0).sum())
print(f"flagged {flagged} of {len(test_idx)} test cases")
print("auc", round(roc_auc_score(dataset.target[test_idx] == 0, scores.numpy()), 4))
