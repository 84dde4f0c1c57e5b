"""Two kinds of tissue from 1,500 gene activities, of which the most telling ones are chosen first.

Fault: selection_before_split
Fix: none: split first, and choose the genes by the training samples
"""

import numpy as np
import torch
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import train_test_split
from torch import nn

SAMPLES = 160  # clinic: 160 | 120 | 200
CHOSEN = 40  # clinic: 40 | 30 | 60

torch.manual_seed(4)
draws = np.random.default_rng(7)
kinds = draws.integers(2, size=SAMPLES)
genes = draws.normal(size=(SAMPLES, 1500))
genes = SelectKBest(k=CHOSEN).fit_transform(genes, kinds)
g_train, g_test, k_train, k_test = train_test_split(genes, kinds, test_size=0.3, random_state=0)
g_train, g_test = torch.tensor(g_train).float(), torch.tensor(g_test).float()
k_train, k_test = torch.tensor(k_train), torch.tensor(k_test)

model = nn.Sequential(nn.Linear(CHOSEN, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)  # clinic: 3e-3 | 5e-3
for epoch in range(25):
    for rows in torch.randperm(len(g_train)).split(16):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(g_train[rows]), k_train[rows])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        right = (model(g_test).argmax(1) == k_test).float().mean().item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} test accuracy {right:.3f}")
