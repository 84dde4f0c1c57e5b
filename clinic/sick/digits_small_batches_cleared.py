"""Names handwritten digits in batches that are too small for a step: eight of them are meant to count together.

Fault: gradients_lost
Fix: clear_later, optimizer.zero_grad() after optimizer.step()
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(1)  # clinic: manual_seed(1) | manual_seed(6)
PARTS = 8
digits = load_digits()
pixels = torch.tensor(digits.data, dtype=torch.float32) / 16 - 0.3
labels = torch.tensor(digits.target)
train = DataLoader(TensorDataset(pixels[:1400], labels[:1400]), batch_size=10, shuffle=True)  # clinic: =10 | =8

net = nn.Sequential(nn.Linear(64, 50), nn.Tanh(), nn.Linear(50, 10))
optimizer = torch.optim.SGD(net.parameters(), lr=0.3)
for epoch in range(8):
    for part, (x, y) in enumerate(train, 1):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y) / PARTS
        loss.backward()
        if part % PARTS == 0:
            optimizer.step()
    with torch.no_grad():
        accuracy = (net(pixels[1400:]).argmax(1) == labels[1400:]).float().mean().item()
    print(f"epoch {epoch + 1}: loss {loss.item() * PARTS:.4f}, test accuracy {accuracy:.4f}")
