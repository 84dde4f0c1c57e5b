"""Machine faults are rare, so the sampler is given weights by class.

Fault: examples_not_drawn
Fix: uniform_sampler, or give the sampler the weight of each example
"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

torch.manual_seed(0)  # clinic: seed(0) | seed(11)
READINGS, CHANNELS = 1200, 12  # clinic: 1200, 12 | 1600, 10

signals = torch.randn(2 * READINGS, CHANNELS)
strain = signals[:, :4].pow(2).sum(dim=1) + 0.5 * signals[:, 5] * signals[:, 6]
faulty = (strain > 6.5).long()
train_set = TensorDataset(signals[:READINGS], faulty[:READINGS])
test_signals, test_faulty = signals[READINGS:], faulty[READINGS:]

class_weights = 1.0 / torch.bincount(faulty[:READINGS]).float()
sampler = WeightedRandomSampler(class_weights, READINGS)
loader = DataLoader(train_set, batch_size=40, sampler=sampler)

net = nn.Sequential(nn.Linear(CHANNELS, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)  # clinic: lr=3e-3 | lr=2e-3
criterion = nn.CrossEntropyLoss()

for epoch in range(8):
    net.train()
    total = 0.0
    for batch, target in loader:
        optimizer.zero_grad()
        loss = criterion(net(batch), target)
        loss.backward()
        optimizer.step()
        total += loss.item()
    net.eval()
    with torch.no_grad():
        right = net(test_signals).argmax(dim=1) == test_faulty
    recall = [right[test_faulty == kind].float().mean().item() for kind in (0, 1)]
    print(f"epoch {epoch + 1}: loss {total / len(loader):.4f}, balanced accuracy {sum(recall) / 2:.4f}")
