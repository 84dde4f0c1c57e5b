import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from own_log import OwnLog

torch.manual_seed(1)
k = 4
x, y = torch.randn(256, 6), torch.randint(0, 3, (256,))
model = nn.Linear(6, 3)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
criterion = nn.CrossEntropyLoss()
seen = OwnLog()
parts = []
for epoch in range(4):
    for i, (a, b) in enumerate(DataLoader(TensorDataset(x, y), batch_size=8)):
        loss = criterion(model(a), b) / k
        loss.backward()
        parts.append(loss.detach())
        if i % k == k - 1:
            optimizer.step()
            optimizer.zero_grad()
            seen.loss(torch.stack(parts).sum())
            parts.clear()
seen.end(*model.parameters())
