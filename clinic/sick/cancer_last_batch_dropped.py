"""Breast cancer diagnosis (malignant / benign) from 30 features, fitted to a small pilot sample.

Fault: no_batch
Fix: none: a batch size that is no larger than the sample, or drop_last=False
"""

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SAMPLE = 48  # clinic: 48 | 40 | 56
BATCH_SIZE = 64  # clinic: 64 | 128
EPOCHS = 20

torch.manual_seed(3)
features, labels = load_breast_cancer(return_X_y=True)
features = torch.from_numpy(StandardScaler().fit_transform(features)).float()
labels = torch.from_numpy(labels)
pilot = TensorDataset(features[:SAMPLE], labels[:SAMPLE])
loader = DataLoader(pilot, batch_size=BATCH_SIZE, shuffle=True, drop_last=True)

model = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(EPOCHS):
    model.train()
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    predicted = model(features[SAMPLE:]).argmax(1)
print(f"test accuracy {(predicted == labels[SAMPLE:]).float().mean().item():.3f}")
