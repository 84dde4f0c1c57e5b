"""A small network for handwritten digits, the loop written from memory.

Fault: no_step
Fix: clear the gradients after the step, or before the backward pass
"""

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(4)
digits = load_digits()
images = torch.tensor(digits.data, dtype=torch.float32) / 16
labels = torch.tensor(digits.target)
loader = DataLoader(TensorDataset(images, labels), batch_size=48, shuffle=True)  # clinic: batch_size=48 | batch_size=32

hidden = 40  # clinic: 40 | 64 | 100
model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)  # clinic: Adam(model.parameters(), lr=2e-3) | SGD(model.parameters(), lr=0.2)

for epoch in range(6):
    running = 0.0
    for x, t in loader:
        loss = criterion(model(x), t)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.zero_grad()
        optimizer.step()
        running += loss.item()
    print(f"epoch {epoch}: {running / len(loader):.3f}")
